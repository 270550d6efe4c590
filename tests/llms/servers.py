"""A fake model server that answers whatever loop asks it, and models that are registered with it."""

import asyncio
import threading
from dataclasses import dataclass, field, replace
from typing import Any

from portal.accounts.models import User
from portal.llms.models import LanguageModel
from portal.llms.registry import Draft, add_model, decide
from tests.fakes.openai_server import FakeServer


@dataclass
class Server:
    """The fake in a thread and a loop of its own; `with` starts and stops it."""

    fake: FakeServer = field(default_factory=lambda: FakeServer(delay=0))

    def __enter__(self) -> "Server":
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(10)
        return self

    def _run(self, started: threading.Event) -> None:
        async def serve() -> None:
            self._stop = asyncio.Event()
            async with self.fake.running():
                started.set()
                await self._stop.wait()

        self._loop.run_until_complete(serve())
        self._loop.close()

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def bytes_seen(self) -> int:
        return len(self.fake.headers) + len(str(self.fake.requests)) - 2


def register(admin: User, server: Server, name: str, **more: Any) -> LanguageModel:
    """Add and approve a model; each has a name of its own at the server, so that no breaker is shared."""
    draft = Draft(name, "other", server.fake.base_url, f"{name}-{server.fake.port}", "local", "local_only")
    model = add_model(user=admin, draft=replace(draft, **more))
    return decide(user=admin, model=model, approve=True)
