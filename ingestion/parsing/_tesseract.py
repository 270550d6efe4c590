"""Text recognition with the program Tesseract: a picture goes in, words with boxes and scores come out."""

from __future__ import annotations

import signal
import subprocess
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from ingestion.parsing._ocr import Seen
from ingestion.parsing.errors import ParseError, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

_WORD = "5"  # the level of the rows that are words
_FIELDS = 12
_UNSURE = 0.3  # of a word: below is what it makes of stains and photographs
_CELL_GAP = 1.0  # line heights between words of one line that are not one piece
_MARGIN = 0.1  # line heights: boxes end where the ink does, and are wanted with some air


@dataclass(frozen=True, slots=True)
class Tesseract:
    """The program at ``program`` with its ``packs``, such as ``rus+eng``; ``dpi`` is pixels an inch."""

    program: str
    packs: str
    dpi: int

    def recognise(self, picture: NDArray[np.uint8]) -> list[Seen]:
        """Return the pieces of text on a picture (height, width, 3); raises ParseError where it dies."""
        height, width = picture.shape[:2]
        header = b"P6 %d %d 255\n" % (width, height)
        command = [self.program, "-", "-", "-l", self.packs, "--dpi", str(self.dpi), "--psm", "3", "tsv"]
        table = _run(command, header + picture.tobytes())
        return [piece for line in _lines(table) for piece in _pieces(line)]


def installed_packs(program: str) -> frozenset[str]:
    """Return the languages that the Tesseract at ``program`` has."""
    return frozenset(_run([program, "--list-langs"], b"").splitlines()[1:])


def _run(command: list[str], given: bytes) -> str:
    done = subprocess.run(command, input=given, capture_output=True, check=False)  # noqa: S603 - fixed program
    if done.returncode:
        reason = Reason.TIMED_OUT if done.returncode == -signal.SIGXCPU else Reason.CRASHED
        message = (
            "Text recognition (Tesseract) stopped in the middle of a page. Retry, or upload a clearer scan."
        )
        raise ParseError(reason, message)
    return done.stdout.decode("utf-8", "replace")


def _lines(table: str) -> Iterator[list[Seen]]:
    """Yield the words of each line, from left to right."""
    rows = [row.split("\t", _FIELDS - 1) for row in table.split("\n")]
    words = [row for row in rows if row[0] == _WORD and len(row) == _FIELDS]
    for _, line in groupby(words, key=lambda row: row[1:5]):
        yield sorted(filter(_is_sure, map(_word, line)), key=lambda word: word.left)


def _word(row: list[str]) -> Seen:
    left, top, width, height, score = map(float, row[6:11])
    return Seen(row[11].strip(), left, top, left + width, top + height, score / 100)


def _is_sure(word: Seen) -> bool:
    return bool(word.text) and word.score >= _UNSURE


def _pieces(line: list[Seen]) -> Iterator[Seen]:
    """Put the words of a line together, up to a gap that is the border of a table's cell."""
    if not line:
        return
    height = max(word.bottom for word in line) - min(word.top for word in line)
    piece = [line[0]]
    for word in line[1:]:
        if word.left - piece[-1].right > _CELL_GAP * height:
            yield _joined(piece, _MARGIN * height)
            piece = []
        piece.append(word)
    yield _joined(piece, _MARGIN * height)


def _joined(words: list[Seen], margin: float) -> Seen:
    return Seen(
        " ".join(word.text for word in words),
        words[0].left,
        min(word.top for word in words) - margin,
        max(word.right for word in words),
        max(word.bottom for word in words) + margin,
        sum(word.score for word in words) / len(words),
    )
