# ruff: noqa: PLR2004 - distances and shares of the page's geometry
"""Ruled tables: cells of several lines between horizontal lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from ingestion.parsing._pdf_chars import Piece
from ingestion.parsing._pdf_rows import Row, Rule, is_marker, is_number, is_prose, merge_cells, rows_of

_FIGURES = 0.4


def ruled_tables(pieces: list[Piece], rules: list[Rule], width: float) -> Iterator[list[list[Piece]]]:
    """Yield tables as lists of zones (the pieces between two lines), top to bottom."""
    done = 0.0
    for x0, x1, ys in _rule_groups(rules, width):
        if _holds_figures(pieces, x0, x1, ys):
            continue
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


def _holds_figures(pieces: list[Piece], x0: float, x1: float, ys: list[float]) -> bool:
    """Whether most of what stands between the lines is figures: such rows are read by their alignment.

    Accounts draw lines above sums, not between all rows.
    """
    inside = [p for p in pieces if ys[0] <= (p.y0 + p.y1) / 2 < ys[-1] and x0 - 4 <= p.x0 and p.x1 <= x1 + 4]
    figures = sum(is_number(piece.text) for piece in inside)
    return figures > _FIGURES * len(inside)


def _rule_groups(rules: list[Rule], width: float) -> Iterator[tuple[float, float, list[float]]]:
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


def _joined(rules: list[Rule]) -> Iterator[Rule]:
    """Yield the lines with segments that touch put together: cells draw their borders one by one."""
    rows: list[list[Rule]] = []
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
    if len(cells) < 2 or is_marker(cells[0][0].text):
        return False
    if len(zone) == len(cells):
        return True
    if any(sum(is_number(piece.text) for piece in cell) > 1 for cell in cells[1:]):
        return False  # a figure is never broken over two lines
    lines = rows_of(zone)
    starts = sum(row.first in cells[0] for row in lines)
    # Many printed rows, each with its own label: rows of the table, not one cell of many lines.
    return len(lines) < 3 or starts <= 0.6 * len(lines) or is_prose(cells[0])


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


def zone_row(zone: list[Piece]) -> Row:
    return Row(merge_cells([_reading(cell) for cell in _clusters(zone)]))


def _reading(cell: list[Piece]) -> list[Piece]:
    return [piece for row in rows_of(cell) for part in row.cells for piece in part]
