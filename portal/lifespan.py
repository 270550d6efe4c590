"""What the web process does when it starts: Django itself does not speak ASGI's lifespan protocol."""

import gc
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from portal.web.health import load_model_in_background

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def with_lifespan(application: Callable[..., Awaitable[None]]) -> Application:
    """Return the application, which also begins to load the embedding model when the server starts.

    Loading happens on start and not on import, so that a process that only imports the web stays small.
    """

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        else:
            await application(scope, receive, send)

    return serve


def _leave_imports_alone() -> None:
    """Keep all that was imported out of every later collection of garbage: one of them took 180 ms."""
    gc.collect()
    gc.freeze()


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            load_model_in_background()
            _leave_imports_alone()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await send({"type": "lifespan.shutdown.complete"})
            return
