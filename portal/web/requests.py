"""Who sends a request: the gate in front of every page that is not public."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest
from django.views.decorators.cache import cache_control

from portal.accounts.models import User


class SignedInRequest(HttpRequest):
    """A request whose sender is known."""

    user: User


_MOST_DIGITS = 9
_View = TypeVar("_View", bound=Callable[..., Any])


def signed_in(view: _View) -> Callable[..., Any]:
    """Send strangers to the sign-in page, and keep what people see out of every cache."""
    return login_required(cache_control(private=True, no_store=True)(view))


def whole_number(text: str) -> int | None:
    """Return what was sent as a number, None for anything that is no number that a page could mean."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def decimal_number(text: str) -> Decimal | None:
    """Return what was sent as a plain decimal number, None for anything else."""
    is_one = text.isascii() and text.replace(".", "", 1).isdigit() and len(text) <= _MOST_DIGITS + 5
    return Decimal(text) if is_one else None
