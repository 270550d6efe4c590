"""Readers are forked from a server that holds nothing, outlives nobody and is started again where it died."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ingestion.parsing._forking import ForkServer, fork_server
from ingestion.parsing.errors import ParseError, Reason
from ingestion.parsing.sandbox import parse_file
from tests.ingestion.parsing.test_sandbox import poison

_OWNER = """
import sys, time
from pathlib import Path
from ingestion.parsing._forking import fork_server
from ingestion.parsing.sandbox import parse_file
parse_file(Path(sys.argv[1]), name="a.txt")
print(fork_server.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_text("The pump is checked every three weeks.", encoding="utf-8")
    return path


def wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def is_gone(pid: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


def read_by(server: ForkServer, text: Path) -> int:
    """Read a file and return the number of the server that forked its reader."""
    assert "pump" in parse_file(text, name="a.txt").text
    return server.pid


def test_one_server_with_one_thread_and_no_secrets_forks_every_reader(
    text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.kill(read_by(fork_server, text), signal.SIGKILL)
    monkeypatch.setenv("SECRET_KEY", "a secret")
    pid = read_by(fork_server, text)
    assert read_by(fork_server, text) == pid
    assert len(list(Path(f"/proc/{pid}/task").iterdir())) == 1
    assert b"a secret" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_a_server_that_was_killed_is_started_again(text: Path) -> None:
    first = read_by(fork_server, text)
    os.kill(first, signal.SIGKILL)
    assert read_by(fork_server, text) != first


def test_a_reader_dies_with_its_server_and_that_is_one_failed_attempt(text: Path) -> None:
    first = read_by(fork_server, text)
    waiting = subprocess.Popen(["sh", "-c", f"sleep 0.7; kill -9 {first}"])
    with pytest.raises(ParseError) as caught:
        poison("sleep")
    waiting.wait()
    assert caught.value.reason is Reason.CRASHED
    assert not caught.value.permanent
    assert read_by(fork_server, text) != first


def test_a_server_does_not_outlive_a_killed_owner(text: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _OWNER, str(text)], stdout=subprocess.PIPE) as owner:
        assert owner.stdout
        server = int(owner.stdout.readline())
        assert not is_gone(server)
        owner.kill()
    assert wait_for(lambda: is_gone(server))
