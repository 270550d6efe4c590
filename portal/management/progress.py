"""A progress bar on a terminal; lines now and then where the output goes to a file."""

import time
from collections.abc import Iterable
from typing import TextIO

_WIDTH = 30
_LINE_EVERY_SECONDS = 5.0


class Progress:
    """Tells how much of `total` is done; call `show` as often as you like, and `end` once."""

    def __init__(self, out: TextIO, label: str, total: int) -> None:
        self._out, self._label, self._total = out, label, total
        self._is_terminal = out.isatty()
        self._last = time.monotonic()
        self._longest = 0

    def show(self, done: int, note: str = "") -> None:
        """Draw the bar with `done` of the total; without a terminal, write a line every few seconds."""
        if self._is_terminal:
            filled = _WIDTH * done // max(self._total, 1)
            self._draw(f"{self._label} [{'#' * filled}{'.' * (_WIDTH - filled)}] {done}/{self._total} {note}")
        elif time.monotonic() - self._last >= _LINE_EVERY_SECONDS:
            self._last = time.monotonic()
            self._out.write(f"{self._label}: {done} of {self._total} {note}".rstrip() + "\n")

    def _draw(self, line: str) -> None:
        line = line[:118]
        self._longest = max(self._longest, len(line))
        self._out.write("\r" + line.ljust(self._longest))
        self._out.flush()

    def clear(self) -> None:
        """Make room for a line of its own."""
        if self._is_terminal and self._longest:
            self._out.write("\r" + " " * self._longest + "\r")

    def end(self) -> None:
        """Leave the bar behind."""
        if self._is_terminal and self._longest:
            self._out.write("\n")


def table(rows: Iterable[tuple[str, ...]]) -> str:
    """Return rows as text in columns, each as wide as its widest cell."""
    lines = list(rows)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
