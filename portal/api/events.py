"""An answer while it is written, as server-sent events: `event: NAME`, `data: JSON`, an empty line."""

import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest
from ninja.responses import NinjaJSONEncoder

from llm.events import EngineChosen, Refused, Restarted, SentenceDone, TextDelta, Withheld
from portal.answers.services import Found, Rewritten, Searching, Stored, StreamEvent, withheld_notice
from portal.answers.shown import ShownAnswer, Source
from portal.api.problems import UNEXPECTED, problem_body
from portal.llms.errors import QuotaReachedError
from retrieval.errors import InvalidInputError

log = logging.getLogger(__name__)

EVENT_STREAM = "text/event-stream"
EVENTS_DOC = (
    "With `Accept: text/event-stream`: `rewritten` {searched_for} for a follow-up, "
    "`searching` {documents, collections}, "
    "`sources` {sources, also_searched_for}, `delta` {sentence, text}, "
    "`sentence` {sentence, text, citations, support, reason, repair, conflicts}, `notice` {notice, restart}, "
    "`refused` {reason}, `done` with the whole answer, or `error` with a problem."
)


def wants_events(request: HttpRequest) -> bool:
    """Return whether the client asked for events; without an Accept header it gets JSON."""
    return EVENT_STREAM in request.headers.get("Accept", "")


async def render(
    request: HttpRequest,
    events: AsyncGenerator[StreamEvent, None],
    *,
    show: Callable[[ShownAnswer], Awaitable[dict[str, Any]]],
    source: Callable[[Source], dict[str, Any]],
) -> AsyncGenerator[str, None]:
    """Yield each event as text for the wire; the last is `done`, or `error` where it broke off."""
    try:
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Stored):
                    yield _wire("done", await show(event.answer))
                elif named := _corpus_event(event, source) or _engine_event(event):
                    yield _wire(*named)
    except InvalidInputError as error:
        yield _wire("error", problem_body(request, HTTPStatus.UNPROCESSABLE_ENTITY, str(error)))
    except QuotaReachedError as error:
        yield _wire("error", problem_body(request, HTTPStatus.TOO_MANY_REQUESTS, str(error)))
    except Exception:  # the status line is sent: only an event can still tell of it
        log.exception("%s broke off", request.path)
        yield _wire("error", problem_body(request, HTTPStatus.INTERNAL_SERVER_ERROR, UNEXPECTED))


def _wire(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data, cls=NinjaJSONEncoder)}\n\n"


def _corpus_event(
    event: StreamEvent, source: Callable[[Source], dict[str, Any]]
) -> tuple[str, dict[str, Any]] | None:
    match event:
        case Rewritten():
            return "rewritten", {"searched_for": event.question}
        case Searching():
            return "searching", {"documents": event.documents, "collections": event.collections}
        case Found():
            also = list(event.also_searched_for)
            return "sources", {"sources": [source(one) for one in event.sources], "also_searched_for": also}
    return None


def _engine_event(event: StreamEvent) -> tuple[str, dict[str, Any]] | None:
    match event:
        case TextDelta():
            return "delta", {"sentence": event.sentence, "text": event.text}
        case SentenceDone():
            numbers = list(dict.fromkeys(one.number for one in event.citations))
            return "sentence", {
                "sentence": event.sentence,
                "text": event.text,
                "citations": numbers,
                "support": event.support,
                "reason": event.reason,
                "repair": event.repair,
                "conflicts": [
                    {"citation": one.citation.number, "ours": one.ours, "theirs": one.theirs}
                    for one in event.conflicts
                ],
            }
        case EngineChosen() | Restarted() | Withheld():
            return _notice(event)
        case Refused():
            return "refused", {"reason": event.reason}
    return None


def _notice(event: EngineChosen | Restarted | Withheld) -> tuple[str, dict[str, Any]] | None:
    notice = withheld_notice(event) if isinstance(event, Withheld) else event.notice
    restart = isinstance(event, Restarted)
    return ("notice", {"notice": notice, "restart": restart}) if notice or restart else None
