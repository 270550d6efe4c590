"""Questions and answers: ask, stream and keep. What was kept is read in `portal.answers.kept`.

How a follow-up stands alone and what of the conversation goes along is in `portal.answers.following`.
"""

import hashlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TypeAlias
from uuid import UUID

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from llm import answering
from llm.answering import AnswerEvent, Attempt
from llm.grounding import Checks
from llm.prompt import Frame
from portal.accounts.models import User
from portal.answers import conversations
from portal.answers.database import in_database
from portal.answers.errors import QuestionChangedError
from portal.answers.finding import Finding, Ground
from portal.answers.following import follows_others, make_stand_alone
from portal.answers.found import key_of, passage_of, source_of
from portal.answers.in_play import collections_behind
from portal.answers.judging import judged_plan
from portal.answers.kept import show
from portal.answers.models import Answer, Citation, Question
from portal.answers.provenance import route_json
from portal.answers.shown import ShownAnswer, Source
from portal.answers.support import support_model
from portal.llms.planning import require_quota, settle
from retrieval import access
from retrieval.errors import NotVisibleError
from retrieval.hits import Hit
from retrieval.query import parse_query

NEAREST = 3
STOPPED_HERE = "You stopped here: the sentence is not complete and was not checked."


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A follow-up question is searched for and answered as this one, which stands alone."""

    question: str


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


StreamEvent: TypeAlias = Rewritten | Searching | Found | AnswerEvent | Stored


def ask(
    *, user: User, text: str, collections: Sequence[str] = (), conversation: UUID | str | None = None
) -> Question:
    """Keep a question; `collections` are slugs to narrow the search to.

    It follows the questions of `conversation`, one of the person's own, or begins a new one. Raises
    InvalidInputError for a question that cannot be searched, NotVisibleError for a collection or conversation
    that the person may not see, and QuotaReachedError.
    """
    query = parse_query(text).typed
    require_quota(user=user)
    slugs = sorted({access.get_visible_collection(user=user, slug=slug).slug for slug in collections})
    return conversations.add_question(user=user, text=query, collections=slugs, conversation_id=conversation)


def get_question(*, user: User, question_id: UUID | str) -> Question:
    """Return one of the person's own questions. Raises NotVisibleError."""
    mine = Question.objects.filter(user=user, pk=question_id)
    found = mine.select_related("answer", "conversation", "watch").first()
    if found is None:
        raise NotVisibleError
    return found


def recent_questions(*, user: User, limit: int = 20) -> QuerySet[Question]:
    return Question.objects.filter(user=user).order_by("-created_at", "-pk")[:limit]


async def stream_answer(*, user: User, question: Question) -> AsyncGenerator[StreamEvent, None]:
    """Search, answer and keep the answer, telling of each step.

    No database connection is held while the engine writes. A reader who goes away before the end leaves
    nothing behind but what the models have used: the question is answered afresh when it is opened again. One
    who has stopped the answer before leaves what came so far. Raises QuotaReachedError, and
    QuestionChangedError where the question was edited or deleted meanwhile.
    """
    follows = await in_database(follows_others)(question)
    rewriting = await make_stand_alone(user=user, question=question) if follows else []
    if question.searched_for:
        yield Rewritten(question.searched_for)
    async with aclosing(Finding(user=user, question=question, follows=follows)) as finding:
        counts = await finding.counts()
        yield Searching(counts.documents, counts.collections)
        ground = await finding.ground()
    plan, judging = await judged_plan(user=user, plan=ground.plan)
    ground = replace(ground, plan=plan)
    record = _Record(ground, [*rewriting, *judging], notice=ground.results.notice)
    yield _found(ground)
    try:
        async with aclosing(_written(ground, record.attempts)) as events:
            async for event in events:  # a reader who goes away stops the model's work at once
                record.add(event)
                yield event
        stored = await in_database(_store)(user, question, record)
        record.is_stored = True
        yield Stored(stored)
    finally:
        if record.attempts:
            await in_database(settle)(user=user, plan=ground.plan, attempts=record.attempts)
        if not record.is_stored:
            await in_database(_keep_if_stopped)(user, question, record)


def _found(ground: Ground) -> Found:
    sources = tuple(source_of(number, hit) for number, hit in enumerate(ground.results.hits, 1))
    return Found(sources, ground.results.also_searched_for)


def _written(ground: Ground, attempts: list[Attempt]) -> AsyncGenerator[AnswerEvent, None]:
    """Return the answer as an engine writes it; the models that it asks are added to `attempts`."""
    results, plan = ground.results, ground.plan
    return answering.stream_answer(
        question=results.question,
        passages=[
            passage_of(
                hit, stays_here=hit.collection_slug not in plan.may_leave, strangeness=results.strangeness
            )
            for hit in results.hits
        ],
        embedder=results.embedder,
        llm=[engine.spec for engine in plan.engines],
        language=results.language,
        frame=Frame(
            plan.system.text,
            tuple(turn.turn for turn in ground.turns),
            settings.CONVERSATION_CONTEXT_TOKENS,
        ),
        notice=plan.notice,
        attempts=attempts,
        checks=Checks(settings.CUT_UNSUPPORTED_SENTENCES, support_model()),
    )


def answer_now(*, user: User, question: Question) -> ShownAnswer:
    """Answer a question to its end and return the answer. Not for use inside a running event loop."""
    return async_to_sync(_last)(user, question)


async def _last(user: User, question: Question) -> ShownAnswer:
    async for event in stream_answer(user=user, question=question):
        if isinstance(event, Stored):
            return event.answer
    raise AssertionError("a stream of events ends with Stored")


def withheld_notice(event: answering.Withheld) -> str:
    """Return what the reader is told of sentences that are not shown."""
    count = event.sentences
    what = "One sentence was" if count == 1 else f"{count} sentences were"
    return f"{what} left out: no source supports {'it' if count == 1 else 'them'}."


@dataclass
class _Record:
    """What an answer is made of, gathered while it streams."""

    ground: Ground
    beside: Sequence[Attempt]
    engine: str = ""
    model: str = ""
    notice: str = ""
    refusal: answering.Refused | None = None
    sentences: list[answering.SentenceDone] = field(default_factory=list)
    finished: answering.Finished | None = None
    attempts: list[Attempt] = field(default_factory=list)
    running: str = ""
    is_stored: bool = False

    def add(self, event: AnswerEvent) -> None:
        match event:
            case answering.EngineChosen():
                self.engine, self.model, self.notice = event.engine, event.model, event.notice or self.notice
            case answering.Restarted():
                self.notice, self.sentences, self.running = event.notice, [], ""
            case answering.TextDelta():
                self.running += event.text
            case answering.SentenceDone():
                self.sentences.append(event)
                self.running = ""
            case answering.Withheld():
                self.notice = f"{self.notice} {withheld_notice(event)}".strip()
            case answering.Refused():
                self.refusal, self.sentences, self.running = event, [], ""
            case answering.Finished():
                self.finished = event
                self.engine, self.model = event.engine, event.model

    def stop(self) -> None:
        """End where the reader stopped; a sentence that is not complete was not checked."""
        if self.running.strip():
            text = " ".join(self.running.split())
            self.sentences.append(
                answering.SentenceDone(len(self.sentences), text, (), "unsupported", STOPPED_HERE)
            )

    @property
    def in_play(self) -> list[int]:
        """The collections of all that went into the answer, with those of the turns that a model was sent."""
        asked = {one.key for one in self.attempts}
        sent = [turn for turn in self.ground.turns if not asked.isdisjoint(turn.turn.seen_by)]
        return sorted({*self.ground.results.dictionaries_of, *(pk for turn in sent for pk in turn.in_play)})


def _keep_if_stopped(user: User, question: Question, record: _Record) -> None:
    """Keep what came so far where the reader stopped it; whoever just went away gets a new answer later."""
    if Question.objects.filter(pk=question.pk, stopped_at__isnull=False).exists():
        record.stop()
        if record.sentences:
            _store(user, question, record, state=Answer.State.STOPPED)


@transaction.atomic
def _store(
    user: User, question: Question, record: _Record, *, state: Answer.State = Answer.State.ANSWERED
) -> ShownAnswer:
    """Keep an answer in place of an earlier one, and return it as it is to be shown.

    Raises QuestionChangedError where it answers what is not asked any more.
    """
    now = Question.objects.select_for_update().filter(pk=question.pk).first()
    if now is None or now.asked != question.asked:
        raise QuestionChangedError("This question was changed or deleted meanwhile. Open it again.")
    Answer.objects.filter(question=question).delete()
    finished = record.finished
    found = {hit.collection_slug for hit in record.ground.results.hits}
    answer = Answer.objects.create(
        question=question,
        state=Answer.State.REFUSED if record.refusal else state,
        engine=record.engine,
        model=record.model,
        notice=record.notice,
        reason=record.refusal.reason if record.refusal else "",
        sentences=[_sentence_json(sentence) for sentence in record.sentences],
        in_play=collections_behind({*found, *question.collections}, [*record.in_play, *question.leans_on]),
        generation=record.ground.results.generation_id,
        prompt_version=record.ground.plan.system.version if record.attempts else "",
        route=route_json(record.ground.plan, record.attempts, beside=record.beside),
        timings=record.ground.results.timings
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
    hits = {key_of(hit): hit for hit in record.ground.results.hits}
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
    source = source_of(number, hit, span)
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
