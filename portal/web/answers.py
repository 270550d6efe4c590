"""The page of a question: its kept answer, the answer as it is written, or, without scripts, all at once."""

import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import cast
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import escape
from django.views.decorators.http import require_POST, require_safe

from llm.answering import Citation, EngineChosen, Restarted, SentenceDone, TextDelta, Withheld
from portal.accounts.models import User
from portal.answers import services, watching
from portal.answers.changing import questions_after, stop_answer
from portal.answers.conversations import questions_of
from portal.answers.kept import shown_answer
from portal.answers.models import Question
from portal.answers.services import Found, Rewritten, Searching, Stored, StreamEvent
from portal.answers.shown import ShownAnswer, Source
from portal.errors import REQUEST_ID
from portal.llms.errors import QuotaReachedError
from portal.web.answer_page import (
    EXTRACTIVE,
    ConflictView,
    MarkView,
    SentenceView,
    TurnView,
    mark_while_writing,
    narrowed_to,
    view_answer,
    view_sources,
    view_turn,
)
from portal.web.requests import SignedInRequest, signed_in
from retrieval.errors import InvalidInputError

log = logging.getLogger(__name__)
_RETRY_MS = 3000
_MOST_EARLIER = 5
_STOPPING = timedelta(seconds=4)


@require_safe
@signed_in
def show(request: SignedInRequest, question_id: UUID) -> HttpResponse:
    """Show a question with its kept answer; where there is none yet, the page opens the stream.

    `?plain=1` is for browsers without scripts: it answers to the end, then shows the same page.
    """
    question = services.get_question(user=request.user, question_id=question_id)
    shown = shown_answer(user=request.user, question=question)
    if shown is None and request.GET.get("plain") and not question.stopped_at:
        services.answer_now(user=request.user, question=question)
        return redirect("question", question_id=question.pk)
    watching.note_opened(question=question)
    answer = view_answer(user=request.user, question=question, shown=shown) if shown else None
    turns = _turns(request.user, question, with_all=bool(request.GET.get("all")))
    context = {
        "question": question,
        "answer": answer,
        "is_stopping": _is_stopping(question),
        "turns": turns,
        "after": questions_after(question),
        "narrowed": narrowed_to(user=request.user, question=question),
    }
    return render(request, "answers/question.html", context)


@dataclass(frozen=True, slots=True)
class _Turns:
    """The conversation around a question; `hidden` of its earlier turns are left out."""

    before: tuple[TurnView, ...]
    later: tuple[TurnView, ...]
    hidden: int


def _turns(user: User, question: Question, *, with_all: bool) -> _Turns:
    every = list(questions_of(question.conversation))
    here = next(place for place, one in enumerate(every) if one.pk == question.pk)
    hidden = 0 if with_all else max(here - _MOST_EARLIER, 0)
    before, later = (
        tuple(view_turn(question=one, shown=shown_answer(user=user, question=one)) for one in some)
        for some in (every[hidden:here], every[here + 1 :])
    )
    return _Turns(before, later, hidden)


def _is_stopping(question: Question) -> bool:
    """Return whether an answer was stopped a moment ago, and what came of it may still be on its way."""
    return question.stopped_at is not None and timezone.now() - question.stopped_at < _STOPPING


@require_POST
@signed_in
def stop(request: SignedInRequest, question_id: UUID) -> HttpResponse:
    """Stop the answer that is being written; its stream keeps what came so far when the page leaves it."""
    question = services.get_question(user=request.user, question_id=question_id)
    stop_answer(question=question)
    if not request.headers.get("HX-Request"):
        return redirect("question", question_id=question.pk)
    return render(request, "answers/_stopping.html", {"question": question})


@require_safe
@signed_in
def part(request: SignedInRequest, question_id: UUID) -> HttpResponse:
    """Send what the page of a stopped question asks for until it is there: its answer as far as it came."""
    question = services.get_question(user=request.user, question_id=question_id)
    shown = shown_answer(user=request.user, question=question)
    if shown:
        answer = view_answer(user=request.user, question=question, shown=shown)
        return render(request, "answers/_answer.html", {"answer": answer})
    name = "answers/_stopping.html" if _is_stopping(question) else "answers/_stopped.html"
    return render(request, name, {"question": question})


@require_safe
@signed_in
async def stream(request: HttpRequest, question_id: UUID) -> HttpResponseBase:
    """Send the answer as server-sent events whose data are pieces of the page, each escaped."""
    user = cast("User", await request.auser())
    question, kept = await sync_to_async(_load)(user, question_id)
    pieces = _Pieces(request, user, question)
    response = StreamingHttpResponse(pieces.send(kept), content_type="text/event-stream")
    response["Cache-Control"] = "no-cache, private, no-store"
    response["X-Accel-Buffering"] = "no"
    return response


def _load(user: User, question_id: UUID) -> tuple[Question, ShownAnswer | None]:
    question = services.get_question(user=user, question_id=question_id)
    return question, shown_answer(user=user, question=question)


def wire(event: str, html: str) -> str:
    """Return one server-sent event; line ends of the data become lines of their own."""
    lines = html.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return f"event: {event}\n" + "".join(f"data: {line}\n" for line in lines) + "\n"


class _Pieces:
    """Turns what happens while an answer is written into pieces of its page."""

    def __init__(self, request: HttpRequest, user: User, question: Question) -> None:
        self._request_id = request.META.get(REQUEST_ID, "")
        self._csrf_token = get_token(request)
        self._user = user
        self._question = question
        self._sources: dict[str, Source] = {}
        self._engine = ""

    async def send(self, kept: ShownAnswer | None) -> AsyncIterator[str]:
        """Yield events up to `done`; whatever goes wrong, the reader is told and the stream ends."""
        yield f"retry: {_RETRY_MS}\n\n"
        if kept is not None:
            yield await self._done(kept)
            return
        yield wire("begin", render_to_string("answers/_live.html"))
        try:
            events = services.stream_answer(user=self._user, question=self._question)
            async with aclosing(events):
                async for event in events:
                    for piece in self._render(event):
                        yield piece
                    if isinstance(event, Stored):
                        yield await self._done(event.answer)
        except (InvalidInputError, QuotaReachedError) as error:
            yield self._broken(str(error))
        except Exception:
            # The status line is sent: only an event can still tell the reader, and the cause is for the log.
            log.exception("answer to question %s broke off, request %s", self._question.pk, self._request_id)
            yield self._broken()

    def _render(self, event: StreamEvent) -> list[str]:
        match event:
            case Rewritten() | Searching() | Found():
                return self._while_searching(event)
            case EngineChosen() | Restarted():
                return self._of_engine(event)
            case TextDelta():
                return [wire("text", render_to_string("answers/_delta.html", {"text": event.text}))]
            case Withheld():
                return self._notice(services.withheld_notice(event))
            case SentenceDone():
                return [wire("sentence", self._sentence(event))]
        return []

    def _of_engine(self, event: EngineChosen | Restarted) -> list[str]:
        if isinstance(event, Restarted):
            return [wire("begin", render_to_string("answers/_live.html")), *self._notice(event.notice)]
        self._engine = event.engine
        return [wire("status", "Writing…"), *self._notice(event.notice)]

    def _while_searching(self, event: Rewritten | Searching | Found) -> list[str]:
        if isinstance(event, Found):
            return self._found(event)
        if isinstance(event, Rewritten):
            context = {"searched_for": event.question, "question_id": self._question.pk}
            return [wire("rewritten", render_to_string("answers/_searched_for.html", context))]
        count = event.documents
        return [wire("status", f"Searching {count:,} document{'' if count == 1 else 's'}…")]

    def _found(self, event: Found) -> list[str]:
        self._sources = {source.key: source for source in event.sources}
        count = len(event.sources)
        context = {"sources": view_sources(event.sources), "heading": "Reading", "hide_number": True}
        also = f"Also searched for: {', '.join(event.also_searched_for)}. " if event.also_searched_for else ""
        return [
            wire("status", f"{escape(also)}Reading {count} passage{'' if count == 1 else 's'}…"),
            wire("sources", render_to_string("answers/_sources.html", context)),
        ]

    def _notice(self, notice: str) -> list[str]:
        return (
            [wire("notice", render_to_string("answers/_notice.html", {"notice": notice}))] if notice else []
        )

    def _sentence(self, event: SentenceDone) -> str:
        view = SentenceView(
            key=f"live-{event.sentence}",
            text=event.text,
            support=event.support,
            reason=event.reason,
            marks=tuple(mark for one in event.citations if (mark := self._mark(one)) is not None),
            ends_line=self._engine == EXTRACTIVE,
            repair=event.repair,
            conflicts=tuple(
                ConflictView(mark, one.ours, one.theirs)
                for one in event.conflicts
                if (mark := self._mark(one.citation)) is not None
            ),
        )
        return render_to_string("answers/_live_sentence.html", {"sentence": view})

    def _mark(self, citation: Citation) -> MarkView | None:
        source = self._sources.get(citation.passage_key)
        if source is None:
            return None
        return mark_while_writing(
            number=citation.number, source=source, start=citation.start, end=citation.end
        )

    async def _done(self, shown: ShownAnswer) -> str:
        answer = await sync_to_async(view_answer)(user=self._user, question=self._question, shown=shown)
        context = {"answer": answer, "csrf_token": self._csrf_token}
        return wire("done", render_to_string("answers/_answer.html", context))

    def _broken(self, told: str = "") -> str:
        context = {"question": self._question, "request_id": self._request_id, "told": told}
        return wire("done", render_to_string("answers/_broken.html", context))
