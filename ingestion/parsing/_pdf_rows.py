# ruff: noqa: PLR2004, RUF001 - distances and shares of the page's geometry; typographic signs are what is looked for
"""Pieces of printed text become rows of cells; rows that are aligned become tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median

from ingestion.parsing._pdf_chars import Piece

_MARKER = re.compile(r"^(?:[•▪◦●○■□–—·∙*\uf0b7\uf0a7-]|\(?[a-zA-Z0-9]{1,3}[.)]|(?:\d+\.)+\d*|Item\s\w+\.)$")
_AFFIX = re.compile(r"^(?:[$€£¥]|\(?[$€£¥]\(?)$")
_SUFFIX = re.compile(r"^[)%]+$")
_NUMBER = re.compile(r"^[\s$€£¥(+\-–—]*[\d.,]*\d[\d.,]*[\s%)*]*$|^[—–-]+$")
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?"
_DATE = rf"{_MONTH} \d{{1,2}},(?: (?:19|20)\d\d\b)?"
_DATES = re.compile(rf"^{_DATE}(?: {_DATE})+$|^(?:19|20)\d\d(?: (?:19|20)\d\d)+$")
_DATE_START = re.compile(rf"(?<= )(?={_MONTH} \d)|(?<=^\d{{4}} )|(?<= )(?=(?:19|20)\d\d(?: (?:19|20)\d\d)*$)")
# Figures that the page has set closer together than the words of a wide line: "(76) $", "$ 12 $ 14".
_GLUED = re.compile(r"(?<=[\d)%—–])\s+(?=[$€£¥])")
_PERIOD = re.compile(
    rf"^(?:{_DATE}|(?:19|20)\d\d|(?:three|six|nine|twelve)\s(?:and\s\w+\s)?months\sended.*|years?\sended.*|quarter\sended.*"
    r"|Q[1-4]\s\d{4}|(?:FY|fiscal)\s?\d+)$",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"^\([^()]*\)$")  # "(In millions)"
_ALIGNED = 4.0
_LARGER = 1.12
_MAX_BETWEEN = 4
_STRETCHED = 5  # words

Rule = tuple[float, float, float]  # a horizontal line: y, x0, x1


@dataclass(slots=True)
class Row:
    """One printed row: cells from left to right, each of one or more pieces. ``table`` numbers its table."""

    cells: list[list[Piece]]
    table: int | None = None
    x0: float = field(init=False)
    y0: float = field(init=False)
    x1: float = field(init=False)
    y1: float = field(init=False)

    def __post_init__(self) -> None:
        pieces = [piece for cell in self.cells for piece in cell]
        self.x0, self.x1 = min(p.x0 for p in pieces), max(p.x1 for p in pieces)
        self.y0, self.y1 = min(p.y0 for p in pieces), max(p.y1 for p in pieces)

    @property
    def first(self) -> Piece:
        return self.cells[0][0]

    @property
    def is_split(self) -> bool:
        return len(self.cells) > 1

    @property
    def texts(self) -> list[str]:
        """The text of each cell."""
        return [" ".join(piece.text for piece in cell) for cell in self.cells]


@dataclass(slots=True)
class Lane:
    """A column of rows from top to bottom, between two edges."""

    x0: float
    x1: float
    rows: list[Row]


def is_number(text: str) -> bool:
    """Whether a cell holds an amount, a share or a dash and not words."""
    return bool(_NUMBER.match(text))


def is_marker(text: str) -> bool:
    """Whether a text is a list marker and nothing else."""
    return bool(_MARKER.match(text))


def is_period(text: str) -> bool:
    """Whether a cell names a day, a year or a span of months, as the columns of accounts do."""
    return bool(_PERIOD.match(" ".join(text.split())))


def is_prose(pieces: list[Piece]) -> bool:
    """Whether one side of a gutter is running text: filled lines of several words."""
    if len(pieces) < 4:
        return False
    wide = max(p.x1 for p in pieces) - min(p.x0 for p in pieces)
    words = sum(p.words for p in pieces) / len(pieces)
    return words >= 3.5 and median(p.x1 - p.x0 for p in pieces) > 0.55 * wide


def split_piece(piece: Piece) -> Iterator[Piece]:
    """Yield a piece cut where another cell begins: before a currency sign, between dates and years."""
    text = piece.text
    if piece.words > 1:
        cuts = [match.start() for match in _GLUED.finditer(text)]
        if _DATES.match(text):
            cuts = [match.start() for match in _DATE_START.finditer(text)]
        if cuts:
            yield from _cut(piece, cuts)
            return
    yield piece


def _cut(piece: Piece, cuts: list[int]) -> Iterator[Piece]:
    wide = (piece.x1 - piece.x0) / len(piece.text)
    for start, end in pairwise([0, *cuts, len(piece.text)]):
        part = piece.text[start:end]
        first = start + len(part) - len(part.lstrip())
        text = part.strip()
        if text:
            x0 = piece.x0 + wide * first
            yield replace(piece, text=text, x0=x0, x1=x0 + wide * len(text), words=len(text.split()))


def make_lane(pieces: list[Piece], rules: list[Rule]) -> Lane:
    """Return the pieces of one column as rows, with aligned rows marked as tables."""
    rows = [_merge_markers(row) for row in rows_of(pieces)]
    _mark_tables(rows)
    rows = _merge_labels(rows, rules)
    _part_tables(rows)
    return Lane(min(row.x0 for row in rows), max(row.x1 for row in rows), rows)


def rows_of(pieces: list[Piece]) -> list[Row]:
    """Return the pieces as rows from top to bottom, every piece a cell."""
    groups: list[list[Piece]] = []
    top = bottom = 0.0
    for piece in sorted(pieces, key=lambda piece: piece.y0 + piece.y1):
        overlap = min(bottom, piece.y1) - max(top, piece.y0)
        if groups and overlap > 0.5 * min(bottom - top, piece.y1 - piece.y0):
            groups[-1].append(piece)
        else:
            groups.append([piece])
            top, bottom = piece.y0, piece.y1
    return [Row([[piece] for piece in sorted(group, key=lambda piece: piece.x0)]) for group in groups]


def merge_cells(cells: list[list[Piece]]) -> list[list[Piece]]:
    """Put list markers, currency signs, closing signs and field names into one cell with their text."""
    merged: list[list[Piece]] = []
    for cell in cells:
        if merged and _goes_with(merged, cell):
            merged[-1].extend(cell)
        else:
            merged.append(list(cell))
    return merged


def _merge_markers(row: Row) -> Row:
    whole = [[piece for cell in row.cells for piece in cell]]
    return Row(whole if _is_stretched(row) else merge_cells(row.cells), row.table)


def _is_stretched(row: Row) -> bool:
    """Whether a row is one short line that was stretched to the width of its column, word by word."""
    pieces = [cell[0] for cell in row.cells]
    if len(pieces) < _STRETCHED or any(piece.words > 1 or is_number(piece.text) for piece in pieces):
        return False
    gaps = [right.x0 - left.x1 for left, right in pairwise(pieces)]
    return max(gaps) < 1.5 * min(gaps)


def _goes_with(cells: list[list[Piece]], cell: list[Piece]) -> bool:
    before, after = cells[-1][-1], cell[0]
    if after.x0 - before.x1 < 0.3 * after.size:
        return True
    if len(cells) == 1 and len(cells[0]) == 1 and _MARKER.match(before.text) and not is_number(after.text):
        return True
    if _AFFIX.match(before.text) or _SUFFIX.match(after.text):
        return True
    # "Type:" and its value; but two names in bold print are two fields, of which the first is empty.
    is_field = before.text.endswith(":") and not after.text.endswith(":")
    return is_field and not (before.bold and after.bold)


# Tables


def _mark_tables(rows: list[Row]) -> None:
    """Number table rows: split rows with an aligned neighbour, and short rows between such rows."""
    for upper, lower in pairwise([row for row in rows if row.is_split]):
        if lower.y0 - upper.y1 < 4 * (upper.y1 - upper.y0) and _aligned(upper, lower):
            upper.table = lower.table = 0
    _extend_up(rows)
    last: int | None = None
    for index, row in enumerate(rows):
        if row.table is None:
            continue
        if last is not None:
            _fill(rows[last : index + 1])
        last = index


def _fill(rows: list[Row]) -> None:
    """Take the rows between two rows of a table into it, if all of them are labels of it."""
    upper, *between, lower = rows
    if len(between) <= _MAX_BETWEEN and all(_belongs(one, upper, lower, len(between)) for one in between):
        for one in between:
            one.table = 0


def _belongs(row: Row, upper: Row, lower: Row, count: int) -> bool:
    """Whether a row between two table rows is a label of the table, and no heading and no paragraph."""
    if row.first.size > _LARGER * max(upper.first.size, lower.first.size):
        return False
    if count < 3 and (row.is_split or row.x1 - row.x0 < 0.6 * (lower.x1 - lower.x0)):
        return True
    if _ASIDE.match(row.texts[0]):
        return True
    starts = [other.cells[1][0].x0 for other in (upper, lower) if other.is_split]
    return bool(starts) and row.x1 < min(starts) + 2


def _extend_up(rows: list[Row]) -> None:
    """Take in rows right above a table: column names that span several columns align with none."""
    for lower, upper in pairwise(reversed(rows)):
        if lower.table is None or lower.y0 - upper.y1 >= upper.y1 - upper.y0:
            continue
        spans = lower.is_split and upper.x0 > lower.cells[0][-1].x1 and upper.x1 <= lower.x1 + _ALIGNED
        if upper.is_split or spans or is_period(upper.texts[0]):
            upper.table = 0


def _aligned(upper: Row, lower: Row) -> bool:
    """Whether a cell, not the first, begins, ends or is centred at the same place in both rows."""
    for cell in upper.cells[1:]:
        for other in lower.cells[1:]:
            begins, ends = cell[0].x0 - other[0].x0, cell[-1].x1 - other[-1].x1
            if min(abs(begins), abs(ends), abs(begins + ends) / 2) < _ALIGNED:
                return True
    return False


def _part_tables(rows: list[Row]) -> None:
    """Begin another table where new column names stand below figures; its title is no row of either."""
    part, seen = 0, False
    for index, row in enumerate(rows):
        if row.table is None:
            seen = False
            continue
        is_new = seen and (_names_columns(row) or _dates_a_table(rows, index))
        if is_new:
            part, seen = 1 - part, False
            _free_title(rows, index)
        row.table = part
        seen = seen or _has_figures(row)


def _names_columns(row: Row) -> bool:
    texts = row.texts
    if not row.is_split:
        return False
    spans = all(is_period(text) and not text.strip().isdigit() for text in texts)
    return spans or (all(map(is_period, texts[1:])) and not is_number(texts[0]))


def _dates_a_table(rows: list[Row], index: int) -> bool:
    """Whether a date stands alone above column names."""
    row, below = rows[index], rows[index + 1 : index + 4]
    if row.is_split or not is_period(row.texts[0]):
        return False
    return any(other.is_split and not _has_figures(other) for other in below)


def _free_title(rows: list[Row], index: int) -> None:
    """Take the bold rows of one cell right above a row out of the table before it."""
    while index > 0 and rows[index - 1].table is not None and not rows[index - 1].is_split:
        index -= 1
        if not rows[index].first.bold:
            break
        rows[index].table = None


# Cells that are broken over two printed rows


def _merge_labels(rows: list[Row], rules: list[Rule]) -> list[Row]:
    """Put cells that are broken over two printed rows together again."""
    step = _usual_step(rows)
    merged: list[Row] = []
    for row in rows:
        last = merged[-1] if merged else None
        if last and last.table is not None and not _ruled_between(last, row, rules):
            joined = _joined_rows(last, row, step)
            if joined:
                merged[-1] = _merge_markers(joined)
                continue
        merged.append(row)
    return merged


def _usual_step(rows: list[Row]) -> float:
    """Return the distance of neighbouring table rows with figures, in points."""
    steps = [
        lower.y0 - upper.y0
        for upper, lower in pairwise(rows)
        if upper.table is not None and lower.table is not None and _has_figures(upper) and _has_figures(lower)
    ]
    return median(steps) if len(steps) >= 2 else 0.0


def _has_figures(row: Row) -> bool:
    return any(is_number(text) and not is_period(text) for text in row.texts[1:])


def _ruled_between(upper: Row, lower: Row, rules: list[Rule]) -> bool:
    """Whether a line is drawn between the rows, where the lower one stands."""
    top, bottom = (upper.y0 + upper.y1) / 2, (lower.y0 + lower.y1) / 2
    return any(
        top < y < bottom and x0 < lower.x1 and x1 > lower.x0 for y, x0, x1 in rules if x1 - x0 < lower.x1 * 2
    )


def _joined_rows(upper: Row, lower: Row, step: float) -> Row | None:
    """Return both rows as one where one is the rest of a cell of the other."""
    gap = lower.y0 - upper.y1
    high = upper.first.y1 - upper.first.y0
    if gap > 0.6 * high or abs(lower.first.size - upper.first.size) > 0.1 * upper.first.size:
        return None
    goes_on = lower.first.text[:1].islower()
    tight = 0 < lower.y0 - max(piece.y0 for piece in upper.cells[0]) < 0.82 * step
    ended = upper.cells[0][-1].text.endswith(":")
    if not upper.is_split:
        is_label = lower.table is not None and abs(upper.x0 - lower.x0) < 14 and not ended
        if is_label and (goes_on or (tight and abs(upper.x0 - lower.x0) < _ALIGNED)):
            return Row([upper.cells[0] + lower.cells[0], *lower.cells[1:]], table=0)
        return None
    if lower.is_split:
        return None
    for index, cell in enumerate(upper.cells):
        near = min(abs(piece.x0 - lower.x0) for piece in cell) < _ALIGNED
        if near and (goes_on or index > 0) and not is_number(cell[-1].text):
            return Row([*upper.cells[:index], cell + lower.cells[0], *upper.cells[index + 1 :]], table=0)
    return None
