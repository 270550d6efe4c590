"""One person's walk through every page and endpoint that could tell of a document."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django.test import Client

from portal.accounts.models import User
from tests import factories

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CSRF = re.compile(r"""(csrfmiddlewaretoken"? value=|X-CSRFToken"?: ?)["'][^"']+["']""")
_REQUEST = re.compile(r"request [0-9a-f]{32}")
_TOOK = re.compile(r"\b\d+(?:\.\d+)? m?s\b")  # how long each step took
_CLOCK = re.compile(r"<time[^>]*>.*?</time>", re.DOTALL)
_VARYING = {"id", "conversation", "created_at", "timings", "request_id", "last_used_at"}


class Outsider:
    """Somebody who is signed in and has an API token, and may not see some collection."""

    NARROWED = (
        "/?collection={slug}",
        "/search?q=safety&collection={slug}",
        "/search?q=safety+collection:{slug}",
        "/search?q=safety+team:{team}",
        "/search?q=safety+document:{document}",
        "/suggestions?q=safety&collection={slug}",
    )  # to nothing, not refused
    # Asked for with the names of hidden things: the answer has to be that of missing ones.
    ADDRESSES = (
        *NARROWED,
        "/collections/{slug}",
        "/collections/{slug}/rows",
        "/collections/{slug}/settings",
        "/collections/{slug}/delete",
        "/collections/{slug}/dictionary",
        "/collections/{slug}/deleted",
        "/manage/ingestion?collection={slug}",
        "/manage/ingestion/rows?collection={slug}",
        "/documents/{document}",
        "/documents/{document}?start=0&end=50",
        "/documents/{document}/pages/1.webp",
        "/documents/{document}/file",
        "/documents/{document}/versions",
        "/documents/{document}/move",
        "/questions/{question}",
        "/teams/{team}",
        "/api/v1/collections/{slug}",
        "/api/v1/collections/{slug}/documents",
        "/api/v1/documents/{document}",
        "/api/v1/documents/{document}/text",
        "/api/v1/documents/{document}/file",
        "/api/v1/documents/{document}/versions",
        "/api/v1/collections/{slug}/deleted",
        "/api/v1/jobs?collection={slug}",
        "/api/v1/answers/{question}",
    )
    # Without a name in them: what they tell is this person's own.
    PAGES = (
        "/",
        "/history",
        "/suggestions?q=sa",
        "/collections",
        "/teams",
        "/account/tokens",
        "/manage/ingestion",
        "/manage/dictionary",
    )
    ENDPOINTS = ("/me", "/tokens", "/collections", "/jobs", "/conversations")

    def __init__(self, user: User) -> None:
        self._browser = Client(raise_request_exception=False)
        self._browser.force_login(user)
        self._api = Client(headers=factories.bearer(user), raise_request_exception=False)

    def open(self, path: str) -> "Response":
        return (self._api if path.startswith("/api/") else self._browser).get(path)

    def answer(self, question: str) -> dict[str, Any]:
        """Return the API's answer to a question."""
        response = self._post("/answers", {"question": question})
        assert response.status_code == 201, response.content
        answer: dict[str, Any] = response.json()
        return answer

    def bodies(self, question: str) -> Iterator[tuple[str, str]]:
        """Yield each place with the raw body that it gives after this question was asked and searched."""
        for path in ("/search", "/answers"):
            body: dict[str, object] = {"question": question}
            if path == "/search":
                body = {"query": question, "facets": True}
            yield path, _text(self._post(path, body))
        asked = self._browser.post("/ask", {"q": question})
        yield "/ask", _text(asked) + asked["Location"]
        yield "stream", _text(self._browser.get(asked["Location"] + "/stream"))
        yield "question", _text(self._browser.get(asked["Location"]))
        yield "search", _text(self._browser.get("/search", {"q": question}))
        for path in self.PAGES:
            yield path, _text(self._browser.get(path))
        for path in self.ENDPOINTS:
            yield path, _text(self._api.get(f"/api/v1{path}"))

    def comparable(self, question: str) -> list[object]:
        """Return what search and answer show, without what differs from one call to the next."""
        found = self._post("/search", {"query": question, "facets": True}).json()
        asked = self._browser.post("/ask", {"q": question})
        page = _plain(_text(self._browser.get(asked["Location"], {"plain": 1}, follow=True)))
        results = _plain(_text(self._browser.get("/search", {"q": question})))
        home = _plain(_text(self._browser.get("/")))
        return [_stable(found), _stable(self.answer(question)), page, results, home]

    def _post(self, path: str, body: Mapping[str, Any]) -> "Response":
        return self._api.post(f"/api/v1{path}", json.dumps(body), content_type="application/json")


def scrubbed(response: "Response", asked_for: Mapping[str, object]) -> str:
    """Return a body without the names that the request itself held, and without what always differs."""
    body = _text(response)
    for name in asked_for.values():
        body = body.replace(str(name), "")
    return _plain(re.sub(r'"request_id": ?"[^"]+"', "", body))


def _text(response: "Response") -> str:
    """Return the whole body; a stream's too, which the tests' client takes to its end."""
    return b"".join(response).decode(errors="replace")


def _plain(body: str) -> str:
    for varying in (_UUID, _CSRF, _REQUEST, _CLOCK, _TOOK):
        body = varying.sub("", body)
    return body


def _stable(data: object) -> object:
    match data:
        case dict():
            return {key: _stable(value) for key, value in data.items() if key not in _VARYING}
        case list():
            return [_stable(value) for value in data]
    return data
