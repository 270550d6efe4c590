"""The page of a question: its kept answer, the answer as it is written, or, without scripts, all at once."""

import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import cast
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.html import escape
from django.views.decorators.http import require_safe

from llm.answering import Citation, EngineChosen, Restarted, SentenceDone, TextDelta, Withheld
from portal.accounts.models import User
from portal.answers import services
from portal.answers.kept import shown_answer
from portal.answers.models import Question
from portal.answers.services import Found, Searching, Stored, StreamEvent
from portal.answers.shown import ShownAnswer, Source
from portal.errors import REQUEST_ID
from portal.llms.errors import QuotaReachedError
from portal.web.answer_page import (
    EXTRACTIVE,
    ConflictView,
    MarkView,
    SentenceView,
    mark_while_writing,
    view_answer,
    view_sources,
)
from portal.web.requests import SignedInRequest, signed_in
from retrieval.errors import InvalidInputError

log = logging.getLogger(__name__)
_RETRY_MS = 3000


@require_safe
@signed_in
def show(request: SignedInRequest, question_id: UUID) -> HttpResponse:
    """Show a question with its kept answer; where there is none yet, the page opens the stream.

    `?plain=1` is for browsers without scripts: it answers to the end, then shows the same page.
    """
    question = services.get_question(user=request.user, question_id=question_id)
    shown = shown_answer(user=request.user, question=question)
    if shown is None and request.GET.get("plain"):
        services.answer_now(user=request.user, question=question)
        return redirect("question", question_id=question.pk)
    answer = view_answer(user=request.user, question=question, shown=shown) if shown else None
    return render(request, "answers/question.html", {"question": question, "answer": answer})


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
            case Searching() | Found():
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

    def _while_searching(self, event: Searching | Found) -> list[str]:
        if isinstance(event, Found):
            return self._found(event)
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
