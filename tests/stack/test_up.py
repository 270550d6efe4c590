"""`manage.py up` as a whole: real database, web, worker and beat, on a folder of its own."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from portal.stack import processes
from tests.stack.test_supervisor import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.worker, pytest.mark.timeout(300)]
START_SECONDS = 120


class Up:
    """A running `manage.py up` and what it has said so far."""

    def __init__(self, var_dir: Path, port: int) -> None:
        self.said, self.port = "", port
        environment = {name: value for name, value in os.environ.items() if name != "TEST_VAR_DIR"}
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=settings.BASE_DIR,
            env=environment
            | {"DJANGO_SETTINGS_MODULE": "portal.settings", "VAR_DIR": str(var_dir), "PORT": str(port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)

    def hears(self, text: str) -> bool:
        assert self.process.stdout is not None
        self.said += (self.process.stdout.read() or b"").decode()
        return text in self.said

    def children(self) -> dict[str, int]:
        """Return the number of each child by a word of its command line."""
        lines = {pid: _command(pid) for pid in processes.running() if _parent(pid) == self.process.pid}
        words = {"postgres": "bin/postgres", "web": "uvicorn", "worker": " worker ", "beat": " beat "}
        return {name: pid for name, word in words.items() for pid, line in lines.items() if word in line}


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


@pytest.fixture(scope="module")
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def var_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up") / "var"


@pytest.fixture
def up(var_dir: Path, port: int) -> Iterator[Up]:
    running = Up(var_dir, port)
    try:
        wait_for(lambda: running.hears("Cited is ready") or ended(running), seconds=START_SECONDS)
        assert "Cited is ready" in running.said, running.said
        yield running
    finally:
        running.process.terminate()
        running.process.wait(60)


def ended(up: Up) -> bool:
    return up.process.poll() is not None


def test_starts_is_alone_restarts_and_stops(up: Up, var_dir: Path, port: int) -> None:
    children = up.children()
    assert set(children) == {"postgres", "web", "worker", "beat"}
    assert f"Sign in once by: http://localhost:{port}/" in up.said
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
        assert answer.status == 200

    second = Up(var_dir, port)
    assert second.process.wait(60) == 1
    assert second.hears(f"Cited is running already at http://localhost:{port} (pid {up.process.pid})")

    other = Up(var_dir.parent / "other", port)
    assert other.process.wait(60) == 1
    assert other.hears(f"Port {port} on 127.0.0.1 is taken by another program.")

    for name in ("beat", "postgres"):
        os.kill(children[name], signal.SIGKILL)
        wait_for(lambda name=name: up.hears(f"[up] {name} ended (killed by signal 9)"))  # type: ignore[misc]  # mypy cannot infer a default
        wait_for(lambda name=name: up.children().get(name, children[name]) != children[name], seconds=60)  # type: ignore[misc]  # as above

    children = up.children()
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(60) == 0
    assert up.hears("[up] Stopped.")
    assert [name for name, pid in children.items() if processes.link(pid, "exe")] == []


def test_comes_back_after_a_kill_of_everything(up: Up, var_dir: Path, port: int) -> None:
    children = up.children()
    up.process.kill()
    for pid in children.values():
        processes.send(pid, "SIGKILL")
    up.process.wait()
    again = Up(var_dir, port)
    try:
        wait_for(lambda: again.hears("Cited is ready") or ended(again), seconds=START_SECONDS)
        assert "Cited is ready" in again.said, again.said
    finally:
        again.process.terminate()
        again.process.wait(60)
