"""A fake model server that answers whatever loop asks it."""

import asyncio
import threading
from dataclasses import dataclass, field

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
