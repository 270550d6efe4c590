"""A client that speaks to the API as one person, and the checks that every answer has to pass."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from django.test import Client

from portal.accounts.models import User
from tests import factories

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

BASE = "/api/v1"
PROBLEM = "application/problem+json"
Json: TypeAlias = Any


class Api:
    """Sends requests with a fresh token of `user`; without scopes the token has them all."""

    def __init__(self, user: User, *scopes: str) -> None:
        self._client = Client(headers=factories.bearer(user, *scopes), raise_request_exception=False)

    def get(self, path: str, **query: Any) -> "Response":
        return self._client.get(BASE + path, query)

    def post(self, path: str, body: Json = None) -> "Response":
        return self._client.post(BASE + path, json.dumps(body or {}), content_type="application/json")

    def patch(self, path: str, body: Json) -> "Response":
        return self._client.patch(BASE + path, json.dumps(body), content_type="application/json")

    def put(self, path: str, body: Json) -> "Response":
        return self._client.put(BASE + path, json.dumps(body), content_type="application/json")

    def delete(self, path: str) -> "Response":
        return self._client.delete(BASE + path)

    def upload(
        self, slug: str, name: str = "note.txt", content: bytes = b"Leave is 30 days.", **more: Any
    ) -> "Response":
        file = factories.upload(name, content)
        return self._client.post(f"{BASE}/collections/{slug}/documents", {"file": file} | more)


def problem(response: "Response", status: int) -> dict[str, Any]:
    """Return the problem in a response after checking that it is one, in the form of RFC 9457."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == PROBLEM
    body: dict[str, Any] = json.loads(response.content)
    assert set(body) - {"errors"} == {"type", "title", "status", "detail", "instance", "request_id"}
    assert body["status"] == status
    assert body["request_id"] == response["X-Request-ID"]
    return body


def same_problem(one: "Response", other: "Response", status: int) -> None:
    """Check that two refusals differ in nothing but the address: neither tells what is hidden."""
    bodies = [problem(response, status) for response in (one, other)]
    for body in bodies:
        body.pop("instance")
        body.pop("request_id")
    assert bodies[0] == bodies[1]
    assert _headers(one) == _headers(other)


def _headers(response: "Response") -> dict[str, str]:
    varying = {"X-Request-ID", "Content-Length"}
    return {name: value for name, value in response.headers.items() if name not in varying}


def ok(response: "Response", status: int = 200) -> Json:
    """Return the JSON of a response after checking its status."""
    assert response.status_code == status, response.content
    return json.loads(response.content) if response.content else None


def assert_hides(response: "Response", words: Sequence[str]) -> None:
    body = response.content.decode().lower()
    for word in words:
        assert word.lower() not in body
