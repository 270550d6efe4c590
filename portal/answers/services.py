"""Questions and answers: ask, stream and keep. What was kept is read in `portal.answers.kept`."""

import hashlib
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, ParamSpec, TypeAlias, TypeVar
from uuid import UUID

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet

from llm import answering
from llm.answering import AnswerEvent, Attempt
from llm.passages import Passage
from portal.accounts.models import User
from portal.answers.kept import show
from portal.answers.models import Answer, Citation, Question
from portal.answers.provenance import route_json
from portal.answers.shown import ShownAnswer, Source
from portal.llms.planning import Plan, plan_answer, require_quota, settle
from retrieval import access
from retrieval.diversity import COPIES_ONCE
from retrieval.errors import NotVisibleError
from retrieval.generations import embedder_that_found
from retrieval.hits import Hit
from retrieval.neighbours import neighbours_of
from retrieval.pages import page_of
from retrieval.query import parse_query
from retrieval.search import SearchResults, search, visible_counts

log = logging.getLogger(__name__)
PASSAGES = 8
NEAREST = 3

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Searching:
    """The search begins over what this person may see."""

    documents: int
    collections: int


@dataclass(frozen=True, slots=True)
class Found:
    """The passages that the answer will be written from, best first, numbered from 1 in that order.

    What the dictionaries added is told now and not kept: they may be closed to the reader later.
    """

    sources: tuple[Source, ...]
    also_searched_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """The answer is complete and kept."""

    answer: ShownAnswer


StreamEvent: TypeAlias = Searching | Found | AnswerEvent | Stored


def ask(*, user: User, text: str, collections: Sequence[str] = ()) -> Question:
    """Keep a question; `collections` are slugs to narrow the search to.

    Raises InvalidInputError for a question that cannot be searched, NotVisibleError for a collection that
    the person may not see, and QuotaReachedError.
    """
    query = parse_query(text).typed
    require_quota(user=user)
    slugs = sorted({access.get_visible_collection(user=user, slug=slug).slug for slug in collections})
    return Question.objects.create(user=user, text=query, collections=slugs)


def get_question(*, user: User, question_id: UUID | str) -> Question:
    """Return one of the person's own questions. Raises NotVisibleError."""
    found = Question.objects.filter(user=user, pk=question_id).select_related("answer").first()
    if found is None:
        raise NotVisibleError
    return found


def recent_questions(*, user: User, limit: int = 20) -> QuerySet[Question]:
    return Question.objects.filter(user=user).order_by("-created_at", "-pk")[:limit]


async def stream_answer(*, user: User, question: Question) -> AsyncGenerator[StreamEvent, None]:
    """Search, answer and keep the answer, telling of each step.

    No database connection is held while the engine writes. A reader who goes away before the end leaves
    nothing behind but what the models have used: the question is answered afresh when it is opened again.
    Raises QuotaReachedError.
    """
    counts = await _in_database(visible_counts)(
        user=user, collections=question.collections, query=question.text
    )
    yield Searching(counts.documents, counts.collections)
    results = await _in_database(search)(
        user=user,
        query=question.text,
        collections=question.collections,
        limit=PASSAGES,
        arrangement=COPIES_ONCE,
    )
    plan = await _in_database(_plan)(user, question, results)
    if not all(answering.is_left_alone(engine.spec) for engine in plan.engines):
        beside = await _in_database(neighbours_of)(user=user, hits=results.hits)
        results = replace(results, hits=(*results.hits, *beside))
    sources = tuple(_source_of_hit(number, hit) for number, hit in enumerate(results.hits, 1))
    yield Found(sources, results.also_searched_for)
    record = _Record(results, plan, notice=results.notice)
    embedder = await _in_database(embedder_that_found)(results.generation_id)
    try:
        events = answering.stream_answer(
            question=results.question,
            passages=[_passage(hit, plan) for hit in results.hits],
            embedder=embedder,
            llm=[engine.spec for engine in plan.engines],
            language=results.hits[0].language if results.hits else "en",
            system=plan.system.text,
            notice=plan.notice,
            attempts=record.attempts,
            cut_unsupported=settings.CUT_UNSUPPORTED_SENTENCES,
        )
        async with aclosing(events):  # a reader who goes away stops the model's work at once
            async for event in events:
                record.add(event)
                yield event
        yield Stored(await _in_database(_store)(user, question, record))
    finally:
        if record.attempts:
            await _in_database(_settle)(user, plan, record.attempts)


def _plan(user: User, question: Question, results: SearchResults) -> Plan:
    found = {hit.collection_slug for hit in results.hits}
    return plan_answer(
        user=user,
        conversation=str(question.pk),
        question=results.query,
        slugs={*found, *question.collections} if found else (),
        dictionaries_of=results.dictionaries_of,
    )


def _settle(user: User, plan: Plan, attempts: Sequence[Attempt]) -> None:
    try:
        settle(user=user, plan=plan, attempts=attempts)
    except DatabaseError:  # the answer is there: a use that is not counted must not take it away
        log.exception("the use of language models was not counted")


def answer_now(*, user: User, question: Question) -> ShownAnswer:
    """Answer a question to its end and return the answer. Not for use inside a running event loop."""
    return async_to_sync(_last)(user, question)


async def _last(user: User, question: Question) -> ShownAnswer:
    async for event in stream_answer(user=user, question=question):
        if isinstance(event, Stored):
            return event.answer
    raise AssertionError("a stream of events ends with Stored")


def _in_database(function: Callable[_P, _T]) -> Callable[_P, Any]:
    """Return `function` for use in async code; the connection goes back to the pool when it returns."""

    def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return function(*args, **kwargs)
        finally:
            if not connection.in_atomic_block:
                connection.close()

    return sync_to_async(call)


def _key(hit: Hit) -> str:
    return f"{hit.version_id}:{hit.ordinal}"


def _passage(hit: Hit, plan: Plan) -> Passage:
    return Passage(
        key=_key(hit),
        title=hit.title,
        heading_path=hit.heading_path,
        page=hit.page,
        text=hit.text,
        date=hit.updated_at.date(),
        score=hit.score,
        similarity=hit.similarity,
        document=str(hit.version_id),
        stays_here=hit.collection_slug not in plan.may_leave,
    )


def _source_of_hit(number: int, hit: Hit, span: tuple[int, int] | None = None) -> Source:
    start, end = span or (0, len(hit.text))
    return Source(
        number=number,
        key=_key(hit),
        document_id=hit.document_id,
        version_number=hit.version_number,
        title=hit.title,
        name=hit.name,
        parent_title=hit.parent_title,
        collection_slug=hit.collection_slug,
        collection_title=hit.collection_title,
        heading_path=hit.heading_path,
        page=page_of(hit.start + start, first=hit.page, starts=hit.page_starts),
        quote=hit.text[start:end],
        passage=hit.text,
        start=hit.start + start,
        end=hit.start + end,
        score=hit.score,
        updated_at=hit.updated_at,
        page_starts=hit.page_starts,
    )


def withheld_notice(event: answering.Withheld) -> str:
    """Return what the reader is told of sentences that are not shown."""
    count = event.sentences
    what = "One sentence was" if count == 1 else f"{count} sentences were"
    return f"{what} left out: no source supports {'it' if count == 1 else 'them'}."


@dataclass
class _Record:
    """What an answer is made of, gathered while it streams."""

    results: SearchResults
    plan: Plan
    engine: str = ""
    model: str = ""
    notice: str = ""
    refusal: answering.Refused | None = None
    sentences: list[answering.SentenceDone] = field(default_factory=list)
    finished: answering.Finished | None = None
    attempts: list[Attempt] = field(default_factory=list)

    def add(self, event: AnswerEvent) -> None:
        match event:
            case answering.EngineChosen():
                self.engine, self.model, self.notice = event.engine, event.model, event.notice or self.notice
            case answering.Restarted():
                self.notice, self.sentences = event.notice, []
            case answering.SentenceDone():
                self.sentences.append(event)
            case answering.Withheld():
                self.notice = f"{self.notice} {withheld_notice(event)}".strip()
            case answering.Refused():
                self.refusal, self.sentences = event, []
            case answering.Finished():
                self.finished = event
                self.engine, self.model = event.engine, event.model
            case _:
                pass


@transaction.atomic
def _store(user: User, question: Question, record: _Record) -> ShownAnswer:
    """Keep an answer in place of an earlier one, and return it as it is to be shown."""
    Answer.objects.filter(question=question).delete()
    finished = record.finished
    answer = Answer.objects.create(
        question=question,
        state=Answer.State.REFUSED if record.refusal else Answer.State.ANSWERED,
        engine=record.engine,
        model=record.model,
        notice=record.notice,
        reason=record.refusal.reason if record.refusal else "",
        sentences=[_sentence_json(sentence) for sentence in record.sentences],
        generation=record.results.generation_id,
        prompt_version=record.plan.system.version if record.attempts else "",
        route=route_json(record.plan, record.attempts),
        timings=record.results.timings
        | ({"first_words": finished.first_token_ms, "answer": finished.total_ms} if finished else {}),
        usage={"prompt_tokens": finished.prompt_tokens, "output_tokens": finished.output_tokens}
        if finished
        else {},
    )
    Citation.objects.bulk_create(_citations(answer, record))
    return show(user=user, question=question, answer=answer)


def _sentence_json(sentence: answering.SentenceDone) -> dict[str, object]:
    return {
        "text": sentence.text,
        "citations": [_span_json(one) for one in sentence.citations],
        "support": sentence.support,
        "reason": sentence.reason,
        "repair": sentence.repair,
        "conflicts": [[*_span_json(one.citation), one.ours, one.theirs] for one in sentence.conflicts],
    }


def _span_json(citation: answering.Citation) -> list[int]:
    return [citation.number, citation.start, citation.end]


def _citations(answer: Answer, record: _Record) -> list[Citation]:
    hits = {_key(hit): hit for hit in record.results.hits}
    used = [
        one
        for sentence in record.sentences
        for one in (*sentence.citations, *(conflict.citation for conflict in sentence.conflicts))
    ]
    cited = {one.number: one for one in reversed(used)}
    rows = [
        _citation(answer, number, hits[one.passage_key], (one.start, one.end))
        for number, one in sorted(cited.items())
    ]
    nearest = record.refusal.nearest[:NEAREST] if record.refusal else ()
    for number, key in enumerate(nearest, 1):
        rows.append(_citation(answer, number, hits[key], None, is_nearest=True))
    return rows


def _citation(
    answer: Answer, number: int, hit: Hit, span: tuple[int, int] | None, *, is_nearest: bool = False
) -> Citation:
    source = _source_of_hit(number, hit, span)
    return Citation(
        answer=answer,
        number=number,
        document_id=hit.document_id,
        version_id=hit.version_id,
        ordinal=hit.ordinal,
        is_nearest=is_nearest,
        start=source.start,
        end=source.end,
        page=source.page,
        quote=source.quote,
        quote_sha256=hashlib.sha256(source.quote.encode()).hexdigest(),
        score=hit.score,
    )
