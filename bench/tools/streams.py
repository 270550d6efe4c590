"""Many answers at once while their words flow: what they hold of the database, of memory and of threads."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg

from bench.tools.memory import pss_mib
from bench.tools.model_server import ModelServer
from bench.tools.stack import Stack, connect

_SAMPLES_SECONDS = 8.0
_EVERY_SECONDS = 0.1
_PATIENCE = 120.0
_GONE_SECONDS = 10.0
# Idle ones stand in the pool, which any request may take them from.
_CONNECTIONS = "SELECT state, count(*) FROM pg_stat_activity WHERE application_name = 'cited web' GROUP BY 1"


@dataclass(slots=True)
class Report:
    """What was seen while `streams` were open; `samples` of the database, connections by their state."""

    streams: int = 0
    samples: int = 0
    most: dict[str, int] = field(default_factory=dict)
    samples_with_work: int = 0
    mib_a_stream: float = 0.0
    threads: int = 0
    aborted: int = 0
    aborted_after_s: float = 0.0

    @property
    def most_in_work(self) -> int:
        """The most connections that were not idle at one moment."""
        return max((count for state, count in self.most.items() if state != "idle"), default=0)


async def watch(stack: Stack, server: ModelServer, token: str, questions: Sequence[str]) -> Report:
    """Ask all questions at once, watch while every answer flows, leave, and see the model let go."""
    web = stack.child("web")
    report = Report()
    before, threads = pss_mib(web), _threads(web)
    aborted = server.aborted()
    async with _streaming(stack.base_url, token, questions) as clients:
        report.streams = len(clients)
        with connect(stack) as database:
            await asyncio.to_thread(_sample, database, report)
        report.mib_a_stream = (pss_mib(web) - before) / report.streams
        report.threads = _threads(web) - threads
    left = time.perf_counter()
    while report.aborted < report.streams and time.perf_counter() - left < _GONE_SECONDS:
        report.aborted = await asyncio.to_thread(server.aborted) - aborted
        report.aborted_after_s = time.perf_counter() - left
    return report


@asynccontextmanager
async def _streaming(
    address: str, token: str, questions: Sequence[str]
) -> AsyncIterator[list[httpx.Response]]:
    """Yield when each answer has begun; read on meanwhile; leave them all in the middle."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=address, headers=headers, timeout=_PATIENCE, limits=limits, trust_env=False
    ) as client:
        begun: list[httpx.Response] = []
        readers = [asyncio.create_task(_read(client, question, begun)) for question in questions]
        try:
            async with asyncio.timeout(_PATIENCE):
                while len(begun) < len(questions):
                    await asyncio.sleep(_EVERY_SECONDS)
            yield begun
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)


async def _read(client: httpx.AsyncClient, question: str, begun: list[httpx.Response]) -> None:
    async with client.stream("POST", "/api/v1/answers", json={"question": question}) as response:
        response.raise_for_status()
        has_begun = False
        async for line in response.aiter_lines():
            if line == "event: delta" and not has_begun:
                has_begun = True
                begun.append(response)


def _sample(database: "psycopg.Connection[tuple[object, ...]]", report: Report) -> None:
    ends = time.perf_counter() + _SAMPLES_SECONDS
    while time.perf_counter() < ends:
        states = {str(state): int(str(count)) for state, count in database.execute(_CONNECTIONS).fetchall()}
        report.samples += 1
        report.samples_with_work += any(state != "idle" for state in states)
        for state, count in states.items():
            report.most[state] = max(report.most.get(state, 0), count)
        time.sleep(_EVERY_SECONDS)


def _threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))
