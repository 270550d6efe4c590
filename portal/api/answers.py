"""Questions and their answers, as JSON at the end or as events while they are written."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urljoin
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from ninja import Router, Schema
from ninja.responses import Status
from pydantic import Field

from portal.accounts.models import User
from portal.answers.kept import shown_answer
from portal.answers.models import Question
from portal.answers.services import answer_now, ask, get_question, stream_answer
from portal.answers.shown import ShownAnswer, ShownConflict, ShownSentence, Source
from portal.answers.whom_to_ask import whom_to_ask
from portal.api.auth import caller, reads
from portal.api.events import EVENT_STREAM, EVENTS_DOC, render, wants_events
from portal.api.fields import RequestBody, Text

router = Router(tags=["Search and answers"])


class AnswerIn(RequestBody):
    question: Text = Field(examples=["How long is the warranty?"])
    collections: list[Text] = Field(default=[], max_length=100, description="Slugs to search in; none: all.")
    conversation: UUID | None = Field(
        default=None, description="The conversation that this is a follow-up in; none: a new one."
    )


class ConflictOut(Schema):
    citation: int = Field(description="Number of the citation that says otherwise.")
    ours: str
    theirs: str

    @staticmethod
    def resolve_citation(conflict: ShownConflict) -> int:
        return conflict.mark.number


class SentenceOut(Schema):
    text: str
    citations: list[int] = Field(description="Numbers of the citations that this sentence rests on.")
    support: str = Field(description="supported, weak or unsupported.")
    reason: str
    repair: str = Field(
        description="moved: the model cited another passage; added: it cited none, or too few; or empty."
    )
    conflicts: list[ConflictOut] = Field(description="Sources that say another number or date.")

    @staticmethod
    def resolve_citations(sentence: ShownSentence) -> list[int]:
        return list(sentence.numbers)


class CitationOut(Schema):
    number: int
    document_id: UUID
    version_number: int
    title: str
    name: str
    parent_title: str = Field(description="The mail or archive that the document came out of, or empty.")
    collection_slug: str
    collection_title: str
    heading_path: list[str]
    page: int | None
    quote: str = Field(description="The exact words that support the answer.")
    passage: str = Field(description="The passage around them.")
    start: int = Field(description="First character of the quote in the document's text.")
    end: int
    score: float
    updated_at: datetime
    url: str = Field(description="The quote in the portal's viewer.")

    @staticmethod
    def resolve_url(source: Source) -> str:
        return urljoin(settings.BASE_URL + "/", source.url)


class AskedModelOut(Schema):
    name: str
    outcome: str = Field(description="answered, or why not: refused, timeout, overloaded, withheld, …")
    prompt_tokens: int
    output_tokens: int
    is_estimate: bool = Field(description="The server counted no tokens.")
    masked: dict[str, int] = Field(description="What was taken out before it left, by kind.")


class ProvenanceOut(Schema):
    prompt_version: str
    rule: str = Field(description="The routing rule that chose the models.")
    difficulty: str = Field(description="easy or hard; empty where no model is set up.")
    judged_by: str = Field(description="The model that said so; empty: the rules, by `signs`.")
    signs: list[str] = Field(description="What the rules found in the question.")
    models: list[AskedModelOut] = Field(description="The models that were asked, in order.")
    left_out: list[tuple[str, str]] = Field(description="Models that the rule names and that may not answer.")
    revision: str
    licence: str
    runs: str
    cost: str = Field(description="A decimal number; empty where nothing was to be paid.")
    currency: str


class OwnerOut(Schema):
    team: str = Field(description="The team that looks after the collection.")
    collection_slug: str
    collection_title: str


class AnswerOut(Schema):
    id: UUID = Field(description="For GET /answers/{id}.")
    conversation: UUID = Field(description="Send it with the next question to make that a follow-up.")
    question: str
    searched_for: str = Field(
        description="A follow-up as it was searched for, standing alone; empty: as it was asked."
    )
    state: str = Field(
        description="answered; refused: not in the documents that you can see; stopped: its reader had "
        "enough; closed; unanswered."
    )
    text: str = Field(description="The sentences with their citation numbers, as plain text.")
    sentences: list[SentenceOut]
    citations: list[CitationOut]
    nearest: list[CitationOut] = Field(description="With a refusal: the nearest passages.")
    ask: OwnerOut | None = Field(
        description="With a refusal: who looks after the collection of the nearest passage, or null."
    )
    engine: str
    model: str
    notice: str
    reason: str
    timings: dict[str, float] = Field(description="Milliseconds by step.")
    created_at: datetime
    provenance: ProvenanceOut = Field(description="How it was made; empty where no model was asked.")
    changed: list[str] = Field(
        description="Titles of sources that have a new version since, in which the cited words still stand."
    )


@router.post(
    "/answers",
    auth=reads,
    response={201: AnswerOut},
    openapi_extra={"responses": {200: {"description": EVENTS_DOC, "content": {EVENT_STREAM: {}}}}},
)
def make_answer(request: HttpRequest, body: AnswerIn) -> HttpResponseBase | Status[dict[str, Any]]:
    """Ask a question. With `Accept: text/event-stream` the answer comes while it is written."""
    user = caller(request)
    question = ask(
        user=user,
        text=body.question,
        collections=body.collections,
        conversation=body.conversation,
    )
    if not wants_events(request):
        return Status(201, answer_json(user, answer_now(user=user, question=question)))
    return StreamingHttpResponse(
        _events(request, user, question),
        content_type=EVENT_STREAM,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.get("/answers/{uuid:answer_id}", auth=reads, response=AnswerOut)
def read_answer(request: HttpRequest, answer_id: UUID) -> dict[str, Any]:
    """Return one of your own answers. It is closed as soon as you may not see one of its documents."""
    user = caller(request)
    return kept_json(user, get_question(user=user, question_id=answer_id))


def kept_json(user: User, question: Question) -> dict[str, Any]:
    """Return the kept answer to a question, or that there is none, as `AnswerOut` takes it."""
    shown = shown_answer(user=user, question=question)
    return answer_json(user, shown) if shown else _unanswered(user, question)


async def _events(request: HttpRequest, user: User, question: Question) -> AsyncIterator[str]:
    show = sync_to_async(partial(_answer, user))
    texts = render(request, stream_answer(user=user, question=question), show=show, source=_source)
    async with aclosing(texts):
        async for text in texts:
            yield text


def _answer(user: User, answer: ShownAnswer) -> dict[str, Any]:
    return AnswerOut.model_validate(answer_json(user, answer)).model_dump()


def _source(source: Source) -> dict[str, Any]:
    """Return a passage that was found; it gets a citation number when a sentence cites it, not before."""
    return CitationOut.model_validate(source).model_dump(exclude={"number"})


def answer_json(user: User, answer: ShownAnswer) -> dict[str, Any]:
    """Return an answer as `AnswerOut` takes it."""
    return {
        "id": answer.question_id,
        "conversation": answer.conversation_id,
        "question": answer.question,
        "searched_for": answer.searched_for,
        "state": answer.state,
        "text": " ".join(_with_numbers(sentence) for sentence in answer.sentences),
        "sentences": answer.sentences,
        "citations": answer.sources,
        "nearest": answer.nearest,
        "ask": whom_to_ask(user=user, shown=answer),
        "engine": answer.engine,
        "model": answer.model,
        "notice": answer.notice,
        "reason": answer.reason,
        "timings": {name: value for name, value in answer.timings.items() if value is not None},
        "created_at": answer.created_at,
        "provenance": answer.provenance,
        "changed": list(answer.changed),
    }


def _with_numbers(sentence: ShownSentence) -> str:
    return sentence.text + "".join(f" [{number}]" for number in sentence.numbers)


def _unanswered(user: User, question: Question) -> dict[str, Any]:
    return answer_json(
        user,
        ShownAnswer(
            question_id=question.pk,
            question=question.text,
            searched_for=question.searched_for,
            conversation_id=question.conversation_id,
            state="closed",
            engine="",
            model="",
            notice="",
            reason="This question was not answered to its end. Ask it again.",
            sentences=(),
            sources=(),
            nearest=(),
            timings={},
            created_at=question.created_at,
        ),
    ) | {"state": "unanswered"}
