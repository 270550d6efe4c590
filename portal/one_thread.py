"""How the web process runs a request: all of it in one thread."""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase

_MOST_IDLE = 32


class OneThreadHandler(ASGIHandler):
    """Runs middleware and view of a request in one thread, in one go.

    Django's own goes back to the event loop for methods of the middleware and for the view, which takes a
    tenth of what a search spends around itself, and starts two threads for each request. An asynchronous view
    still runs in the event loop, and streams flow there.
    """

    def __init__(self) -> None:
        super().__init__()
        self._idle: deque[ThreadPoolExecutor] = deque()

    def load_middleware(self, *_: object, **__: object) -> None:
        """Load the synchronous chain, whatever the handler asks for."""
        super().load_middleware(is_async=False)

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[Mapping[str, Any]]],
        send: Callable[[Mapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Handle one request in a thread that no other request has meanwhile."""
        thread = self._idle.pop() if self._idle else ThreadPoolExecutor(1, thread_name_prefix="request")
        try:
            async with ThreadSensitiveContext(executor=thread):
                await self.handle(scope, receive, send)
        except BaseException:
            thread.shutdown(wait=False)  # it may still be at work
            raise
        if len(self._idle) < _MOST_IDLE:
            self._idle.append(thread)
        else:
            thread.shutdown(wait=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response to a request."""
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)
