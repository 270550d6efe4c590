"""A portal of real processes for a test: the web process and, where asked, a worker."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from django.conf import settings

_READY_SECONDS = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def live_portal(env: dict[str, str], log: Path, *, with_worker: bool = False) -> Iterator[str]:
    """Run the portal on the test's database and yield its address, http://127.0.0.1:PORT."""
    port = free_port()
    env = env | {"PORT": str(port), "BASE_URL": f"http://127.0.0.1:{port}", "EMBEDDING_THREADS": "1"}
    uvicorn = ["uvicorn", "portal.asgi:application", "--host", "127.0.0.1", "--port", str(port)]
    with ExitStack() as stack:
        web = stack.enter_context(_process([*uvicorn, "--lifespan", "off"], env, log))
        if with_worker:
            stack.enter_context(_process(["celery", "-A", "portal", "worker", "--pool", "solo"], env, log))
        _wait_until_ready(f"http://127.0.0.1:{port}/api/v1/openapi.json", web, log)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _process(module: list[str], env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *module], env=env, cwd=settings.BASE_DIR, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(url: str, web: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _READY_SECONDS
    while time.monotonic() < end:
        assert web.poll() is None, log.read_text()
        try:
            httpx.get(url, timeout=5).raise_for_status()
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(log.read_text())
