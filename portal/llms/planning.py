"""Before an answer: which models may write it, with which prompt, and what to tell when none may.

What is in play is everything that a prompt would hold: the passages that were found, the words that
dictionaries of collections added to the question, and what of a follow-up question comes from earlier ones.
A question that was narrowed counts as its collections do. Earlier turns are weighed one by one (`seen_by`).
"""

import logging
from collections.abc import Collection as Several
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from django.db import DatabaseError
from django.db.models import Q, Subquery

from llm.difficulty import DIFFICULTIES, Assessment, assess
from llm.events import Attempt
from llm.prompt_template import SystemPrompt
from llm.routing import (
    LEVELS,
    LOCAL_ONLY,
    Engine,
    LeftOut,
    Level,
    Route,
    Situation,
    choose_judge,
    choose_route,
    level_named,
    may_see,
    most_sensitive,
)
from portal.accounts.models import User
from portal.llms import quotas
from portal.llms.models import Revision
from portal.llms.setup import Facts, Setup, current_setup, known_setup, setup_at
from retrieval.models import Collection

log = logging.getLogger(__name__)

WHY_NOT = {
    "unapproved": "not approved",
    "sensitivity": "may not see these documents",
    "quota": "quota used up",
}
FOR_OTHERS = "No language model may see these documents; these are quotes from them."


@dataclass(frozen=True, slots=True)
class Plan:
    """The models to try in order, and what provenance keeps of the choice. `notice` says why there is none.

    `may_leave` are the slugs of the collections whose text may go to a model elsewhere, if it may see it.
    `judging` is there while a model is still to be asked how hard the question is: until then the plan is
    what follows from the rules' word (`portal.llms.judging`).
    """

    engines: tuple[Engine, ...] = ()
    system: SystemPrompt = field(default_factory=SystemPrompt)
    notice: str = ""
    rule: str = ""
    left_out: tuple[LeftOut, ...] = ()
    levels: tuple[str, ...] = ()
    may_leave: frozenset[str] = frozenset()
    facts: Mapping[str, Facts] = field(default_factory=dict)
    assessment: Assessment | None = None
    judging: "Judging | None" = None

    @property
    def candidates(self) -> tuple[Engine, ...]:
        """The models that the answer may come from, whatever is still said about the question."""
        others = self.judging.otherwise.engines if self.judging else ()
        return tuple(dict.fromkeys((*self.engines, *others)))


@dataclass(frozen=True, slots=True)
class Judging:
    """A model that may be asked how hard a question is, and the plan where it contradicts the rules."""

    judge: Engine
    question: str
    stays_here: bool
    otherwise: Plan


def plan_answer(
    *,
    user: User,
    conversation: str,
    question: str,
    slugs: Several[str],
    also_in_play: Sequence[int] = (),
    follows_up: bool = False,
) -> Plan:
    """Return how a question is to be answered from passages of these collections.

    `also_in_play` are the ids of collections that words of the question come from; `follows_up` tells that
    it leans on an earlier one. One query where no rule asks for teams and no quota holds. Raises
    QuotaReachedError.
    """
    if not slugs:
        return Plan()  # nothing was found: the answer is a refusal, and no model is asked
    known, stamp = _look_up(slugs, also_in_play)
    setup = setup_at(stamp)
    if not setup.policy.engines:
        return Plan()
    levels = frozenset(known.values())
    teams = _teams(user) if setup.asks_for_teams else frozenset[int]()
    reached = quotas.reached_quotas(user=user, teams=teams, setup=setup)
    quotas.require_question_allowed(reached)
    situation = Situation(
        levels=levels,
        teams=teams,
        characters=len(question),
        person=str(user.pk),
        conversation=conversation,
        exhausted=quotas.exhausted(reached, (engine.key for engine in setup.policy.engines)),
    )
    may_leave = frozenset(slug for slug in slugs if known[slug] != LOCAL_ONLY)
    blank = Plan(system=setup.prompt, may_leave=may_leave, facts=setup.facts)
    assessment = assess(question, follows_up=follows_up)
    return fill_plan(blank, setup, situation, question=question, assessment=assessment, reached=reached)


def fill_plan(
    blank: Plan,
    setup: Setup,
    situation: Situation,
    *,
    question: str,
    assessment: Assessment,
    reached: Sequence[quotas.Reached],
) -> Plan:
    """Return the plan that follows from the rules' assessment of a question, and which model to ask of it."""
    plans = {}
    for difficulty in DIFFICULTIES:
        route = choose_route(setup.policy, replace(situation, difficulty=difficulty))
        plans[difficulty] = replace(
            blank,
            engines=route.engines,
            notice=_notice(route, reached),
            rule=route.rule,
            left_out=route.left_out,
            levels=tuple(sorted(situation.levels, key=LEVELS.index)),
            assessment=replace(assessment, difficulty=difficulty),
        )
    plan = plans.pop(assessment.difficulty)
    judge = choose_judge(setup.policy, situation)
    if judge is None:
        return plan
    (otherwise,) = plans.values()
    stays_here = situation.level == LOCAL_ONLY
    return replace(plan, judging=Judging(judge, question, stays_here, otherwise))


@dataclass(frozen=True, slots=True)
class Seers:
    """The keys of the models that may be sent something, and whether it stays on the company's machines."""

    engines: frozenset[str]
    stays_here: bool


def seen_by(*, engines: Sequence[Engine], in_play: Sequence[Several[int] | None]) -> list[Seers]:
    """Return for each of several texts which models may be sent it, by the collections that are in it.

    What is not known (None), or of a collection that is gone, is local only.
    """
    ids = {one for several in in_play for one in several or ()}
    rows = Collection.objects.filter(pk__in=ids).values_list("pk", "sensitivity")
    known = {pk: level_named(sensitivity) for pk, sensitivity in rows}
    found = []
    for several in in_play:
        levels = [known.get(one, LOCAL_ONLY) for one in several or ()]
        keys = frozenset(engine.key for engine in engines if may_see(engine, levels))
        found.append(Seers(keys, stays_here=most_sensitive(levels) == LOCAL_ONLY))
    return found


def require_quota(*, user: User) -> None:
    """Raise QuotaReachedError where a quota refuses this person's questions, before one is kept.

    Costs no query in a process that knows of no such quota; the plan of the answer looks again.
    """
    known = known_setup()
    if known is not None and known.refuses and (setup := current_setup()).refuses:
        teams = _teams(user) if setup.asks_for_teams else frozenset[int]()
        quotas.require_question_allowed(quotas.reached_quotas(user=user, teams=teams, setup=setup))


def settle(*, user: User, plan: Plan, attempts: Sequence[Attempt]) -> None:
    """Count what models have used for an answer, whether it was read to its end or not.

    Where that fails it is logged: a use that is not counted must not take the answer away.
    """
    if not attempts:
        return
    try:
        quotas.note_use(user_id=user.pk, attempts=attempts, facts=dict(plan.facts))
    except DatabaseError:
        log.exception("the use of language models was not counted")


def _look_up(slugs: Several[str], ids: Sequence[int]) -> tuple[dict[str, Level], UUID | None]:
    """Return the level of each collection, and the stamp of what is decided about models.

    What went since it was searched, or has a level that is not known here, counts as local only.
    """
    revision = Revision.objects.filter(pk=Revision.ONLY).values("stamp")
    rows = Collection.objects.filter(Q(slug__in=slugs) | Q(pk__in=ids))
    levels = dict.fromkeys([*slugs, *map(str, ids)], LOCAL_ONLY)
    found = list(rows.values_list("pk", "slug", "sensitivity", Subquery(revision)))
    for pk, slug, sensitivity, _ in found:
        level = level_named(sensitivity)
        levels |= {name: level for name in (slug, str(pk)) if name in levels}
    return levels, found[0][3] if found else None


def _teams(user: User) -> frozenset[int]:
    return frozenset(user.memberships.values_list("team_id", flat=True))


def _notice(route: Route, reached: Sequence[quotas.Reached]) -> str:
    """Return what to tell where models are left out and none remains."""
    if route.engines or not route.left_out:
        return ""
    if any(one.why == "quota" for one in route.left_out) and reached:
        last = max(reached, key=lambda one: one.until)
        return f"{last.told} Until then, answers are quoted from the documents."
    return FOR_OTHERS if any(one.why == "sensitivity" for one in route.left_out) else ""
