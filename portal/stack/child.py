"""One supervised process: how it is started, when it is started again, how it is stopped."""

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from portal.stack import processes
from portal.stack.errors import StackError
from portal.stack.output import LogFile, Pipes, harmless, say

FIRST_PAUSE, LONGEST_PAUSE, STEADY_SECONDS = 0.5, 30.0, 60.0


@dataclass(frozen=True)
class Program:
    """What to run. `start` gets the descriptor for the output and returns the started process."""

    name: str
    start: Callable[[int], "subprocess.Popen[bytes]"]
    stop_signal: str = "SIGTERM"
    grace: float = 8.0
    shown: bool = True  # on the terminal; the log has everything


class Child:
    """A program that is kept running until it is stopped."""

    def __init__(self, program: Program, *, pipes: Pipes, log_dir: Path) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self._pipes = pipes
        self._log = LogFile(log_dir / f"{program.name}.log")
        self._started_at = self._due_at = 0.0
        self._pause = FIRST_PAUSE

    @property
    def name(self) -> str:
        return self.program.name

    def start(self) -> None:
        """Start the process now. Raises StackError where it cannot be run at all."""
        writing = self._pipes.open(self._take)
        try:
            self.process = self.program.start(writing)
        except OSError as error:
            raise StackError(f"{self.name} could not be started: {error}") from error
        finally:
            os.close(writing)
        self._started_at = time.monotonic()

    def look_after(self) -> None:
        """Notice a death and say so; start again what is due."""
        now = time.monotonic()
        if self.process is not None and (status := self.process.poll()) is not None:
            processes.send_group(self.process.pid, "SIGKILL")  # what it had started itself
            self.process = None
            if now - self._started_at >= STEADY_SECONDS:
                self._pause = FIRST_PAUSE
            self._again(f"{self.name} ended ({_described(status)})")
        elif self.process is None and now >= self._due_at:
            self._try_start()

    def seconds_until_due(self) -> float:
        return 60.0 if self.process is not None else max(0.0, self._due_at - time.monotonic())

    def signal_stop(self) -> None:
        if self.process is not None:
            processes.send(self.process.pid, self.program.stop_signal)

    def is_gone(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def kill(self) -> None:
        """End the process and what it has started, at once."""
        if self.process is not None:
            processes.send_group(self.process.pid, "SIGKILL")

    def close(self) -> None:
        self._log.close()

    def _try_start(self) -> None:
        try:
            self.start()
        except StackError as error:
            self._again(str(error))

    def _again(self, what: str) -> None:
        say(f"[up] {what}; starting it again in {self._pause:g} s")
        self._due_at = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _take(self, line: str) -> None:
        line = harmless(line)
        self._log.write(line)
        if self.program.shown:
            say(f"[{self.name}] {line}")


def _described(status: int) -> str:
    return f"status {status}" if status >= 0 else f"killed by signal {-status}"
