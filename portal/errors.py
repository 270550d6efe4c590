"""The only place that turns errors into HTTP: one page for each, the same for missing and hidden."""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFilesSent
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from llm.errors import EmbeddingError, ModelError
from portal.accounts.errors import LinkError, TooManyAttemptsError
from portal.llms.errors import QuotaReachedError
from retrieval.errors import InvalidInputError, NotAllowedError, NotVisibleError
from retrieval.generations import NoGenerationError

REQUEST_ID = "cited.request_id"
_API = "/api/"


@dataclass(frozen=True)
class Told:
    """What a person is told about an error."""

    status: int
    title: str
    detail: str
    headers: dict[str, str] = field(default_factory=dict)


NOT_FOUND = Told(
    404,
    "Page not found",
    "There is nothing here that you can see. If you were given this address, ask the person who gave it "
    "whether your team has access.",
)
TOO_LARGE = Told(
    413,
    "That is too large",
    "Nothing was saved. Send less at once, or split the file and upload its parts.",
)
BAD_REQUEST = Told(
    400, "We could not read that request", "Nothing was changed. Go back, reload the page and try again."
)
NOT_READY = Told(
    503,
    "Search is not ready",
    "The portal is starting, or its embedding model is away. Try again in a minute; your admin sees at "
    "/readyz what is missing.",
)
NOT_READY = Told(
    503,
    "Search is not ready yet",
    "The portal is being set up, or its embedding model cannot be used. Try again in a minute. For admins: "
    "/readyz names what is missing.",
)
SESSION_GONE = Told(
    403,
    "This page was open for too long",
    "Nothing was changed. Go back, reload the page and send the form again. Cookies must be allowed.",
)


QUOTA_REACHED = "Your questions are used up for now"


def describe(error: Exception) -> Told | None:
    """Return what to tell about an error that is expected, None for any other."""
    if isinstance(error, QuotaReachedError):
        return Told(429, QUOTA_REACHED, str(error), {"Retry-After": str(error.retry_after)})
    for kinds, tell in _KNOWN:
        if isinstance(error, kinds):
            return tell(str(error))
    return None


_Tell = Callable[[str], Told]
_KNOWN: tuple[tuple[tuple[type[Exception], ...], _Tell], ...] = (
    ((NotVisibleError, Http404), lambda _: NOT_FOUND),
    (
        (NotAllowedError, PermissionDenied),
        lambda text: Told(403, "You cannot do this", text or "Ask an admin."),
    ),
    ((InvalidInputError,), lambda text: Told(400, "We could not use that", text)),
    ((LinkError,), lambda text: Told(410, "This link does not work any more", text)),
    ((TooManyAttemptsError,), lambda text: Told(429, "Too many attempts", text)),
    ((NoGenerationError, ModelError), lambda _: NOT_READY),
    ((RequestDataTooBig, TooManyFilesSent), lambda _: TOO_LARGE),
    ((NoGenerationError, EmbeddingError), lambda _: NOT_READY),
)


def page(request: HttpRequest, told: Told) -> HttpResponse:
    """Return an error as a page, or as a problem document for API paths."""
    if request.path.startswith(_API):
        return _problem(request, told)
    response = render(request, "errors/known.html", {"told": told}, status=told.status)
    for name, value in told.headers.items():
        response[name] = value
    return response


def _problem(request: HttpRequest, told: Told) -> JsonResponse:
    body = {
        "type": "about:blank",
        "title": told.title,
        "status": told.status,
        "detail": told.detail,
        "request_id": request.META.get(REQUEST_ID, ""),
    }
    return JsonResponse(body, status=told.status, content_type="application/problem+json")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer for addresses that lead nowhere exactly as for things that are hidden."""
    return page(request, NOT_FOUND)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return page(request, describe(exception or PermissionDenied()) or BAD_REQUEST)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return page(request, (exception and describe(exception)) or BAD_REQUEST)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    return page(request, SESSION_GONE)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer without touching session or database: they may be what failed."""
    if request.path.startswith(_API):
        told = Told(500, "Something failed here", "It is in the log under the id of this request. Try later.")
        return _problem(request, told)
    context = {
        "portal_name": settings.PORTAL_NAME,
        "request_id": request.META.get(REQUEST_ID, ""),
        "path": request.path if request.method == "GET" else "/",
    }
    return HttpResponse(render_to_string("errors/500.html", context), status=500)
