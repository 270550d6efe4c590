"""How the web process runs a request: all of it in one thread."""

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class OneThreadHandler(ASGIHandler):
    """Runs middleware and view of a request in one thread, in one go.

    Django's own goes back to the event loop for methods of the middleware and for the view, which takes a
    tenth of what a search spends around itself. An asynchronous view still runs in the event loop, and
    streams flow there.
    """

    def load_middleware(self, *_: object, **__: object) -> None:
        """Load the synchronous chain, whatever the handler asks for."""
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response to a request."""
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)
