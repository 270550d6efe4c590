"""Random routing policies and situations, also ones that no admin page would save."""

from hypothesis import strategies as st

from llm.engines import LLMSpec
from llm.routing import LEVELS, Engine, Policy, Rule, Situation

_KEYS = [str(number) for number in range(1, 6)]
_levels = st.frozensets(st.sampled_from(LEVELS), max_size=len(LEVELS))
_teams = st.frozensets(st.integers(1, 4), max_size=3)


@st.composite
def _engines(draw: st.DrawFn, key: str, external_url: str, local_url: str) -> Engine:
    runs = draw(st.sampled_from(("local", "external")))
    url = local_url if runs == "local" else external_url
    spec = LLMSpec(url, f"model-{key}", key=key, is_external=runs == "external")
    return Engine(
        key,
        spec,
        runs,  # type: ignore[arg-type]  # sampled_from gives str
        draw(st.sampled_from(LEVELS)),
        approved=draw(st.booleans()),
        by_rule_only=draw(st.booleans()),
    )


_rules = st.builds(
    Rule,
    key=st.uuids().map(str),
    name=st.just("rule"),
    engines=st.lists(st.sampled_from([*_KEYS, "gone"]), max_size=4).map(tuple),
    levels=_levels,
    teams=_teams,
    least_characters=st.sampled_from([0, 10, 50]),
    most_characters=st.sampled_from([None, 20, 500]),
    share=st.integers(0, 100),
    sticky_to=st.sampled_from(["person", "conversation"]),
)


@st.composite
def policies(
    draw: st.DrawFn, external_url: str = "https://api.example.com/v1", local_url: str = "http://vllm:8000/v1"
) -> Policy:
    keys = draw(st.lists(st.sampled_from(_KEYS), unique=True, max_size=len(_KEYS)))
    engines = tuple(draw(_engines(key, external_url, local_url)) for key in keys)
    return Policy(engines, tuple(draw(st.lists(_rules, max_size=5))))


def situations(levels: st.SearchStrategy[frozenset[str]] = _levels) -> st.SearchStrategy[Situation]:
    return st.builds(
        Situation,
        levels=levels,
        teams=_teams,
        characters=st.integers(0, 600),
        person=st.sampled_from(["1", "2", "3"]),
        conversation=st.uuids().map(str),
        exhausted=st.frozensets(st.sampled_from(_KEYS), max_size=2),
    )
