"""A generator that is at work ahead leaves no task behind when nobody waits for it any more."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from llm.ahead import Ahead


async def _never() -> AsyncGenerator[str, None]:
    await asyncio.Event().wait()
    yield "late"


def test_who_leaves_while_waiting_leaves_no_task() -> None:
    async def leave() -> set[str]:
        ahead = Ahead(_never())
        waiting = asyncio.create_task(ahead.until(asyncio.Event(), seconds=30))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await ahead.aclose()
        await asyncio.sleep(0)
        return {str(task.get_coro()) for task in asyncio.all_tasks() - {asyncio.current_task()}}

    assert asyncio.run(leave()) == set()
