"""Where children's output goes: prefixed to the terminal, and to log files that do not grow for ever."""

import os
import selectors
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_LONGEST_LINE = 8192
_READ_BYTES = 65536
# A document's name or text may reach a log: it must not move the cursor or forge a line.
_HARMLESS = {number: f"\\x{number:02x}" for number in [*range(9), *range(10, 32), *range(127, 160)]}


def harmless(line: str) -> str:
    """Return the line with its control characters written out."""
    return line.translate(_HARMLESS)


def say(text: str) -> None:
    """Print to the terminal; a terminal that is gone is no reason to stop."""
    with suppress(OSError, ValueError):
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


class LogFile:
    """A file of lines that is moved aside when it is full; `keep` old ones stay."""

    def __init__(self, path: Path, *, limit: int = 5_000_000, keep: int = 3) -> None:
        self._path, self._limit, self._keep = path, limit, keep
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")

    def write(self, line: str) -> None:
        with suppress(OSError):  # a full disk must not take the supervisor down
            self._file.write(line.encode(errors="backslashreplace") + b"\n")
            self._file.flush()
            if self._file.tell() >= self._limit:
                self._move_aside()

    def close(self) -> None:
        self._file.close()

    def _move_aside(self) -> None:
        self._file.close()
        for number in range(self._keep - 1, 0, -1):
            older = self._path.with_suffix(f".{number}.log")
            if older.exists():
                older.replace(self._path.with_suffix(f".{number + 1}.log"))
        self._path.replace(self._path.with_suffix(".1.log"))
        self._file = self._path.open("ab")


class Lines:
    """Reads a pipe as lines, however it is cut, and never keeps more than one long line in memory."""

    def __init__(self, descriptor: int, take: Callable[[str], None]) -> None:
        self._descriptor, self._take, self._rest = descriptor, take, b""

    def read(self) -> bool:
        """Take what is there; return False at the end, when the pipe has been closed."""
        try:
            data = os.read(self._descriptor, _READ_BYTES)
        except BlockingIOError:
            return True
        *lines, self._rest = (self._rest + data).split(b"\n")
        if not data or len(self._rest) > _LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            if line:
                self._take(line[:_LONGEST_LINE].decode(errors="backslashreplace"))
        if not data:
            os.close(self._descriptor)
        return bool(data)


class Pipes:
    """The open pipes of all children, waited for together."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def open(self, take: Callable[[str], None]) -> int:
        """Return the writing end of a new pipe, for a child; its lines go to `take`."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        self._selector.register(reading, selectors.EVENT_READ, Lines(reading, take).read)
        return writing

    def watch(self, descriptor: int, ready: Callable[[], bool]) -> None:
        """Call `ready` whenever the descriptor can be read, until it returns False."""
        self._selector.register(descriptor, selectors.EVENT_READ, ready)

    def wait(self, seconds: float) -> None:
        """Wait for output, at most so long, and hand it on."""
        for key, _ in self._selector.select(max(0.0, seconds)):
            if not key.data():
                self._selector.unregister(key.fd)
