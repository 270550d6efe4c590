# ruff: noqa: PLR2004 - distances, shares and counts of the page's geometry
"""Reading order: pieces of printed text become rows, through columns, ruled tables and aligned tables.

Words stand before geometry: what decides between two columns of prose (read one after the other) and two
columns of a table (read row by row) is whether both sides are filled with several words a line.
"""

from __future__ import annotations

from itertools import groupby
from statistics import median

from ingestion.parsing._pdf_chars import Piece
from ingestion.parsing._pdf_rows import Lane, Row, Rule, is_prose, make_lane, split_piece
from ingestion.parsing._pdf_ruled import ruled_tables, zone_row

_BIN = 2.0  # points; the grain at which gutters are looked for
_MIN_GUTTER = 8.0


def read_lanes(pieces: list[Piece], rules: list[Rule], width: float) -> list[Lane]:
    """Return all pieces of a page in reading order; every piece is in exactly one row."""
    lanes: list[Lane] = []
    upright = [part for piece in pieces if not piece.sideways for part in split_piece(piece)]
    turned = [piece for piece in pieces if piece.sideways]
    rest = sorted(upright, key=lambda piece: (piece.y0 + piece.y1, piece.x0))
    for zones in ruled_tables(rest, rules, width):
        inside = {id(piece) for zone in zones for piece in zone}
        top = min(piece.y0 for zone in zones for piece in zone)
        above = [p for p in rest if id(p) not in inside and (p.y0 + p.y1) / 2 < top]
        lanes.extend(_flow(above, rules))
        lanes.append(_table_lane([zone_row(zone) for zone in zones]))
        done = inside | {id(piece) for piece in above}
        rest = [piece for piece in rest if id(piece) not in done]
    lanes.extend(_flow(rest, rules))
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
        for table, run in groupby(lane.rows, key=lambda row: row.table):
            number += 1
            for row in run:
                row.table = None if table is None else number


# Columns of prose.


def _flow(pieces: list[Piece], rules: list[Rule], depth: int = 0) -> list[Lane]:
    """Return lanes of pieces outside of ruled tables: columns one after the other, the rest by rows."""
    if not pieces:
        return []
    gutter = _gutter(pieces) if depth < 4 and len(pieces) >= 8 else None
    if gutter is None:
        return [make_lane(pieces, rules)]
    lanes: list[Lane] = []
    pending: list[Piece] = []
    for crosses, run in groupby(pieces, key=lambda p: p.x0 < gutter[0] and p.x1 > gutter[1]):
        band = list(run)
        left = [piece for piece in band if piece.x1 <= gutter[1]]
        right = [piece for piece in band if piece.x1 > gutter[1]]
        if crosses or not (is_prose(left) and is_prose(right)):
            pending.extend(band)
            continue
        lanes.extend([make_lane(pending, rules)] if pending else [])
        pending = []
        lanes.extend(_flow(left, rules, depth + 1) + _flow(right, rules, depth + 1))
    lanes.extend([make_lane(pending, rules)] if pending else [])
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
