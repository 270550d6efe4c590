"""Every error of the API as `application/problem+json`, in the form of RFC 9457.

Forbidden and missing give the same body, and so do an id of the wrong form and an address that is not there.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeVar, cast

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError
from pydantic import Field

from llm.errors import ModelError
from portal.accounts.models import ApiToken
from portal.api.auth import InsufficientScopeError
from portal.errors import REQUEST_ID
from portal.llms.errors import QuotaReachedError
from retrieval.errors import InvalidInputError, NotAllowedError, NotVisibleError

log = logging.getLogger(__name__)
_E = TypeVar("_E", bound=Exception)

NOT_FOUND = "There is nothing here that you can see. Check the address; the operations are at /api/v1/docs."
UNEXPECTED = "Something went wrong in the portal, not in your request. Give the admin the request_id."
_BLANK = "about:blank"  # RFC 9457, 4.2.1: the status code says what kind of problem it is


class TooLargeError(Exception):
    """The request is larger than the portal takes; the message says how large that is."""


class NotReadyError(Exception):
    """What is asked for will be there later, or was never made; the message says which."""


class FieldProblem(Schema):
    pointer: str = Field(description="JSON pointer to the field, or the parameter's name.")
    detail: str


class Problem(Schema):
    """What went wrong (RFC 9457)."""

    type: str = _BLANK
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path that was asked for.")
    request_id: str = Field(description="Names this request in the portal's log.")
    errors: list[FieldProblem] = Field(
        default=[], description="Which fields are wrong; with status 422 only."
    )


def problem(
    request: HttpRequest,
    status: HTTPStatus,
    detail: str,
    *,
    errors: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """Return the response for one problem."""
    body = problem_body(request, status, detail, errors=errors)
    return HttpResponse(
        json.dumps(body), status=status, content_type="application/problem+json", headers=headers
    )


def problem_body(
    request: HttpRequest, status: HTTPStatus, detail: str, *, errors: Sequence[FieldProblem] = ()
) -> dict[str, Any]:
    """Return the members of one problem; `errors` only where there are any."""
    return Problem(
        title=status.phrase,
        status=status,
        detail=detail,
        instance=request.path,
        request_id=request.META.get(REQUEST_ID, ""),
        errors=list(errors),
    ).model_dump(exclude=None if errors else {"errors"})


def not_found(request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
    """Answer any address that is not there, and anything that the person may not see."""
    return problem(request, HTTPStatus.NOT_FOUND, NOT_FOUND)


def method_not_allowed(request: HttpRequest, allowed: str) -> HttpResponse:
    detail = f"{request.method} is not possible here. Use {allowed}."
    return problem(request, HTTPStatus.METHOD_NOT_ALLOWED, detail, headers={"Allow": allowed})


def _unauthorized(request: HttpRequest, _: Exception) -> HttpResponse:
    sent = "Authorization" in request.headers
    challenge = 'Bearer realm="Cited API"' + (', error="invalid_token"' if sent else "")
    detail = (
        "This token is not valid: it is unknown, revoked or has expired. Make a new one on the tokens page."
        if sent
        else "Send an API token in the header “Authorization: Bearer cited_…”. Make one on the tokens page."
    )
    return problem(request, HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": challenge})


def _insufficient_scope(request: HttpRequest, error: InsufficientScopeError) -> HttpResponse:
    challenge = f'Bearer realm="Cited API", error="insufficient_scope", scope="{error.scope}"'
    detail = f"This needs a token with the scope “{error.scope}” ({ApiToken.Scope(error.scope).label})."
    return problem(request, HTTPStatus.FORBIDDEN, detail, headers={"WWW-Authenticate": challenge})


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    errors = [
        FieldProblem(pointer=_pointer(one["loc"]), detail=_sentence(one["msg"])) for one in error.errors
    ]
    detail = "; ".join(f"{one.pointer}: {one.detail}" for one in errors[:3])
    return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=errors)


def _pointer(loc: Sequence[str | int]) -> str:
    """Return where a value stands: ninja's location is (source, name of the argument, *path)."""
    source, *path = loc
    inner = path[1:] if source == "body" and len(path) > 1 else path
    steps = [str(step).replace("~", "~0").replace("/", "~1") for step in inner]
    return "/" + "/".join(steps) if source == "body" else ".".join(steps)


def _sentence(message: str) -> str:
    return message.removeprefix("Value error, ")


def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    return problem(request, HTTPStatus(error.status_code), error.message)


def _throttled(request: HttpRequest, error: Throttled) -> HttpResponse:
    detail = "Too many requests. Wait as many seconds as the header Retry-After says, then send it again."
    headers = {"Retry-After": str(error.wait or 1)}
    return problem(request, HTTPStatus.TOO_MANY_REQUESTS, detail, headers=headers)


def _quota_reached(request: HttpRequest, error: QuotaReachedError) -> HttpResponse:
    headers = {"Retry-After": str(error.retry_after)}
    return problem(request, HTTPStatus.TOO_MANY_REQUESTS, str(error), headers=headers)


def _unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, UNEXPECTED)


def _model_unavailable(request: HttpRequest, error: ModelError) -> HttpResponse:
    log.error("%s %s: no model answered", request.method, request.path, exc_info=error)
    detail = "The model that this needs does not answer at the moment. Try again in a minute."
    return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "60"})


_WITH_MESSAGE: dict[type[Exception], HTTPStatus] = {
    NotAllowedError: HTTPStatus.FORBIDDEN,
    InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    NotReadyError: HTTPStatus.CONFLICT,
}
_WITH_DETAIL: dict[type[Exception], tuple[HTTPStatus, str]] = {
    RequestDataTooBig: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request's body is too large. Send less."),
    SuspiciousOperation: (HTTPStatus.BAD_REQUEST, "The request is malformed."),
    BadRequest: (HTTPStatus.BAD_REQUEST, "The request is malformed."),
    MultiPartParserError: (HTTPStatus.BAD_REQUEST, "The body is not valid multipart/form-data."),
}


def _says_itself(request: HttpRequest, error: Exception) -> HttpResponse:
    status = next(_WITH_MESSAGE[kind] for kind in type(error).__mro__ if kind in _WITH_MESSAGE)
    return problem(request, status, str(error))


def _says_kind(request: HttpRequest, error: Exception) -> HttpResponse:
    status, detail = next(_WITH_DETAIL[kind] for kind in type(error).__mro__ if kind in _WITH_DETAIL)
    return problem(request, status, detail)


def register(api: NinjaAPI) -> None:
    """Make `api` answer every exception with a problem."""
    for kind in _WITH_MESSAGE:
        _add(api, kind, _says_itself)
    for kind in _WITH_DETAIL:
        _add(api, kind, _says_kind)
    _add(api, NotVisibleError, not_found)
    _add(api, Http404, not_found)
    _add(api, AuthenticationError, _unauthorized)
    _add(api, InsufficientScopeError, _insufficient_scope)
    _add(api, ValidationError, _invalid)
    _add(api, HttpError, _http_error)
    _add(api, Throttled, _throttled)
    _add(api, QuotaReachedError, _quota_reached)
    _add(api, ModelError, _model_unavailable)
    _add(api, Exception, _unexpected)


def _add(api: NinjaAPI, kind: type[_E], handler: Callable[[HttpRequest, _E], HttpResponse]) -> None:
    api.add_exception_handler(kind, cast("Any", handler))  # ninja's type says that a class may come, too
