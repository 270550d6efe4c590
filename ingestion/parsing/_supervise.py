"""Has one process forked, watches its time, memory and output, and makes sure that nothing of it stays."""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ingestion.parsing._forking import Child, Order, fork_server

if TYPE_CHECKING:
    from ingestion.parsing.limits import Limits

_log = logging.getLogger(__name__)

_TICK_SECONDS = 0.05
_LOOK_SECONDS = 0.25
_MAX_PROGRESS_BYTES = 1 << 20
_MAX_STDERR_BYTES = 4 << 20
_TAIL_BYTES = 2000
_MAX_PROGRESS_LINE = 40
_FULL = 0.75  # of the memory limit: a process that crashed from there most likely had none left


class How(StrEnum):
    """How the run came to its end; the values but ``ended`` are those of the reasons of ParseError."""

    ENDED = "ended"
    TIMED_OUT = "timed_out"
    TOO_MUCH_OUTPUT = "too_much_output"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended: ``status`` is the exit status, or minus the signal's number."""

    how: How
    status: int
    was_full: bool
    printed: str

    @property
    def ran_out_of_time(self) -> bool:
        """Whether the kernel stopped it for its use of the processor."""
        return self.status == -signal.SIGXCPU

    @property
    def ran_out_of_memory(self) -> bool:
        """Whether it died as processes without memory do (SIGKILL is the kernel's: we did not send it)."""
        return self.status == -signal.SIGKILL or (
            self.status != 0 and (self.was_full or "MemoryError" in self.printed)
        )

    @property
    def wrote_too_much(self) -> bool:
        """Whether the kernel stopped it for the size of a file."""
        return self.status == -signal.SIGXFSZ


def run_bounded(
    order: Order,
    *,
    limits: Limits,
    on_progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> Ending:
    """Carry an order out to its end, or to the end of its limits; its whole process group is dead on return.

    Raises ParseError where no process can be started.
    """
    with _pipe() as (progress, output), _pipe() as (stderr, errors):
        child = fork_server.fork(order, output=output.fileno(), errors=errors.fileno())
        output.close()
        errors.close()
        watch = _Watch(child, Path(order.folder), {progress: "progress", stderr: "stderr"}, limits)
        try:
            how = watch.until_end(on_progress, cancelled)
        finally:
            status = child.end()
            watch.close()
    ending = Ending(how, status, watch.was_full, watch.printed())
    if status and how is How.ENDED:
        _log.warning("parser child ended with status %d: %r", ending.status, ending.printed[-300:])
    return ending


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with os.fdopen(reading, "rb", 0) as first, os.fdopen(writing, "wb", 0) as last:
        yield first, last


class _Watch:
    """Follows one process through its two pipes."""

    def __init__(self, child: Child, folder: Path, pipes: dict[IO[bytes], str], limits: Limits) -> None:
        self._child = child
        self._folder = folder
        self._next_look = 0.0
        self._limits = limits
        self._selector = selectors.DefaultSelector()
        self._read: dict[str, int] = {"progress": 0, "stderr": 0}
        self._line = b""
        self._tail = b""
        self.was_full = False
        for stream, label in pipes.items():
            self._selector.register(stream, selectors.EVENT_READ, label)

    def close(self) -> None:
        self._selector.close()

    def printed(self) -> str:
        return self._tail.decode("utf-8", "replace")

    def until_end(self, on_progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> How:
        end = time.monotonic() + self._limits.wall_seconds
        while True:
            finished = self._child.has_ended()
            self._read_pipes(0 if finished else _TICK_SECONDS, on_progress)
            if self._is_flood() or self._fills_folder():
                return How.TOO_MUCH_OUTPUT
            if finished:
                return How.ENDED
            if time.monotonic() > end:
                return How.TIMED_OUT
            if cancelled():
                return How.CANCELLED
            self._check_memory()

    def _read_pipes(self, timeout: float, on_progress: Callable[[int, int], None]) -> None:
        if not self._selector.get_map():
            time.sleep(min(timeout, 0.01))
            return
        for key, _ in self._selector.select(timeout):
            stream: IO[bytes] = key.fileobj  # type: ignore[assignment]  # the streams registered above
            data = os.read(stream.fileno(), 64 << 10)
            if not data:
                self._selector.unregister(stream)
                continue
            self._read[key.data] += len(data)
            if key.data == "stderr":
                self._tail = (self._tail + data)[-_TAIL_BYTES:]
            else:
                self._take_progress(data, on_progress)

    def _is_flood(self) -> bool:
        return self._read["progress"] > _MAX_PROGRESS_BYTES or self._read["stderr"] > _MAX_STDERR_BYTES

    def _fills_folder(self) -> bool:
        """Whether the files of the process take more than they may; looked at twice a second."""
        if (now := time.monotonic()) < self._next_look:
            return False
        self._next_look = now + _LOOK_SECONDS
        total = 0
        for parent, _, files in os.walk(self._folder):
            for file in files:
                with contextlib.suppress(OSError):  # it may be gone by now
                    total += os.lstat(os.path.join(parent, file)).st_blocks * 512  # noqa: PTH118 - many files
        return total > self._limits.temp_bytes

    def _take_progress(self, data: bytes, on_progress: Callable[[int, int], None]) -> None:
        *lines, rest = (self._line + data).split(b"\n")
        self._line = rest[-100:]
        for line in lines[-1:]:  # only the newest matters
            done, _, total = line.partition(b" ")
            if done.isdigit() and total.isdigit() and len(line) <= _MAX_PROGRESS_LINE:
                on_progress(int(done), int(total))

    def _check_memory(self) -> None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            status = Path(f"/proc/{self._child.pid}/status").read_text(encoding="ascii", errors="replace")
            kib = int(status.split("VmData:")[1].split()[0])
            self.was_full = self.was_full or kib * 1024 > _FULL * self._limits.memory_bytes
