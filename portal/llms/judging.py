"""How hard a question is, by the model that admins chose for that; and which route a question would take."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import transaction

from llm.difficulty import Assessment, assess
from llm.difficulty_judge import judge_difficulty
from llm.events import Attempt
from llm.routing import Situation, level_named
from portal.accounts.models import User
from portal.llms import quotas
from portal.llms.planning import WHY_NOT, Plan, fill_plan, settle
from portal.llms.registry import model_names
from portal.llms.setup import changed, current_setup
from retrieval.errors import InvalidInputError
from retrieval.query import parse_query


async def judge(*, plan: Plan, attempts: list[Attempt]) -> Plan:
    """Return the plan after a model was asked how hard the question is, where one is to be asked.

    Without its word within DIFFICULTY_JUDGE_MS the rules' stands. What was used is added to `attempts`.
    """
    if plan.judging is None or plan.assessment is None:
        return plan
    asked = plan.judging
    difficulty = await judge_difficulty(
        question=asked.question,
        llm=asked.judge.spec,
        seconds=settings.DIFFICULTY_JUDGE_MS / 1000,
        stays_here=asked.stays_here,
        attempts=attempts,
    )
    if difficulty is None:
        return replace(plan, judging=None)
    chosen = plan if difficulty == plan.assessment.difficulty else asked.otherwise
    assessment = replace(plan.assessment, difficulty=difficulty, judge=asked.judge.key)
    return replace(chosen, assessment=assessment, judging=None)


@transaction.atomic
def appoint_judge(*, key: str) -> str:
    """Let a model say how hard questions are, from the next one on, or with an empty key the rules.

    Returns its name. Raises InvalidInputError.
    """
    names = model_names()
    if key and key not in names:
        raise InvalidInputError("Choose a model of the list, or the rules.")
    changed(judge=key)
    return names.get(key, "")


@dataclass(frozen=True, slots=True)
class Tried:
    """The route that a question would take, with the names of the models."""

    question: str
    assessment: Assessment
    judge: str
    judge_failed: bool
    rule: str
    engines: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]


def try_question(*, user: User, text: str, level: str, teams: Sequence[int] = ()) -> Tried:
    """Return the route of a question over documents of a level, asked by this person in these teams.

    The judge is asked as it would be, and what it uses counted. Raises InvalidInputError.
    """
    question = parse_query(text).text
    setup = current_setup()
    reached = quotas.reached_quotas(user=user, teams=teams, setup=setup)
    situation = Situation(
        levels=frozenset({level_named(level)}),
        teams=frozenset(teams),
        characters=len(question),
        person=str(user.pk),
        conversation="",
        exhausted=quotas.exhausted(reached, (engine.key for engine in setup.policy.engines)),
    )
    assessment = assess(question)
    blank = Plan(facts=setup.facts)
    plan = fill_plan(blank, setup, situation, question=question, assessment=assessment, reached=reached)
    attempts: list[Attempt] = []
    try:
        plan = async_to_sync(judge)(plan=plan, attempts=attempts)
    finally:
        settle(user=user, plan=plan, attempts=attempts)
    return _told(question, plan, assessment, attempts)


def _told(question: str, plan: Plan, assessment: Assessment, attempts: Sequence[Attempt]) -> Tried:
    names = {key: facts.name for key, facts in plan.facts.items()}
    final = plan.assessment or assessment
    return Tried(
        question=question,
        assessment=final,
        judge=names.get(attempts[0].key, "") if attempts else "",
        judge_failed=bool(attempts) and not final.judge,
        rule=plan.rule,
        engines=tuple(names[engine.key] for engine in plan.engines),
        left_out=tuple((names.get(one.key, one.key), WHY_NOT[one.why]) for one in plan.left_out),
    )
