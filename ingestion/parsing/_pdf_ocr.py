# ruff: noqa: ANN401 - PDFium's page has no type stubs
"""Text recognition for pages that are pictures: what an engine sees, as paragraphs and rows with boxes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from ingestion.parsing._ocr import Ocr, Seen
from ingestion.parsing._text import clean_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingestion.parsing._builder import Box

_DPI = 150  # more costs time and makes noise into letters
_FEWEST_LETTERS = 2
_FEWEST_OF_LETTERS = 0.5  # of all signs, where the page may be in letters that the engine does not know
_MAX_PIXELS = 6_000_000
_BLANK_SPREAD = 4.0  # grey levels: an empty page is one shade
_TALL = 1.5  # a line that is taller than wide by this runs down the page
_CELL = " | "
_LINE_GAP = 0.9  # line heights: what is further down begins a new paragraph
_MOST_STANDING = 0.9  # of the lines of a page on its side; RapidOCR turns each of them by itself and reads it
_SURE = 0.8  # the mean score that upright text gets; text on its head gets half of it


@dataclass(slots=True)
class SeenBlock:
    """A paragraph, or a row of a table: its text, and the span in it and box on the page of each line."""

    is_row: bool
    text: str
    lines: list[tuple[int, int, Box]]

    def add(self, text: str, box: Box) -> None:
        """Append a line; a word that is hyphenated at its end is joined."""
        glue = "" if self.text.endswith("-") and text[:1].islower() else " "
        self.text = self.text[:-1] if glue == "" else self.text
        start = len(self.text) + len(glue)
        self.text += glue + text
        self.lines.append((start, len(self.text), box))


@dataclass(frozen=True, slots=True)
class Reader:
    """An engine that is there. ``lacking`` says to people what to install for the one that was wanted."""

    recognise: Callable[[NDArray[np.uint8]], list[Seen]]
    knows_script: bool
    lacking: str = ""


def choose_reader(ocr: Ocr) -> Reader:
    """Return the engine for a language: Tesseract where it is wanted and has the language, else RapidOCR."""
    lacking = ""
    if ocr.wants_tesseract:
        from ingestion.parsing._tesseract import Tesseract, installed_packs

        packs = ocr.packs_of(installed_packs(ocr.program)) if ocr.program else ""
        if packs:
            return Reader(Tesseract(ocr.program, packs, _DPI).recognise, knows_script=True)
        needed = f"tesseract-ocr-{ocr.pack}" if ocr.program else f"tesseract-ocr tesseract-ocr-{ocr.pack}"
        lacking = (
            f"{ocr.language_name} scans take Tesseract with its {ocr.language_name} pack, which is not "
            f"installed here: ask your admin for it (apt-get install {needed}), then have this read again."
        )
    from ingestion.parsing._rapidocr import recognise

    return Reader(recognise, ocr.rapidocr_knows_script, lacking)


def read_picture(page: Any, reader: Reader) -> list[SeenBlock]:
    """Return the text that can be seen on a PDF page, in reading order; nothing on a blank page.

    A page that was scanned on its side or on its head is turned until its text reads.
    """
    picture = _picture(page)
    if float(picture.std()) < _BLANK_SPREAD:
        return []
    turns, seen = _upright(picture, reader)
    if not _is_text("".join(one.text for one in seen), reader):
        return []
    height, width = picture.shape[:2]
    blocks: list[SeenBlock] = []
    bottom = 0.0
    for row in _rows(seen):
        text, box = _text(row), _box(row, turns, width, height)
        if not text:
            continue
        is_row, gap = _CELL in text, min(one.top for one in row) - bottom
        bottom = max(one.bottom for one in row)
        follows = gap < _LINE_GAP * (row[0].bottom - row[0].top)
        if blocks and follows and not is_row and not blocks[-1].is_row:
            blocks[-1].add(text, box)
        else:
            blocks.append(SeenBlock(is_row, text, [(0, len(text), box)]))
    return blocks


def _is_text(text: str, reader: Reader) -> bool:
    """Whether it is more than a shape in a photograph, or the figures of a page in unknown letters."""
    if sum(map(str.isalnum, text)) < _FEWEST_LETTERS:
        return False
    signs = len("".join(text.split()))
    return reader.knows_script or sum(map(str.isalpha, text)) >= _FEWEST_OF_LETTERS * signs


def _picture(page: Any) -> NDArray[np.uint8]:
    width, height = page.get_size()
    scale = min(_DPI / 72, (_MAX_PIXELS / max(1.0, width * height)) ** 0.5)
    return np.asarray(page.render(scale=scale, may_draw_forms=False).to_numpy())[:, :, :3]


def _upright(picture: NDArray[np.uint8], reader: Reader) -> tuple[int, list[Seen]]:
    """Return how many quarter turns make the text read best, and what is read then."""
    best: tuple[float, int, list[Seen]] = (-1.0, 0, [])
    for turns in (0, 1, 3, 2):
        seen = reader.recognise(np.ascontiguousarray(np.rot90(picture, turns)))
        if not seen:
            continue
        lying = sum(one.bottom - one.top < _TALL * (one.right - one.left) for one in seen) / len(seen)
        surety = sum(one.score for one in seen) / len(seen)
        if not turns and lying <= 1 - _MOST_STANDING and surety >= _SURE:
            return 1, [_turned(one, picture.shape[1]) for one in seen]  # half the time of reading it again
        best = max(best, (lying * surety, turns, seen), key=lambda one: one[0])
        if lying * surety >= _SURE:
            break
    return best[1], best[2]


def _turned(one: Seen, width: int) -> Seen:
    """Return a piece as it lies after a quarter turn of the page to the left."""
    return Seen(one.text, one.top, width - one.right, one.bottom, width - one.left, one.score)


def _rows(seen: list[Seen]) -> list[list[Seen]]:
    """Return the pieces in rows from the top, each from left to right."""
    rows: list[list[Seen]] = []
    for one in sorted(seen, key=lambda one: one.top + one.bottom):
        middle = (one.top + one.bottom) / 2
        if rows and middle < median(other.bottom for other in rows[-1]):
            rows[-1].append(one)
        else:
            rows.append([one])
    return [sorted(row, key=lambda one: one.left) for row in rows]


def _text(row: list[Seen]) -> str:
    """Return a row's text; a gap wider than two letters is the border of a table's cell."""
    parts = [row[0].text]
    for before, after in pairwise(row):
        height = after.bottom - after.top
        parts += [_CELL if after.left - before.right > height else " ", after.text]
    return clean_text("".join(parts)).strip()


def _box(row: list[Seen], turns: int, width: int, height: int) -> Box:
    """Return a row's box on the page as it lies, undoing `turns` quarter turns to the left."""
    left, top = min(one.left for one in row), min(one.top for one in row)
    right, bottom = max(one.right for one in row), max(one.bottom for one in row)
    corners = [_turn_back(x, y, turns, width, height) for x, y in ((left, top), (right, bottom))]
    xs, ys = sorted(x / width for x, _ in corners), sorted(y / height for _, y in corners)
    return (_part(xs[0]), _part(ys[0]), _part(xs[1]), _part(ys[1]))


def _turn_back(x: float, y: float, turns: int, width: int, height: int) -> tuple[float, float]:
    return {0: (x, y), 1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}[turns]


def _part(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 4)
