"""The evidence for an answer, weighed in a thread while something else goes on."""

import asyncio
from collections.abc import Callable

from llm.evidence import Evidence, Gathering


class TooWeakError(Exception):
    """The passages say too little about the question to attempt an answer."""


class Weighing:
    """What the likeliest sentences say, and what all of them say. Each is weighed once, when it is asked for.

    Nothing is computed before: a thread that computes holds up whatever is to be sent first. Needs a running
    event loop. Close it when the answer has ended.
    """

    def __init__(self, gather: Callable[[], Gathering]) -> None:
        self._gather = gather
        self._gathering: Gathering | None = None
        self._one_at_a_time = asyncio.Lock()
        self._first: asyncio.Task[Evidence] | None = None
        self._whole: asyncio.Task[Evidence] | None = None

    @property
    def is_known(self) -> bool:
        """Whether it is known if the evidence suffices."""
        return self._first is not None and self._first.done()

    def first(self) -> "asyncio.Task[Evidence]":
        """What as few sentences as suffice say, or all where they do not. Raises EmbeddingError."""
        if self._first is None:
            self._first = asyncio.create_task(self._weighed(Gathering.begin))
        return self._first

    def whole(self) -> "asyncio.Task[Evidence]":
        """What all sentences say. Raises EmbeddingError."""
        if self._whole is None:
            self._whole = asyncio.create_task(self._weighed(Gathering.complete))
        return self._whole

    async def require_enough(self) -> None:
        """Wait until it is known that the evidence suffices; the rest is weighed from then on.

        Raises TooWeakError where it does not, and EmbeddingError.
        """
        evidence = await self.first()
        if not evidence.suffices:
            raise TooWeakError
        self.whole()

    async def aclose(self) -> None:
        """Wait for nothing any more; what a thread is computing comes to nothing."""
        tasks = [task for task in (self._first, self._whole) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _weighed(self, step: Callable[[Gathering], Evidence]) -> Evidence:
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._take, step)

    def _take(self, step: Callable[[Gathering], Evidence]) -> Evidence:
        if self._gathering is None:
            self._gathering = self._gather()
        return step(self._gathering)
