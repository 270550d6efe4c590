"""Refuses a request body that is too large before Django writes it to disk."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from django.conf import settings

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

# A form without JavaScript sends several files in one request; each file is measured on its own later.
FILES_PER_REQUEST = 4


def with_body_limit(application: Callable[..., Awaitable[None]]) -> Application:
    """Return an ASGI application that answers 413 where a body has more bytes than uploads may have."""

    async def limited(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
        elif _announced(scope) > _limit():
            await _refuse(scope, send)
        else:
            await _count(application, scope, receive, send)

    return limited


def _limit() -> int:
    return FILES_PER_REQUEST * settings.MAX_UPLOAD_MB << 20


def _announced(scope: Message) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


async def _count(
    application: Callable[..., Awaitable[None]], scope: Message, receive: Receive, send: Send
) -> None:
    """Run the application; where a body of unknown length grows too long, hang up on it and answer 413."""
    received, too_long, answered = 0, False, False

    async def counting_receive() -> Message:
        nonlocal received, too_long
        message = await receive()
        received += len(message.get("body", b""))
        too_long = too_long or received > _limit()
        return {"type": "http.disconnect"} if too_long else message

    async def noting_send(message: Message) -> None:
        nonlocal answered
        answered = True
        await send(message)

    await application(scope, counting_receive, noting_send)
    if too_long and not answered:
        await _refuse(scope, send)


async def _refuse(scope: Message, send: Send) -> None:
    detail = (
        f"The upload is larger than the {settings.MAX_UPLOAD_MB} MB that one file may have. "
        "Send files one by one, split the file, or ask your admin for a higher limit."
    )
    problem = {"type": "about:blank", "title": "Too large", "status": 413, "detail": detail}
    body = json.dumps(problem | {"instance": scope["path"]}).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body))]
    headers += [(b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
