"""A person at a browser without scripts: signed in, following redirects, reading pages."""

import re
from typing import TYPE_CHECKING, Any

from django.test import Client

from portal.accounts.models import User

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response


_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"')


class Reader(Client):
    """Sends requests as one person, or as nobody; errors of the server come as pages."""

    def __init__(self, user: User | None = None, **more: Any) -> None:
        super().__init__(raise_request_exception=False, **more)
        if user is not None:
            self.force_login(user)


def bare(response: "Response") -> str:
    """Return a page without its form tokens, which differ each time."""
    return _TOKEN.sub("", response.content.decode())


def text(response: "Response", status: int = 200) -> str:
    """Return the page of a response after checking its status and that nothing in it runs inline."""
    page: str = response.content.decode()
    assert response.status_code == status, page
    assert "<script>" not in page
    assert " style=" not in page
    return page
