import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from tests import factories
from tests.api.live import free_port, live_portal
from tests.api.test_search import QUESTION
from tests.fakes.openai_server import FakeServer


@contextmanager
def _slow_model(env: dict[str, str]) -> Iterator[str]:
    """Run a model server that takes 0.3 s for each token, and yield its address."""
    port = free_port()
    command = [sys.executable, "-m", "tests.fakes.openai_server", "--port", str(port), "--delay", "0.3"]
    with subprocess.Popen(command, env=env, cwd=settings.BASE_DIR) as server:
        try:
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()


@pytest.mark.slow
@pytest.mark.timeout(200)
@pytest.mark.django_db(transaction=True)
def test_words_arrive_one_by_one_and_no_connection_is_held_meanwhile(
    process_env: dict[str, str], tmp_path: Path
) -> None:
    headers = factories.bearer(factories.cast(searchable=True).bob)
    with _slow_model(process_env) as model:
        env = {"LLM_BASE_URL": model, "LLM_MODEL": "quote", "DATABASE_POOL_SIZE": "1"}
        with (
            live_portal(process_env | env, tmp_path / "portal.log") as address,
            httpx.Client(base_url=f"{address}/api/v1", headers=headers, timeout=60) as client,
        ):
            moments, lines = _ask_while_others_ask(client)
    log = (tmp_path / "portal.log").read_text()
    assert len(moments) >= 3, (lines, log)
    assert moments[-1] - moments[0] > 0.5
    assert "event: done" in lines
    assert '"state": "answered"' in "".join(lines)


def _ask_while_others_ask(client: httpx.Client) -> tuple[list[float], list[str]]:
    """Return when each delta came, and all lines; at the first delta another request needs the database."""
    moments, lines = [], []
    asked = client.stream(
        "POST", "/answers", json={"question": QUESTION}, headers={"Accept": "text/event-stream"}
    )
    with asked as response:
        for line in response.iter_lines():
            lines.append(line)
            if line == "event: delta":
                moments.append(time.monotonic())
            if len(moments) == 1 and line == "event: delta":
                assert client.get("/me", timeout=5).status_code == 200
    return moments, lines


@pytest.mark.slow
@pytest.mark.timeout(200)
@pytest.mark.django_db(transaction=True)
def test_a_reader_who_goes_away_stops_the_model_within_a_second(
    process_env: dict[str, str], tmp_path: Path
) -> None:
    headers = factories.bearer(factories.cast(searchable=True).bob) | {"Accept": "text/event-stream"}

    async def leave(address: str, server: FakeServer) -> float:
        async with (
            httpx.AsyncClient(base_url=f"{address}/api/v1", headers=headers, timeout=60) as client,
            client.stream("POST", "/answers", json={"question": QUESTION}) as response,
        ):
            async for line in response.aiter_lines():
                if line == "event: delta":
                    break
        left = time.monotonic()
        while not server.aborted and time.monotonic() < left + 10:
            await asyncio.sleep(0.01)
        return time.monotonic() - left

    async def ask() -> float:
        async with FakeServer("endless", delay=0.05).running() as server:
            env = {"LLM_BASE_URL": server.base_url, "LLM_MODEL": "endless", "LLM_MAX_OUTPUT_TOKENS": "100000"}
            with live_portal(process_env | env, tmp_path / "portal.log") as address:
                return await leave(address, server)

    assert asyncio.run(ask()) < 1
