"""A follow-up question: made to stand alone, and given what was said before.

It is made of the person's own earlier questions, never of answers, so that nothing which a document says, or
which is closed to its reader by now, can get into it. Earlier turns go to a model as far as each may see
them; closed ones go to none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import QuerySet

from llm.events import Attempt
from llm.follow_up import may_depend, stand_alone
from llm.rewriting import rewrite
from llm.routing import Engine
from llm.turns import Turn
from portal.accounts.models import User
from portal.answers.database import in_database
from portal.answers.in_play import behind_question, collections_behind
from portal.answers.kept import shown_answer
from portal.answers.models import Question
from portal.llms.planning import Plan, plan_answer, seen_by, settle
from retrieval import access
from retrieval.errors import InvalidInputError
from retrieval.query import parse_query

_MOST_TURNS = 8
_MOST_EARLIER = 4
_Rewriter = Question.Rewriter


@dataclass(frozen=True, slots=True)
class EarlierTurn:
    """A turn as it may go to models, with the ids of the collections that are in it."""

    turn: Turn
    in_play: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Behind:
    """What lies behind a follow-up: the questions before it (the last one first), where they lead."""

    question: str
    before: tuple[str, ...]
    filters: str
    leans_on: tuple[int, ...]
    plan: Plan


def follows_others(question: Question) -> bool:
    """Return whether there are questions before one in its conversation."""
    return _before(question).exists()


async def make_stand_alone(*, user: User, question: Question) -> list[Attempt]:
    """Rewrite a question that leans on those before it, once; keep that, and return what a model has used.

    A language model is asked where one may see all that is searched; where it does not answer in time, or
    not with a question, the rules decide. Raises QuotaReachedError.
    """
    behind = await in_database(_look_behind)(user, question)
    if behind is None:
        return []
    attempts: list[Attempt] = []
    written, by = "", _Rewriter.RULES
    if behind.plan.engines and settings.CONVERSATION_REWRITING_SECONDS:
        rewriting = await rewrite(
            question=behind.question,
            before=behind.before,
            llm=behind.plan.engines[0].spec,
            seconds=settings.CONVERSATION_REWRITING_SECONDS,
        )
        attempts.append(rewriting.attempt)
        written, by = rewriting.question, _Rewriter.MODEL
        await in_database(settle)(user=user, plan=behind.plan, attempts=attempts)
    if not written:
        written, by = stand_alone(behind.question, behind.before), _Rewriter.RULES
    await in_database(_keep)(question, behind, written, by)
    return attempts


def _look_behind(user: User, question: Question) -> _Behind | None:
    """Return what a question may lean on; None where it is the first, or stands alone."""
    asked = parse_query(question.text)
    if question.rewritten_by or asked.has_signs:
        return None
    earlier = list(_before(question)[:_MOST_EARLIER])
    queries = [parse_query(one.asked) for one in earlier]
    before = tuple(query.text for query in queries)
    if not may_depend(asked.text, before):
        return None
    leans_on = tuple(sorted({pk for one in earlier for pk in behind_question(one)}))
    scope = access.visible_collections(user=user)
    if question.collections:
        scope = scope.filter(slug__in=question.collections)
    plan = plan_answer(
        user=user,
        conversation=str(question.conversation_id),
        question=asked.text,
        slugs=frozenset(scope.values_list("slug", flat=True)),
        also_in_play=leans_on,
    )
    typed = " ".join(queries[0].typed[one.start : one.end] for one in queries[0].filters)
    return _Behind(asked.text, before, typed, leans_on, plan)


def _before(question: Question) -> QuerySet[Question]:
    """Return the questions before one of its conversation, the last one first."""
    earlier = Question.objects.filter(
        conversation_id=question.conversation_id, created_at__lt=question.created_at
    )
    return earlier.select_related("answer").order_by("-created_at", "-pk")


def _keep(question: Question, behind: _Behind, written: str, by: Question.Rewriter) -> None:
    """Keep a rewriting that says something else and can be searched, with the filters of the one before."""
    if " ".join(written.split()).casefold() == " ".join(behind.question.split()).casefold():
        return
    text = f"{written} {behind.filters}".strip()
    try:
        question.searched_for = parse_query(text).typed
    except InvalidInputError:
        return
    question.rewritten_by, question.leans_on = by, list(behind.leans_on)
    mine = Question.objects.filter(pk=question.pk, rewritten_by="")
    if not mine.update(searched_for=question.searched_for, rewritten_by=by, leans_on=question.leans_on):
        question.refresh_from_db()  # another page has done it meanwhile


def earlier_turns(*, user: User, question: Question, engines: Sequence[Engine]) -> tuple[EarlierTurn, ...]:
    """Return what was said before, the oldest first, as far as its reader may still see it.

    Only what the sources supported of an answer goes along; refusals do not.
    """
    if not settings.CONVERSATION_CONTEXT_TOKENS:
        return ()
    said: list[tuple[str, str, list[int]]] = []
    for one in _before(question)[:_MOST_TURNS]:
        shown = shown_answer(user=user, question=one)
        if shown is None or shown.state not in {"answered", "stopped"}:
            continue
        supported = [sentence.text for sentence in shown.sentences if sentence.support != "unsupported"]
        now_in = {source.collection_slug for source in shown.sources}
        if supported:
            in_play = collections_behind(now_in, behind_question(one))
            said.append((one.asked, " ".join(supported), in_play))
    said.reverse()
    seers = seen_by(engines=engines, in_play=[in_play for _, _, in_play in said])
    return tuple(
        EarlierTurn(Turn(asked, answer, who.engines, who.stays_here), tuple(in_play))
        for (asked, answer, in_play), who in zip(said, seers, strict=True)
        if who.engines
    )
