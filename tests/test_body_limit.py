"""A body that is too large is refused while it arrives, and nothing of it reaches Django."""

import json
from collections.abc import Iterator

import pytest
from asgiref.sync import async_to_sync
from django.test import override_settings

from portal.body_limit import FILES_PER_REQUEST, Message, Receive, Send, with_body_limit

LIMIT = FILES_PER_REQUEST << 20


@pytest.fixture(autouse=True)
def one_megabyte() -> Iterator[None]:
    with override_settings(MAX_UPLOAD_MB=1):
        yield


async def _application(scope: Message, receive: Receive, send: Send) -> None:
    """Read the whole body, as Django does, and answer its length."""
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length += len(message["body"])
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(length).encode()})


def respond(pieces: list[bytes], headers: list[tuple[bytes, bytes]]) -> tuple[int, bytes, int]:
    """Return the status, the body and how many pieces were read."""
    sent: list[Message] = []
    left = list(pieces)

    async def receive() -> Message:
        body = left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Message = {"type": "http", "path": "/upload", "headers": headers}
    async_to_sync(with_body_limit(_application))(scope, receive, send)
    return sent[0]["status"], sent[1]["body"], len(pieces) - len(left)


def test_a_body_within_the_limit_passes() -> None:
    assert respond([b"x" * LIMIT], []) == (200, str(LIMIT).encode(), 1)


def test_an_announced_length_is_refused_unread() -> None:
    status, body, read = respond([b"x"], [(b"content-length", str(LIMIT + 1).encode())])
    assert (status, read) == (413, 0)
    assert "larger than the 1 MB" in json.loads(body)["detail"]


def test_an_endless_body_is_cut() -> None:
    status, _, read = respond([b"x" * (LIMIT // 2)] * 10, [])
    assert (status, read) == (413, 3)
