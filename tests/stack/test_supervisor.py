"""The supervisor with real small processes: restarts are said, stops are complete, nothing is left behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portal.stack import alone, processes
from portal.stack.errors import StackError
from portal.stack.output import LogFile, harmless

# A stack of two children that write their numbers; the second one has a child of its own.
STACK = """
import subprocess, sys
from pathlib import Path
from portal.stack import alone, processes
from portal.stack.child import Program
from portal.stack.supervisor import StopRequestedError, Supervisor

folder = Path(sys.argv[1])
BASE = "import os, sys, time, pathlib; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); "
FIRST = BASE + "print('hello'); sys.stdout.flush(); time.sleep(600)"
STUBBORN = BASE + "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
PARENT = BASE + (
    "import subprocess; subprocess.Popen([sys.executable, '-c', '''" + FIRST + "''', sys.argv[1] + '.child'])"
    "; time.sleep(600)"
)

def program(name, code, grace=3.0):
    def start(output):
        return processes.spawn([sys.executable, "-c", code, str(folder / name)], on_parent_death="SIGKILL",
                               stdout=output, stderr=subprocess.STDOUT)
    return Program(name, start, grace=grace)

try:
    lock = alone.holding(folder / "up.lock", url="http://localhost:1")
    with lock, Supervisor(log_dir=folder) as supervisor:
        supervisor.add(program("base", FIRST))
        supervisor.add(program("parent", PARENT))
        if len(sys.argv) > 2:
            supervisor.add(program("stubborn", STUBBORN, grace=0.5))
        print("up", flush=True)
        supervisor.serve()
except StopRequestedError:
    print("stopped", flush=True)
"""


class Stack:
    """A running supervisor and what it has said so far."""

    def __init__(self, folder: Path, *extra: str) -> None:
        self.folder = folder
        self.said = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", STACK, str(folder), *extra],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        )
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)

    def hears(self, text: str) -> bool:
        assert self.process.stdout is not None
        self.said += (self.process.stdout.read() or b"").decode()
        return text in self.said

    def pid(self, name: str) -> int:
        path = self.folder / name
        wait_for(lambda: path.exists() and path.read_text() != "")
        return int(path.read_text())


def wait_for(condition: Callable[[], bool], *, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    return processes.link(pid, "exe") != ""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    running = Stack(tmp_path)
    wait_for(lambda: running.hears("up\n"))
    yield running
    running.process.kill()
    running.process.wait()


def test_shows_and_keeps_what_a_child_prints(stack: Stack) -> None:
    wait_for(lambda: stack.hears("[base] hello"))
    assert (stack.folder / "base.log").read_text() == "hello\n"


def test_says_and_restarts_a_child_that_dies(stack: Stack) -> None:
    first = stack.pid("base")
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: stack.hears("[up] base ended (killed by signal 9); starting it again in 0.5 s"))
    wait_for(lambda: stack.pid("base") != first)
    os.kill(stack.pid("base"), signal.SIGKILL)
    wait_for(lambda: stack.hears("starting it again in 1 s"))


def test_a_dead_child_takes_what_it_started_with_it(stack: Stack) -> None:
    grandchild = stack.pid("parent.child")
    os.kill(stack.pid("parent"), signal.SIGKILL)
    wait_for(lambda: not is_alive(grandchild))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_orderly_stop_ends_every_child(stack: Stack, number: signal.Signals) -> None:
    pids = [stack.pid(name) for name in ("base", "parent", "parent.child")]
    stack.process.send_signal(number)
    assert stack.process.wait(10) == 0
    assert stack.hears("stopped\n")
    assert not [pid for pid in pids if is_alive(pid)]


def test_a_child_that_will_not_stop_is_killed_and_named(tmp_path: Path) -> None:
    stack = Stack(tmp_path, "with a stubborn child")
    stubborn = stack.pid("stubborn")
    time.sleep(0.2)  # until it ignores SIGTERM
    stack.process.terminate()
    assert stack.process.wait(10) == 0
    assert stack.hears("[up] stubborn did not stop in time and is killed.")
    assert not is_alive(stubborn)


def test_nothing_outlives_a_killed_supervisor(stack: Stack) -> None:
    pids = [stack.pid(name) for name in ("base", "parent")]
    stack.process.kill()
    wait_for(lambda: not any(is_alive(pid) for pid in pids))


def test_a_second_start_on_the_same_folder_is_refused(stack: Stack) -> None:
    with (
        pytest.raises(
            StackError, match=rf"running already at http://localhost:1 \(pid {stack.process.pid}\)"
        ),
        alone.holding(stack.folder / "up.lock", url="http://localhost:2"),
    ):
        pass


def test_the_next_start_knows_whether_the_last_one_was_killed(stack: Stack) -> None:
    stack.process.kill()
    stack.process.wait()
    with alone.holding(stack.folder / "up.lock", url="u") as was_killed:
        assert was_killed
    with alone.holding(stack.folder / "up.lock", url="u") as was_killed:
        assert not was_killed


def test_a_taken_port_is_said_with_what_to_do() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(StackError, match=f"Port {port} .* is taken .* PORT={port + 1} make up"):
            alone.check_port("127.0.0.1", port)
    alone.check_port("127.0.0.1", port)


def test_a_log_line_cannot_move_the_cursor_or_grow_the_log_for_ever(tmp_path: Path) -> None:
    assert harmless("a\x1b[2Jb\tc\r") == "a\\x1b[2Jb\tc\\x0d"
    log = LogFile(tmp_path / "web.log", limit=100, keep=2)
    for number in range(50):
        log.write(f"line {number}")
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["web.1.log", "web.2.log", "web.log"]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 400
