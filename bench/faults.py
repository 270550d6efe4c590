"""What readers get while the model server fails: `python bench/faults.py [--times N]`.

A portal of its own is asked over its API with a model server that has one of 14 faults, so many times each,
always as if it had not failed before. Then the breaker: how long an answer takes while it is open, beside
one without any model at the same moment, and how long after the server is well again the model answers. The
limits are 1 s to the first token and between two, and 3 s in all, so that hanging takes no hour. The last
line is one JSON object.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.tools import figures, stack
from bench.tools.faults import FAULTS, Fault
from tests.fakes.openai_server import FakeServer

QUESTION = "How long is the warranty of the Falcon kettle?"
PASSAGES = [
    "The Falcon kettle has a warranty of 24 months from the day of purchase.",
    "Returns are free of charge within 30 days when the box is unopened.",
    "The kettle holds 1.7 litres and switches itself off when the water boils.",
]
OPEN_SECONDS, BACK_SECONDS = 1.0, 30.0
FAILURES_TO_OPEN = 3
LIMITS = {"LLM_FIRST_TOKEN_SECONDS": "1", "LLM_BETWEEN_TOKENS_SECONDS": "1", "LLM_ANSWER_SECONDS": "3"}


@dataclass(slots=True)
class Row:
    """How requests ended; seconds of each. `without` are answers without any model, the reference."""

    asked: int = 0
    bad: int = 0
    seconds: list[float] = field(default_factory=list)
    while_open: list[float] = field(default_factory=list)
    without: list[float] = field(default_factory=list)
    back_after: float = 0.0


class Asker:
    """Asks the portal's API inside this process, of one model server or another."""

    def __init__(self, token: str) -> None:
        from portal.asgi import application

        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=application, raise_app_exceptions=False),
            base_url=stack_address(),
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )

    async def ask(self, base_url: str) -> tuple[float, int, dict[str, Any]]:
        """Return seconds, status and the answer."""
        from django.test import override_settings

        began = time.perf_counter()
        with override_settings(LLM_BASE_URL=base_url, LLM_MODEL="served"):
            reply = await self._client.post("/api/v1/answers", json={"question": QUESTION})
        return time.perf_counter() - began, reply.status_code, reply.json() if reply.is_success else {}


def stack_address() -> str:
    from django.conf import settings

    return str(settings.BASE_URL)


def is_good(fault: Fault, status: int, answer: dict[str, Any]) -> bool:
    """Whether it is the model's answer where the fault can be survived, else quotes with a notice."""
    if status != httpx.codes.CREATED or answer.get("state") != "answered" or not answer["sentences"]:
        return False
    if fault.survives:
        return bool(answer["engine"] == "llm")
    return bool(answer["engine"] == "extractive" and answer["notice"])


@asynccontextmanager
async def serving(fault: Fault) -> AsyncIterator[FakeServer]:
    """Run the server with its fault; for a refused connection, one that is gone again."""
    server = FakeServer(fault.behaviour or "quote", delay=0.01)
    async with server.running():
        if fault.behaviour:
            yield server
    if not fault.behaviour:
        yield server


async def ask_often(asker: Asker, fault: Fault, times: int, row: Row) -> None:
    """Each time at another path of the server, so that no breaker knows it yet."""
    async with serving(fault) as server:
        for number in range(times):
            seconds, status, answer = await asker.ask(f"{server.base_url}/{number}")
            row.asked += 1
            row.bad += not is_good(fault, status, answer)
            row.seconds.append(seconds)


class Mended:
    """Servers that are well again, and what the portal makes of them until their model answers."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._waiting: list[tuple[FakeServer, Row, float]] = []

    async def break_and_mend(self, server: FakeServer, row: Row) -> None:
        """Open the breaker, ask while it is open, and make the server well."""
        for _ in range(FAILURES_TO_OPEN):
            await self._asker.ask(server.base_url)
        for _ in range(FAILURES_TO_OPEN):
            seconds, _, answer = await self._asker.ask(server.base_url)
            row.bad += not answer.get("sentences")
            row.while_open.append(seconds)
            row.without.append((await self._asker.ask(""))[0])
            await self.look()  # the others are not to wait for this one
        server.behaviour = "quote"
        self._waiting.append((server, row, time.perf_counter()))

    async def look(self) -> bool:
        """Ask each that has not come back once, if it would be asked; return whether some have not.

        A question that finds its breaker open could not bring the model back, and would keep others waiting.
        """
        from llm.breaker import breaker_for

        for waiting in list(self._waiting):
            server, row, mended = waiting
            if not breaker_for(server.base_url, "served").would_admit:
                continue
            _, _, answer = await self._asker.ask(server.base_url)
            row.back_after = time.perf_counter() - mended
            if answer.get("engine") == "llm" or row.back_after > 2 * BACK_SECONDS:
                self._waiting.remove(waiting)
        return bool(self._waiting)


async def run(asker: Asker, times: int) -> dict[str, Row]:
    rows = {fault.name: Row() for fault in FAULTS}
    await asker.ask("")  # loads the embedding model
    for fault in FAULTS:
        await ask_often(asker, fault, times, rows[fault.name])
        figures.say(f"asked: {fault.name}")
    mended = Mended(asker)
    async with AsyncExitStack() as servers:
        for fault in FAULTS:
            if fault.opens_breaker:
                server = FakeServer(fault.behaviour or "error", delay=0.01)
                await servers.enter_async_context(server.running())
                await mended.break_and_mend(server, rows[fault.name])
        while await mended.look():
            await asyncio.sleep(0.2)
    return rows


def measure(times: int) -> dict[str, Any]:
    with stack.running(**LIMITS) as running:
        stack.adopt(running)
        from portal.accounts.models import ApiToken
        from portal.accounts.tokens import create_token
        from tests import factories

        reader = factories.user("reader@example.com")
        shelf = factories.collection("Products", owner=factories.team("Readers", managers=[reader]))
        factories.searchable_document(shelf, title="Falcon manual", passages=PASSAGES)
        token = create_token(user=reader, name="bench", scopes=[ApiToken.Scope.READ], days=1)[1]
        return report(asyncio.run(run(Asker(token), times)))


def report(rows: dict[str, Row]) -> dict[str, Any]:
    heads = f"{'asked':>7}{'bad':>5}{'p50 s':>8}{'max s':>8}{'open max s':>12}{'no model':>10}{'back s':>8}"
    figures.say(f"{'':<36}{heads}")
    for name, row in rows.items():
        times = sorted(row.seconds)
        cells = f"{times[len(times) // 2]:>8.2f}{times[-1]:>8.2f}"
        breaker = ""
        if row.while_open:
            breaker = f"{max(row.while_open):>12.2f}{max(row.without):>10.2f}{row.back_after:>8.1f}"
        figures.say(f"{name:<36}{row.asked:>7}{row.bad:>5}{cells}{breaker}")
    tried = [row for row in rows.values() if row.while_open]
    slowest = max(second for row in tried for second in row.while_open)
    without = max(second for row in tried for second in row.without)
    latest = max(row.back_after for row in tried)
    bad = sum(row.bad for row in rows.values())
    return {
        "bench": "faults",
        "asked": sum(row.asked for row in rows.values()),
        "bad": bad,
        "while_open_max_s": round(slowest, 3),
        "without_a_model_max_s": round(without, 3),
        "back_after_max_s": round(latest, 1),
        "targets": {"bad": 0, "while_open_s": OPEN_SECONDS, "back_after_s": BACK_SECONDS},
        "met": bad == 0 and slowest <= OPEN_SECONDS and latest <= BACK_SECONDS,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    figures.finish(measure(parser.parse_args().times))


if __name__ == "__main__":
    main()
