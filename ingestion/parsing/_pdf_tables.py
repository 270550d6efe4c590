# ruff: noqa: PLR2004 - distances and shares of the page's geometry
"""What the columns of a table are called, and under which label of the table a row stands."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from ingestion.parsing._pdf_chars import Piece
from ingestion.parsing._pdf_rows import Row, is_number, is_period

SEPARATOR = " / "  # between the parts of a header: column names, label of a group of rows, caption

_YEAR_OR_DATE = re.compile(r"^(?:19|20)\d\d(?:\s*\(\w+\))?$|^\w+\.? \d{1,2},(?: \d{4})?$|^(?:FY|Q\d)\s?\d+$")
_ASIDE = re.compile(r"^\([^()]*\)$")  # "(In millions)"
_TOTAL = re.compile(r"^(?:total|net cash|gesamt|summe|insgesamt)\b", re.IGNORECASE)
_MAX_HEADER_ROWS = 6
_FEW_COLUMNS = 3
_MAX_HEADER = 400
_MAX_LABEL = 120
_INDENT = 2.0


def row_headers(rows: Sequence[Row]) -> list[str]:
    """Return for every row of a table what a reader of that row alone would miss; "" for the header rows."""
    count = header_rows(rows)
    names = _column_names(rows[:count], rows[count:]) if count else ""
    return [""] * count + [
        SEPARATOR.join(part for part in (names, label) if part)[:_MAX_HEADER]
        for label in _labels(rows[count:])
    ]


def header_rows(rows: Sequence[Row]) -> int:
    """Return how many rows at the top name the columns: no figures there, but figures below them."""
    count = 0
    labels_end = _labels_end(rows)
    for index, row in enumerate(rows[: _MAX_HEADER_ROWS + 2]):
        texts = row.texts
        if row.is_split and any(text.endswith(":") or ": " in text for text in texts):
            return 0
        if any(_is_figure(text) for text in texts[1:]):
            return count
        if row.is_split or row.x0 > labels_end:
            wordy = sum(len(text.split()) for text in texts) > 7 * len(texts)
            count = count if wordy or index >= _MAX_HEADER_ROWS else index + 1
    bold = bool(rows) and rows[0].is_split and all(cell[0].bold for cell in rows[0].cells)
    return int(bold and len(rows) > 2)


def _is_figure(text: str) -> bool:
    return is_number(text) and not _YEAR_OR_DATE.match(text)


def _labels_end(rows: Sequence[Row]) -> float:
    """Return where the column of labels ends: what stands alone to the right of it names columns."""
    ends = [row.cells[0][-1].x1 for row in rows if row.is_split and any(map(_is_figure, row.texts[1:]))]
    return median(ends) if ends else float("inf")


# Column names


@dataclass(slots=True)
class _Column:
    """A column of figures: its edges, and its names from top to bottom."""

    x0: float
    x1: float
    names: list[str]


def _column_names(header: Sequence[Row], body: Sequence[Row]) -> str:
    """Return the names of the columns from left to right, each put together from the rows of the header.

    "Three Months Ended" above "June 25," above "2022" is one name; what spans two columns is in both.
    """
    plain = SEPARATOR.join(" | ".join(row.texts) for row in header)
    columns = _columns(body)
    if len(header) < 2 or len(columns) < 2:
        return plain
    stub: list[str] = []
    for row in header:
        _name_columns(row, columns, stub)
    if not all(column.names for column in columns):
        return plain
    names = [" ".join(column.names) for column in columns]
    return " | ".join([" ".join(stub), *names] if stub else names)


def _columns(body: Sequence[Row]) -> list[_Column]:
    """Return the columns right of the labels, as the rows with the usual number of cells have them."""
    full = [row for row in body if row.is_split and any(map(_is_figure, row.texts[1:]))]
    if not full:
        return []
    usual = Counter(len(row.cells) for row in full).most_common(1)[0][0]
    cells = [row.cells[1:] for row in full if len(row.cells) == usual]
    return [
        _Column(min(cell[0].x0 for cell in column), max(cell[-1].x1 for cell in column), [])
        for column in zip(*cells, strict=True)
    ]


def _name_columns(row: Row, columns: list[_Column], stub: list[str]) -> None:
    """Give every column its cell of one header row; what stands left of all columns names the labels."""
    if not row.is_split and (_ASIDE.match(row.texts[0]) or _spans_all(row, columns)):
        _name_all(row.texts[0], columns, stub)
        return
    named: list[tuple[float, float, str]] = []
    for cell, text in zip(row.cells, row.texts, strict=True):
        if cell[-1].x1 < columns[0].x0 and (row.is_split or cell[0].x0 < columns[0].x0 - 100):
            stub.append(text)
        else:
            named.append((cell[0].x0, _end(cell), text))
    if not named:
        return
    spans = len(named) < len(columns)
    reach = _reach(columns) if spans else 0.0
    for column in columns:
        distances = [(_distance(column, x0, x1), text) for x0, x1, text in named]
        distance, text = min(distances)
        if distance <= reach:
            column.names.append(text)
    given = {text for column in columns for text in column.names}
    for x0, x1, text in named:
        if text not in given:
            min(columns, key=lambda column: _distance(column, x0, x1)).names.append(text)


def _spans_all(row: Row, columns: list[_Column]) -> bool:
    """Whether a period stands in the middle above all columns."""
    middle = (columns[0].x0 + columns[-1].x1) / 2
    return is_period(row.texts[0]) and abs((row.x0 + row.x1) / 2 - middle) < 0.1 * (
        columns[-1].x1 - columns[0].x0
    )


def _name_all(text: str, columns: list[_Column], stub: list[str]) -> None:
    if len(columns) <= _FEW_COLUMNS and is_period(text):
        for column in columns:
            column.names.append(text)
    else:
        stub.append(text)


def _end(cell: list[Piece]) -> float:
    return max(piece.x1 for piece in cell)


def _reach(columns: list[_Column]) -> float:
    """Return how far from a column a name that spans several of them may stand: half a step."""
    return 0.55 * median(right.x1 - left.x1 for left, right in pairwise(columns))


def _distance(column: _Column, x0: float, x1: float) -> float:
    """Return the gap between a column and a name above it, below zero where they overlap."""
    return max(column.x0 - x1, x0 - column.x1)


# Labels of groups of rows


def _labels(body: Sequence[Row]) -> list[str]:
    """Return for every row the label of its group ("Cost of sales:"), "" where there is none."""
    found: list[str] = []
    label, edge = "", 0.0
    for row in body:
        text = row.texts[0].strip()
        if not row.is_split:
            found.append("")
            label = text.rstrip(":") if text.endswith(":") and len(text) <= _MAX_LABEL else ""
            edge = row.x0
            continue
        if row.x0 < edge - _INDENT or _TOTAL.match(text):
            label = ""
        found.append(label)
    return found
