"""What every request passes through: it gets an id, and the errors that we know become pages."""

import logging
import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from portal import errors

logger = logging.getLogger(__name__)
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
GetResponse = Callable[[HttpRequest], HttpResponse]


def _name(request: HttpRequest) -> str:
    """Give the request an id: the one a proxy sent, if it is a plain one, so that logs can be joined."""
    given = request.META.get("HTTP_X_REQUEST_ID", "")
    name = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
    request.META[errors.REQUEST_ID] = name
    return name


def request_id(get_response: GetResponse) -> GetResponse:
    """Name each request, in `request.META` and in the header X-Request-ID of the response."""

    def named(request: HttpRequest) -> HttpResponse:
        name = _name(request)
        response = get_response(request)
        response["X-Request-ID"] = name
        return response

    return named


class KnownErrors(MiddlewareMixin):
    """Turns the errors that views let through into pages; any other goes on to the log and the 500 page."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the page that tells of an error, None for one that is not known."""
        told = errors.describe(exception)
        return None if told is None else errors.page(request, told)
