"""Keeps children running in one foreground process, and lets none of them outlive it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType

from portal.stack.child import Child, Program
from portal.stack.errors import StackError
from portal.stack.output import Pipes, harmless, say

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequestedError(Exception):
    """Somebody pressed Ctrl-C, or sent a signal that asks for an orderly stop."""


class Supervisor:
    """Use as a context manager, in the main thread: leaving it stops every child, the last started first."""

    def __init__(self, *, log_dir: Path) -> None:
        self.children: list[Child] = []
        self._log_dir = log_dir
        self._pipes = Pipes()
        self._asked = 0

    def __enter__(self) -> "Supervisor":
        reading, writing = os.pipe()
        for end in (reading, writing):
            os.set_blocking(end, False)
        self._pipes.watch(reading, lambda: bool(os.read(reading, 512)))
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # wakes the loop through the descriptor
        for number in _STOPPING:
            signal.signal(number, self._on_stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_all()
        signal.set_wakeup_fd(-1)

    def add(self, program: Program) -> Child:
        """Start a program and keep it running. Raises StackError where it cannot be run at all."""
        child = Child(program, pipes=self._pipes, log_dir=self._log_dir)
        child.start()
        self.children.append(child)
        return child

    def run_once(self, program: Program, take: Callable[[str], None]) -> None:
        """Run a program to its end; each of its lines goes to `take`. Raises StackError when it fails."""
        writing = self._pipes.open(lambda line: take(harmless(line)))
        process = program.start(writing)
        os.close(writing)
        try:
            self.wait_until(lambda: process.poll() is not None, seconds=float("inf"), step=0.02)
        finally:
            _end(process)
        self._pipes.wait(0)
        if process.returncode != 0:
            raise StackError(f"{program.name} failed (status {process.returncode}); what it said is above.")

    def wait_until(self, condition: Callable[[], bool], *, seconds: float, step: float = 0.1) -> bool:
        """Serve the children until the condition holds (True) or the time is over (False)."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            self._turn(step)
        return True

    def serve(self) -> None:
        """Serve the children until somebody asks for a stop, with StopRequestedError."""
        while True:
            self._turn(min([60.0, *(child.seconds_until_due() for child in self.children)]))

    def _turn(self, seconds: float) -> None:
        if self._asked:
            raise StopRequestedError
        self._pipes.wait(seconds)
        for child in self.children:
            child.look_after()

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self._asked += 1

    def _stop_all(self) -> None:
        """Stop everything but the first child together, then the first, on which the others stand."""
        if self.children:
            say("[up] Stopping.")
        for group in (self.children[:0:-1], self.children[:1]):
            for child in group:
                child.signal_stop()
            for child in group:
                self._wait_for_end(child)
        for child in self.children:
            child.close()

    def _wait_for_end(self, child: Child) -> None:
        asked, deadline = self._asked, time.monotonic() + child.program.grace
        while not child.is_gone() and time.monotonic() < deadline and self._asked <= max(asked, 1):
            self._pipes.wait(0.05)
        if not child.is_gone():
            say(f"[up] {child.name} did not stop in time and is killed.")
        child.kill()
        while not child.is_gone():
            self._pipes.wait(0.05)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
