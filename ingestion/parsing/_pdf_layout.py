# ruff: noqa: PLR2004, RUF001 - distances, shares and counts of the page's geometry; typographic signs are what is looked for
"""Reading order: pieces of printed text become rows, through columns, ruled tables and aligned tables.

Words stand before geometry: what decides between two columns of prose (read one after the other) and two
columns of a table (read row by row) is whether both sides are filled with several words a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from statistics import median

from ingestion.parsing._pdf_chars import Piece

_MARKER = re.compile(r"^(?:[•▪◦●○■□–—·∙*\uf0b7\uf0a7-]|\(?[a-zA-Z0-9]{1,3}[.)]|(?:\d+\.)+\d*|Item\s\w+\.)$")
_AFFIX = re.compile(r"^(?:[$€£¥]|\(?[$€£¥]\(?)$")
_SUFFIX = re.compile(r"^[)%]+$")
_NUMBER = re.compile(r"^[\s$€£¥(+\-–—]*[\d.,]*\d[\d.,]*[\s%)*]*$|^[—–-]+$")

_BIN = 2.0  # points; the grain at which gutters are looked for
_MIN_GUTTER = 8.0
_ALIGNED = 4.0


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


@dataclass(slots=True)
class Lane:
    """A column of rows from top to bottom, between two edges."""

    x0: float
    x1: float
    rows: list[Row]


def is_number(text: str) -> bool:
    """Whether a cell holds an amount, a share or a dash and not words."""
    return bool(_NUMBER.match(text))


def read_lanes(pieces: list[Piece], rules: list[tuple[float, float, float]], width: float) -> list[Lane]:
    """Return all pieces of a page in reading order; every piece is in exactly one row."""
    lanes: list[Lane] = []
    upright = [piece for piece in pieces if not piece.sideways]
    turned = [piece for piece in pieces if piece.sideways]
    rest = sorted(upright, key=lambda piece: (piece.y0 + piece.y1, piece.x0))
    for zones in _ruled_tables(rest, rules, width):
        inside = {id(piece) for zone in zones for piece in zone}
        top = min(piece.y0 for zone in zones for piece in zone)
        above = [p for p in rest if id(p) not in inside and (p.y0 + p.y1) / 2 < top]
        lanes.extend(_flow(above))
        lanes.append(_table_lane([_zone_row(zone) for zone in zones]))
        done = inside | {id(piece) for piece in above}
        rest = [piece for piece in rest if id(piece) not in done]
    lanes.extend(_flow(rest))
    if turned:  # a stamp along the edge: last, as one line, in the order in which it was written
        lanes.append(_table_lane([Row([turned])]))
    _number_tables(lanes)
    return lanes


def _table_lane(rows: list[Row]) -> Lane:
    for row in rows:
        row.table = 0
    return Lane(min(row.x0 for row in rows), max(row.x1 for row in rows), rows)


def _number_tables(lanes: list[Lane]) -> None:
    """Give every run of table rows a number of its own on the page."""
    number = 0
    for lane in lanes:
        for is_table, run in groupby(lane.rows, key=lambda row: row.table is not None):
            number += 1
            for row in run:
                row.table = number if is_table else None


# Ruled tables: cells of several lines between horizontal lines.


def _ruled_tables(
    pieces: list[Piece], rules: list[tuple[float, float, float]], width: float
) -> Iterator[list[list[Piece]]]:
    """Yield tables as lists of zones (the pieces between two lines), top to bottom."""
    done = 0.0
    for x0, x1, ys in _rule_groups(rules, width):
        table: list[list[Piece]] = []
        for top, bottom in pairwise(ys):
            zone = [
                p
                for p in pieces
                if top <= (p.y0 + p.y1) / 2 < bottom and x0 - 4 <= p.x0 and p.x1 <= x1 + 4 and p.y0 >= done
            ]
            if zone and _is_cell_zone(zone):
                table.append(zone)
                continue
            if len(table) > 1:
                done = max(p.y1 for p in table[-1]) - 1
                yield table
            table = []
        if len(table) > 1:
            done = max(p.y1 for p in table[-1]) - 1
            yield table


def _rule_groups(
    rules: list[tuple[float, float, float]], width: float
) -> Iterator[tuple[float, float, list[float]]]:
    """Yield (x0, x1, heights) of at least three wide lines with the same ends, top group first."""
    spans = [span for span in _joined(rules) if span[2] - span[1] > 0.35 * width]
    groups: list[tuple[float, float, list[float]]] = []
    for y, x0, x1 in spans:
        for group in groups:
            if abs(group[0] - x0) < 6 and abs(group[1] - x1) < 6:
                if y - group[2][-1] > 4:
                    group[2].append(y)
                break
        else:
            groups.append((x0, x1, [y]))
    yield from (group for group in sorted(groups, key=lambda g: g[2][0]) if len(group[2]) >= 3)


def _joined(rules: list[tuple[float, float, float]]) -> Iterator[tuple[float, float, float]]:
    """Yield the lines with segments that touch put together: cells draw their borders one by one."""
    rows: list[list[tuple[float, float, float]]] = []
    for rule in rules:
        if rows and rule[0] - rows[-1][0][0] < 2:
            rows[-1].append(rule)
        else:
            rows.append([rule])
    for row in rows:
        y, start, end = row[0][0], None, 0.0
        for _, x0, x1 in sorted(row, key=lambda rule: rule[1]):
            if start is not None and x0 - end > 3:
                yield y, start, end
                start = None
            start, end = (x0, x1) if start is None else (start, max(end, x1))
        if start is not None:
            yield y, start, end


def _is_cell_zone(zone: list[Piece]) -> bool:
    """Whether the zone is one table row whose cells may have several lines."""
    cells = _clusters(zone)
    if len(cells) < 2 or _MARKER.match(cells[0][0].text):
        return False
    if len(zone) == len(cells):
        return True
    lines = _rows_of(zone)
    starts = sum(row.first in cells[0] for row in lines)
    # Many printed rows, each with its own label: rows of the table, not one cell of many lines.
    return len(lines) < 3 or starts <= 0.6 * len(lines) or _is_prose(cells[0])


def _clusters(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """Return the pieces grouped by columns: groups do not overlap sideways."""
    groups: list[list[Piece]] = []
    edge = float("-inf")
    for piece in sorted(pieces, key=lambda piece: piece.x0):
        if groups and piece.x0 < edge + 1:
            groups[-1].append(piece)
        else:
            groups.append([piece])
        edge = max(edge, piece.x1)
    return groups


def _zone_row(zone: list[Piece]) -> Row:
    return Row([_reading(cell) for cell in _clusters(zone)])


def _reading(cell: list[Piece]) -> list[Piece]:
    return [piece for row in _rows_of(cell) for part in row.cells for piece in part]


# Columns of prose.


def _flow(pieces: list[Piece], depth: int = 0) -> list[Lane]:
    """Return lanes of pieces outside of ruled tables: columns one after the other, the rest by rows."""
    if not pieces:
        return []
    gutter = _gutter(pieces) if depth < 4 and len(pieces) >= 8 else None
    if gutter is None:
        return [_lane(pieces)]
    lanes: list[Lane] = []
    pending: list[Piece] = []
    for crosses, run in groupby(pieces, key=lambda p: p.x0 < gutter[0] and p.x1 > gutter[1]):
        band = list(run)
        left = [piece for piece in band if piece.x1 <= gutter[1]]
        right = [piece for piece in band if piece.x1 > gutter[1]]
        if crosses or not (_is_prose(left) and _is_prose(right)):
            pending.extend(band)
            continue
        lanes.extend([_lane(pending)] if pending else [])
        pending = []
        lanes.extend(_flow(left, depth + 1) + _flow(right, depth + 1))
    lanes.extend([_lane(pending)] if pending else [])
    return lanes


def _gutter(pieces: list[Piece]) -> tuple[float, float] | None:
    """Return the emptiest upright strip in the middle (x from, to), or None when there is none."""
    x0, x1 = min(p.x0 for p in pieces), max(p.x1 for p in pieces)
    bins = int((x1 - x0) / _BIN) + 2
    if bins < 30:
        return None
    change = [0] * (bins + 1)
    for piece in pieces:
        change[int((piece.x0 - x0) / _BIN)] += 1
        change[int((piece.x1 - x0) / _BIN) + 1] -= 1
    covered, depth = [], 0
    for step in change:
        depth += step
        covered.append(depth)
    inner = range(int(bins * 0.2), int(bins * 0.8))
    fewest = min(covered[i] for i in inner)
    if fewest > 0.25 * len(pieces):
        return None
    few = fewest + 0.04 * len(pieces)  # titles and headings cross a gutter here and there
    runs = [list(run) for empty, run in groupby(inner, key=lambda i: covered[i] <= few) if empty]
    best = max(runs, key=len)
    if (len(best) - 1) * _BIN < min(_MIN_GUTTER, median(p.size for p in pieces)):
        return None
    return x0 + best[0] * _BIN, x0 + (best[-1] + 1) * _BIN


def _is_prose(pieces: list[Piece]) -> bool:
    """Whether one side of a gutter is running text: filled lines of several words."""
    if len(pieces) < 4:
        return False
    wide = max(p.x1 for p in pieces) - min(p.x0 for p in pieces)
    words = sum(p.words for p in pieces) / len(pieces)
    return words >= 3.5 and median(p.x1 - p.x0 for p in pieces) > 0.55 * wide


# Rows, and tables that are only aligned.


def _lane(pieces: list[Piece]) -> Lane:
    rows = [_merge_markers(row) for row in _rows_of(pieces)]
    _mark_tables(rows)
    return Lane(min(row.x0 for row in rows), max(row.x1 for row in rows), _merge_labels(rows))


def _rows_of(pieces: list[Piece]) -> list[Row]:
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


def _merge_markers(row: Row) -> Row:
    """Put list markers, currency signs, closing signs and field names into one cell with their text."""
    cells: list[list[Piece]] = []
    for cell in row.cells:
        before, text = (cells[-1][-1].text if cells else ""), cell[0].text
        is_marker = len(cells) == 1 and len(cells[0]) == 1 and bool(_MARKER.match(before))
        near = bool(cells) and cell[0].x0 - cells[-1][-1].x1 < 0.3 * cell[0].size
        if cells and (
            near
            or (is_marker and not is_number(text))
            or _AFFIX.match(before)
            or _SUFFIX.match(text)
            or (before.endswith(":") and not text.endswith(":"))
        ):
            cells[-1].extend(cell)
        else:
            cells.append(cell)
    return Row(cells)


def _mark_tables(rows: list[Row]) -> None:
    """Number table rows: split rows with an aligned neighbour, and short rows between such rows."""
    for upper, lower in pairwise([row for row in rows if row.is_split]):
        if lower.y0 - upper.y1 < 4 * (upper.y1 - upper.y0) and _aligned(upper, lower):
            upper.table = lower.table = 0
    _extend_up(rows)
    last = None
    for index, row in enumerate(rows):
        if row.table is None:
            continue
        if last is not None and index - last - 1 in {1, 2}:
            for between in rows[last + 1 : index]:
                if between.is_split or between.x1 - between.x0 < 0.6 * (row.x1 - row.x0):
                    between.table = 0
        last = index


def _extend_up(rows: list[Row]) -> None:
    """Take in split rows right above a table: column names that span several columns align with none."""
    for lower, upper in pairwise(reversed(rows)):
        if lower.table is not None and upper.is_split and lower.y0 - upper.y1 < upper.y1 - upper.y0:
            upper.table = 0


def _aligned(upper: Row, lower: Row) -> bool:
    """Whether a cell, not the first, begins, ends or is centred at the same place in both rows."""
    for cell in upper.cells[1:]:
        for other in lower.cells[1:]:
            begins, ends = cell[0].x0 - other[0].x0, cell[-1].x1 - other[-1].x1
            if min(abs(begins), abs(ends), abs(begins + ends) / 2) < _ALIGNED:
                return True
    return False


def _merge_labels(rows: list[Row]) -> list[Row]:
    """Put cells that are broken over two printed rows together again."""
    merged: list[Row] = []
    for row in rows:
        last = merged[-1] if merged else None
        if last and last.table is not None and row.table is not None and _is_close(last, row):
            joined = _joined_rows(last, row)
            if joined:
                merged[-1] = joined
                continue
        merged.append(row)
    return merged


def _is_close(upper: Row, lower: Row) -> bool:
    return upper.is_split != lower.is_split and lower.y0 - upper.y1 < 0.6 * (upper.y1 - upper.y0)


def _joined_rows(upper: Row, lower: Row) -> Row | None:
    """Return both rows as one where one is the rest of a cell of the other."""
    goes_on = lower.first.text[:1].islower()
    if lower.is_split:
        if goes_on and abs(upper.x0 - lower.x0) < 14 and not upper.cells[0][-1].text.endswith(":"):
            return Row([upper.cells[0] + lower.cells[0], *lower.cells[1:]], table=0)
        return None
    for index, cell in enumerate(upper.cells):
        near = min(abs(piece.x0 - lower.x0) for piece in cell) < _ALIGNED
        if near and (goes_on or index > 0) and not is_number(cell[-1].text):
            cells = [*upper.cells[:index], cell + lower.cells[0], *upper.cells[index + 1 :]]
            return Row(cells, table=0)
    return None
