# ruff: noqa: ANN401 - PDFium's page and the recogniser have no type stubs
"""Text recognition for pages that are pictures: RapidOCR on onnxruntime, its models in the wheel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from ingestion.parsing._text import clean_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingestion.parsing._builder import Box

_DPI = 150
_LINES_SIDE = 960  # pixels of the longer side
_FEWEST_LETTERS = 2
_MAX_PIXELS = 6_000_000
_BLANK_SPREAD = 4.0  # grey levels: an empty page is one shade
_TALL = 1.5  # a line that is taller than wide by this runs down the page
_CELL = " | "
_LINE_GAP = 0.9  # line heights: what is further down begins a new paragraph
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
class _Seen:
    """A piece of text as it stands on the turned picture: left, top, right, bottom in pixels."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    score: float


def read_picture(page: Any) -> list[SeenBlock]:
    """Return the text that can be seen on a PDF page, in reading order; nothing on a blank page.

    A page that was scanned on its side or on its head is turned until its text reads.
    """
    picture = _picture(page)
    if float(picture.std()) < _BLANK_SPREAD:
        return []
    turns, seen = _upright(picture)
    if sum(map(str.isalnum, "".join(one.text for one in seen))) < _FEWEST_LETTERS:
        return []  # a shape in a photograph that looks like a letter
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


def _picture(page: Any) -> NDArray[np.uint8]:
    width, height = page.get_size()
    scale = min(_DPI / 72, (_MAX_PIXELS / max(1.0, width * height)) ** 0.5)
    return np.asarray(page.render(scale=scale, may_draw_forms=False).to_numpy())[:, :, :3]


def _upright(picture: NDArray[np.uint8]) -> tuple[int, list[_Seen]]:
    """Return how many quarter turns make the text read best, and what is read then."""
    best: tuple[float, int, list[_Seen]] = (-1.0, 0, [])
    for turns in (0, 1, 3, 2):
        seen = _recognise(np.ascontiguousarray(np.rot90(picture, turns)))
        if not seen:
            continue
        lying = sum(one.bottom - one.top < _TALL * (one.right - one.left) for one in seen) / len(seen)
        score = lying * sum(one.score for one in seen) / len(seen)
        best = max(best, (score, turns, seen), key=lambda one: one[0])
        if score >= _SURE:
            break
    return best[1], best[2]


@cache
def _recogniser() -> Any:
    from rapidocr import RapidOCR  # 200 MB; only for pages without text

    params = {"Global.log_level": "error", "Global.use_cls": False}
    # Lines are looked for in a smaller picture and read in the whole one: half the memory and half the time.
    return RapidOCR(params=params | {"Det.limit_type": "max", "Det.limit_side_len": _LINES_SIDE})


def _recognise(picture: NDArray[np.uint8]) -> list[_Seen]:
    found = _recogniser()(picture)
    if found.boxes is None:
        return []
    corners = np.asarray(found.boxes, dtype=float)
    least, most = corners.min(axis=1).tolist(), corners.max(axis=1).tolist()
    return [
        _Seen(text, left, top, right, bottom, float(score))
        for text, (left, top), (right, bottom), score in zip(
            found.txts, least, most, found.scores, strict=True
        )
    ]


def _rows(seen: list[_Seen]) -> list[list[_Seen]]:
    """Return the pieces in rows from the top, each from left to right."""
    rows: list[list[_Seen]] = []
    for one in sorted(seen, key=lambda one: one.top + one.bottom):
        middle = (one.top + one.bottom) / 2
        if rows and middle < median(other.bottom for other in rows[-1]):
            rows[-1].append(one)
        else:
            rows.append([one])
    return [sorted(row, key=lambda one: one.left) for row in rows]


def _text(row: list[_Seen]) -> str:
    """Return a row's text; a gap wider than two letters is the border of a table's cell."""
    parts = [row[0].text]
    for before, after in pairwise(row):
        height = after.bottom - after.top
        parts += [_CELL if after.left - before.right > height else " ", after.text]
    return clean_text("".join(parts)).strip()


def _box(row: list[_Seen], turns: int, width: int, height: int) -> Box:
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
