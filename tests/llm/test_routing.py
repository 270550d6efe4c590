"""The choice of models as a pure function: rules in order, and what no rule can undo."""

from dataclasses import replace

import pytest
from hypothesis import given

from llm.engines import LLMSpec
from llm.routing import (
    LOCAL_ONLY,
    OTHERWISE,
    Engine,
    LeftOut,
    Policy,
    Rule,
    Situation,
    choose_judge,
    choose_route,
    may_see,
)
from tests.llm.policies import policies, situations

HERE = Engine("1", LLMSpec("http://vllm:8000/v1", "here", key="1"), "local", "local_only", approved=True)
AWAY = Engine(
    "2",
    LLMSpec("https://api.example.com/v1", "away", key="2", is_external=True),
    "external",
    "confidential",
    approved=True,
)
ASKED = Situation(frozenset({"internal"}), frozenset({1}), 40, "ada", "q1")


def keys(policy: Policy, situation: Situation = ASKED) -> list[str]:
    return [engine.key for engine in choose_route(policy, situation).engines]


def test_without_rules_the_approved_models_answer_in_their_order() -> None:
    assert keys(Policy((AWAY, HERE))) == ["2", "1"]
    assert keys(Policy((replace(AWAY, approved=False), HERE))) == ["1"]
    assert keys(Policy((replace(AWAY, by_rule_only=True), HERE))) == ["1"]
    assert choose_route(Policy(), ASKED).rule == OTHERWISE


def test_the_first_rule_that_holds_decides() -> None:
    rules = (
        Rule("a", "Long", ("2", "1"), least_characters=100),
        Rule("b", "Team 1", ("1",), teams=frozenset({1, 5})),
        Rule("c", "Rest", ("2",)),
    )
    policy = Policy((AWAY, HERE), rules)
    assert choose_route(policy, ASKED).rule == "Team 1"
    assert keys(policy, replace(ASKED, characters=100)) == ["2", "1"]
    assert keys(policy, replace(ASKED, teams=frozenset({2}))) == ["2"]


def test_rules_go_by_the_most_sensitive_level() -> None:
    policy = Policy((AWAY, HERE), (Rule("a", "Open", ("2",), levels=frozenset({"public", "internal"})),))
    assert keys(policy) == ["2"]
    assert keys(policy, replace(ASKED, levels=frozenset({"public", "confidential"}))) == ["2", "1"]


def test_rules_go_by_how_hard_the_question_is() -> None:
    hard = Rule("a", "Hard", ("2",), difficulty="hard")
    policy = Policy((replace(AWAY, by_rule_only=True), HERE), (hard,))
    assert keys(policy) == ["1"]
    assert keys(policy, replace(ASKED, difficulty="hard")) == ["2"]
    assert choose_route(policy, replace(ASKED, difficulty="hard")).rule == "Hard"
    easy = Policy(policy.engines, (replace(hard, difficulty="easy"),))
    assert keys(easy) == ["2"]


def test_a_judge_is_asked_where_its_word_would_change_the_models_and_it_may_see_the_question() -> None:
    hard = Rule("a", "Hard", ("2",), difficulty="hard")
    policy = Policy((AWAY, HERE), (hard,), judge="2")
    assert choose_judge(policy, ASKED) == AWAY
    assert choose_judge(policy, replace(ASKED, difficulty="hard")) == AWAY
    assert choose_judge(replace(policy, judge=""), ASKED) is None
    assert choose_judge(replace(policy, judge="gone"), ASKED) is None
    assert choose_judge(replace(policy, rules=()), ASKED) is None
    same = replace(hard, engines=("2", "1"))
    assert choose_judge(replace(policy, rules=(same,)), ASKED) is None, "the same models either way"
    first = Rule("b", "All", ("1",))
    assert choose_judge(replace(policy, rules=(first, hard)), ASKED) is None
    assert choose_judge(policy, replace(ASKED, exhausted=frozenset({"2"}))) is None
    unapproved = replace(AWAY, key="3", approved=False)
    assert choose_judge(Policy((AWAY, HERE, unapproved), (hard,), judge="3"), ASKED) is None
    local = replace(ASKED, levels=frozenset({LOCAL_ONLY}))
    two = Rule("c", "Hard here", ("4",), difficulty="hard")
    both = Policy((AWAY, HERE, replace(HERE, key="4")), (two,), judge="2")
    assert choose_judge(both, ASKED) == AWAY
    assert choose_judge(both, local) is None
    assert choose_judge(replace(both, judge="1"), local) == HERE


def test_why_a_model_is_left_out() -> None:
    engines = (AWAY, HERE, replace(HERE, key="3", approved=False), replace(HERE, key="4"))
    policy = Policy(engines, (Rule("a", "All", ("2", "3", "4", "1", "9")),))
    local = replace(ASKED, levels=frozenset({LOCAL_ONLY}), exhausted=frozenset({"4"}))
    route = choose_route(policy, local)
    assert [engine.key for engine in route.engines] == ["1"]
    assert route.left_out == (
        LeftOut("2", "sensitivity"),
        LeftOut("3", "unapproved"),
        LeftOut("4", "quota"),
    )


def test_what_is_not_known_never_leaves() -> None:
    assert keys(Policy((AWAY, HERE)), replace(ASKED, levels=frozenset())) == ["1"]


@pytest.mark.parametrize("sticky_to", ["person", "conversation"])
def test_a_share_is_kept_and_sticks(sticky_to: str) -> None:
    rule = Rule("a", "Trial", ("2",), share=30, sticky_to=sticky_to)  # type: ignore[arg-type]
    policy = Policy((replace(AWAY, by_rule_only=True), HERE), (rule,))
    asked = [replace(ASKED, **{sticky_to: str(number)}) for number in range(2000)]  # type: ignore[arg-type]
    first = [keys(policy, one) for one in asked]
    assert 0.27 < first.count(["2"]) / len(first) < 0.33
    assert first == [keys(policy, one) for one in asked]
    assert keys(Policy(policy.engines, (replace(rule, share=0),))) == ["1"]
    assert keys(Policy(policy.engines, (replace(rule, share=100),))) == ["2"]


@given(policies(), situations())
def test_no_policy_lets_out_what_is_local_only(policy: Policy, situation: Situation) -> None:
    route = choose_route(policy, situation)
    assert len(route.engines) == len({engine.key for engine in route.engines})
    for engine in route.engines:
        assert engine.approved
        assert engine.key not in situation.exhausted
        assert may_see(engine, situation.levels)
        if LOCAL_ONLY in situation.levels or not situation.levels:
            assert engine.runs == "local"
            assert not engine.spec.is_external


@given(policies(), situations())
def test_no_policy_asks_a_judge_about_what_it_may_not_see(policy: Policy, situation: Situation) -> None:
    judge = choose_judge(policy, situation)
    if judge is not None:
        assert judge.approved
        assert judge.key == policy.judge
        assert judge.key not in situation.exhausted
        assert may_see(judge, situation.levels)
        if LOCAL_ONLY in situation.levels or not situation.levels:
            assert judge.runs == "local"
            assert not judge.spec.is_external
