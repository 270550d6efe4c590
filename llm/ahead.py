"""An async generator that is at work before anybody asks it for something."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")


class Ahead(Generic[Item]):
    """The items of an async generator, the first of which is made from now on.

    Needs a running event loop. Closing it ends the generator's work at once, also in the middle of an item.
    """

    def __init__(self, items: AsyncGenerator[Item, None]) -> None:
        self._items = items
        self._first = asyncio.ensure_future(anext(items))
        self._is_first = True

    async def until(self, event: asyncio.Event, *, seconds: float) -> None:
        """Wait for an event on the generator's way to its first item, for the item itself, or so long."""
        waiting = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait([waiting, self._first], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()  # also where the reader leaves meanwhile

    def raise_fault(self) -> None:
        """Raise what the generator has failed with already, if it has."""
        if self._first.done() and not isinstance(self._first.exception(), StopAsyncIteration):
            self._first.result()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        if self._is_first:
            self._is_first = False
            return await self._first
        return await anext(self._items)

    async def aclose(self) -> None:
        self._first.cancel()
        await asyncio.gather(self._first, return_exceptions=True)
        await self._items.aclose()
