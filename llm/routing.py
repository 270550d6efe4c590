"""Which models may answer a question, and in which order they are tried: a pure function of a policy.

Three things are decided apart from each other, so that no rule can undo the first two: what a model may see
at all (`may_see`), whether it may serve now (approved, with quota left), and which of those the rules choose.
"""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Literal, get_args

from llm.difficulty import DIFFICULTIES, Difficulty
from llm.engines import LLMSpec

Level = Literal["public", "internal", "confidential", "local_only"]
Runs = Literal["local", "external"]
StickyTo = Literal["person", "conversation"]
WhyNot = Literal["unapproved", "sensitivity", "quota"]

# From what anyone may read to what never leaves the company's machines.
LEVELS: tuple[Level, ...] = get_args(Level)
LOCAL_ONLY: Level = "local_only"
OTHERWISE = "Otherwise"
_BY_NAME: dict[str, Level] = {level: level for level in LEVELS}


@dataclass(frozen=True, slots=True)
class Engine:
    """A registered model. `sees` is the most sensitive level of what may be sent to it.

    `by_rule_only` keeps it out of the order that holds where no rule does.
    """

    key: str
    spec: LLMSpec
    runs: Runs
    sees: Level
    approved: bool
    by_rule_only: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions that must all hold, and the models to try then, first to last. An empty one always holds.

    `levels` are compared with the most sensitive level in play, `teams` with the asker's, `difficulty` with
    the question's. `share` is the percentage of people or conversations that the rule takes, always the same
    ones.
    """

    key: str
    name: str
    engines: tuple[str, ...]
    levels: frozenset[Level] = frozenset()
    teams: frozenset[int] = frozenset()
    least_characters: int = 0
    most_characters: int | None = None
    difficulty: Difficulty | None = None
    share: int = 100
    sticky_to: StickyTo = "person"


@dataclass(frozen=True, slots=True)
class Policy:
    """The registered models in their order, and the rules in theirs: the first that holds decides.

    `judge` is the key of the model that says how hard a question is; empty: rules say so.
    """

    engines: tuple[Engine, ...] = ()
    rules: tuple[Rule, ...] = ()
    judge: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a question is decided by. `levels` are those of everything that a prompt would hold.

    `exhausted` are the keys of the models whose quota is used up for this person.
    """

    levels: frozenset[Level]
    teams: frozenset[int]
    characters: int
    person: str
    conversation: str
    exhausted: frozenset[str] = frozenset()
    difficulty: Difficulty = "easy"

    @property
    def level(self) -> Level:
        """The most sensitive level; where nothing is known, the one that never leaves."""
        return most_sensitive(self.levels)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A model that the deciding rule names and that may not answer this question."""

    key: str
    why: WhyNot


@dataclass(frozen=True, slots=True)
class Route:
    """The models to try, in order; none of them: the answer is quoted. `rule` names what decided."""

    rule: str
    engines: tuple[Engine, ...]
    left_out: tuple[LeftOut, ...] = ()


def choose_route(policy: Policy, situation: Situation) -> Route:
    """Return the models that answer a question, by the first rule that holds."""
    by_key = {engine.key: engine for engine in policy.engines}
    for rule in policy.rules:
        if _holds(rule, situation):
            named = (by_key[key] for key in dict.fromkeys(rule.engines) if key in by_key)
            return _route(rule.name, named, situation)
    standing = (one for one in policy.engines if one.approved and not one.by_rule_only)
    return _route(OTHERWISE, standing, situation)


def choose_judge(policy: Policy, situation: Situation) -> Engine | None:
    """Return the model that is asked how hard a question is; None where its word would change nothing.

    It is chosen under the same conditions as any other: approved, with quota left, and one that may see
    everything in play, which the question may tell of.
    """
    judge = next((engine for engine in policy.engines if engine.key == policy.judge), None)
    if judge is None or _why_not(judge, situation) is not None:
        return None
    routes = {
        choose_route(policy, replace(situation, difficulty=difficulty)).engines for difficulty in DIFFICULTIES
    }
    return judge if len(routes) > 1 else None


def may_see(engine: Engine, levels: Collection[Level]) -> bool:
    """Whether a model may be sent what has these levels. What is local only never leaves."""
    level = most_sensitive(levels)
    if level == LOCAL_ONLY and (engine.runs != "local" or engine.spec.is_external):
        return False
    return LEVELS.index(level) <= LEVELS.index(engine.sees)


def level_named(name: str) -> Level:
    """The level of that name; one that is not known here never leaves."""
    return _BY_NAME.get(name, LOCAL_ONLY)


def most_sensitive(levels: Collection[Level]) -> Level:
    return max(levels, key=LEVELS.index, default=LOCAL_ONLY)


def _route(rule: str, engines: Iterable[Engine], situation: Situation) -> Route:
    fit: list[Engine] = []
    left_out: list[LeftOut] = []
    for engine in engines:
        why = _why_not(engine, situation)
        if why is None:
            fit.append(engine)
        else:
            left_out.append(LeftOut(engine.key, why))
    return Route(rule, tuple(fit), tuple(left_out))


def _why_not(engine: Engine, situation: Situation) -> WhyNot | None:
    if not engine.approved:
        return "unapproved"
    if not may_see(engine, situation.levels):
        return "sensitivity"
    return "quota" if engine.key in situation.exhausted else None


def _holds(rule: Rule, situation: Situation) -> bool:
    return (
        (not rule.levels or situation.level in rule.levels)
        and (not rule.teams or not rule.teams.isdisjoint(situation.teams))
        and rule.least_characters <= situation.characters
        and (rule.most_characters is None or situation.characters <= rule.most_characters)
        and rule.difficulty in {None, situation.difficulty}
        and _is_in_share(rule, situation)
    )


def _is_in_share(rule: Rule, situation: Situation) -> bool:
    """Rules divide people apart from each other: the rule's key is part of what is hashed."""
    who = situation.conversation if rule.sticky_to == "conversation" else situation.person
    digest = hashlib.sha256(f"{rule.key}\0{rule.sticky_to}\0{who}".encode()).digest()
    return int.from_bytes(digest[:4]) * 100 < rule.share * 2**32
