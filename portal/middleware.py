"""What every request passes through: it gets an id, and the errors that we know become pages."""

import logging
import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware, sync_only_middleware
from django.utils.deprecation import MiddlewareMixin

from portal import errors

logger = logging.getLogger(__name__)
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
GetResponse = Callable[[HttpRequest], Any]


def _name(request: HttpRequest) -> str:
    """Give the request an id: the one a proxy sent, if it is a plain one, so that logs can be joined."""
    given = request.META.get("HTTP_X_REQUEST_ID", "")
    name = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
    request.META[errors.REQUEST_ID] = name
    return name


@sync_and_async_middleware
def request_id(
    get_response: GetResponse,
) -> Callable[[HttpRequest], HttpResponse] | Callable[[HttpRequest], Awaitable[HttpResponse]]:
    """Name each request, in `request.META` and in the header X-Request-ID of the response."""
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponse:
            name = _name(request)
            response: HttpResponse = await get_response(request)
            response["X-Request-ID"] = name
            return response

        return later

    def now(request: HttpRequest) -> HttpResponse:
        name = _name(request)
        response: HttpResponse = get_response(request)
        response["X-Request-ID"] = name
        return response

    return now


class _KnownErrors(MiddlewareMixin):
    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        told = errors.describe(exception)
        return None if told is None else errors.page(request, told)


@sync_only_middleware
def known_errors(get_response: GetResponse) -> _KnownErrors:
    """Turn the errors that views let through into pages; any other goes on to the log and the 500 page.

    It stands innermost and is synchronous, so all that stand around it run in one thread: a change of
    threads before and after each of them took 4 ms of every request.
    """
    return _KnownErrors(get_response)
