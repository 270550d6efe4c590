"""Random routing policies and situations, also ones that no admin page would save."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

from hypothesis import strategies as st

from llm.difficulty import DIFFICULTIES
from llm.engines import LLMSpec
from llm.routing import LEVELS, LOCAL_ONLY, Engine, Level, Policy, Rule, Situation

_T = TypeVar("_T")

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
    difficulty=st.sampled_from([None, *DIFFICULTIES]),
    share=st.integers(0, 100),
    sticky_to=st.sampled_from(["person", "conversation"]),
)


@st.composite
def policies(
    draw: st.DrawFn, external_url: str = "https://api.example.com/v1", local_url: str = "http://vllm:8000/v1"
) -> Policy:
    keys = draw(st.lists(st.sampled_from(_KEYS), unique=True, max_size=len(_KEYS)))
    engines = tuple(draw(_engines(key, external_url, local_url)) for key in keys)
    return Policy(
        engines, tuple(draw(st.lists(_rules, max_size=5))), draw(st.sampled_from(["", "gone", *_KEYS]))
    )


def situations(levels: st.SearchStrategy[frozenset[str]] = _levels) -> st.SearchStrategy[Situation]:
    return st.builds(
        Situation,
        levels=levels,
        teams=_teams,
        characters=st.integers(0, 600),
        person=st.sampled_from(["1", "2", "3"]),
        conversation=st.uuids().map(str),
        exhausted=st.frozensets(st.sampled_from(_KEYS), max_size=2),
        difficulty=st.sampled_from(DIFFICULTIES),
    )


def random_policy(chance: Random, external_url: str, local_url: str) -> Policy:
    """A policy as `policies` makes them, twenty times as fast; by its seed it can be made again."""
    keys = chance.sample(_KEYS, chance.randint(1, len(_KEYS)))
    engines = tuple(_random_engine(chance, key, external_url, local_url) for key in keys)
    rules = [_random_rule(chance, number) for number in range(chance.randint(0, 5))]
    if chance.random() < 0.3:
        named = tuple(chance.choices(keys, k=2))
        rules.insert(0, Rule("hard", "rule", named, difficulty=chance.choice(DIFFICULTIES)))
    return Policy(engines, tuple(rules), chance.choice(["", "gone", *keys, *keys]))


def _random_engine(chance: Random, key: str, external_url: str, local_url: str) -> Engine:
    is_external = chance.random() < 0.6
    url = external_url if is_external else local_url
    return Engine(
        key,
        LLMSpec(url, f"model-{key}", key=key, is_external=is_external),
        "external" if is_external else "local",
        chance.choice(LEVELS if is_external else [*LEVELS, *[LOCAL_ONLY] * 4]),
        approved=chance.random() < 0.8,
        by_rule_only=chance.random() < 0.3,
    )


def _random_rule(chance: Random, number: int) -> Rule:
    return Rule(
        key=str(number),
        name="rule",
        engines=tuple(chance.choices([*_KEYS, "gone"], k=chance.randint(0, 4))),
        levels=_some(chance, LEVELS),
        teams=_some(chance, range(1, 5)),
        least_characters=chance.choice([0, 0, 10, 50]),
        most_characters=chance.choice([None, None, 20, 500]),
        difficulty=chance.choice([None, *DIFFICULTIES]),
        share=chance.choice([0, 1, 50, 99, 100]),
        sticky_to=chance.choice(["person", "conversation"]),
    )


def random_situation(chance: Random, levels: frozenset[Level]) -> Situation:
    return Situation(
        levels=levels,
        teams=_some(chance, range(1, 5)),
        characters=chance.randint(0, 600),
        person=str(chance.randint(1, 50)),
        conversation=str(chance.random()),
        exhausted=_some(chance, _KEYS) if chance.random() < 0.2 else frozenset(),
        difficulty=chance.choice(DIFFICULTIES),
    )


def _some(chance: Random, values: Sequence[_T]) -> frozenset[_T]:
    """None of the values half of the time, else a few."""
    return frozenset(chance.sample(values, chance.randint(1, 2))) if chance.random() < 0.5 else frozenset()
