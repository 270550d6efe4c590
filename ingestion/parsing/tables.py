# ruff: noqa: ANN401, PLR2004 - a cell may hold anything
"""XLSX, CSV and TSV, row by row with openpyxl and csv.

``unstructured`` makes one element of a whole sheet and a string of all its cells; here a row stays a row, so
that a figure is found together with its label and its column's name.
"""

from __future__ import annotations

import csv
import datetime
import zipfile
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ingestion.parsing import detect
from ingestion.parsing._builder import DocumentBuilder
from ingestion.parsing._decode import read_text
from ingestion.parsing._markup import join_cells
from ingestion.parsing._text import one_line
from ingestion.parsing._zip_limits import check_archive
from ingestion.parsing.errors import ParseError, Reason

if TYPE_CHECKING:
    from pathlib import Path

    from ingestion.parsing.document import ParsedDocument
    from ingestion.parsing.limits import Limits
    from ingestion.parsing.parsers import Progress

_MAX_HEADER = 400


class TableParser:
    """Reads sheets (as pages that bear the sheet's name) and delimited text."""

    name = "tables"
    version = "1"
    media_types = frozenset({detect.XLSX, detect.CSV, detect.TSV})

    def parse(
        self, path: Path, *, name: str, media_type: str, limits: Limits, on_progress: Progress
    ) -> ParsedDocument:
        """Return the document; raises ParseError (too_large, damaged, encrypted or no_text)."""
        builder = DocumentBuilder()
        if media_type == detect.XLSX:
            check_archive(path, name=name, limits=limits)
            _add_workbook(builder, path, name, limits, on_progress)
        else:
            rows = _delimited(read_text(path, name=name, limits=limits), media_type)
            _add_rows(builder, rows, name, limits)
            on_progress(1, 1)
        return builder.finish(
            name=name, title="", media_type=media_type, parser=self.name, parser_version=self.version
        )


def _add_workbook(
    builder: DocumentBuilder, path: Path, name: str, limits: Limits, on_progress: Progress
) -> None:
    import openpyxl  # type: ignore[import-untyped]  # openpyxl ships no types
    from openpyxl.utils.exceptions import (  # type: ignore[import-untyped]  # openpyxl ships no types
        InvalidFileException,
    )

    try:
        with path.open("rb") as file:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            for number, sheet in enumerate(book.worksheets, 1):
                sheet.reset_dimensions()  # files claim wrong or endless ones
                builder.start_page(number, label=sheet.title)
                rows = ([_shown(value) for value in row] for row in sheet.iter_rows(values_only=True))
                _add_rows(builder, rows, name, limits)
                on_progress(number, len(book.worksheets))
    except (
        InvalidFileException,
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
    ) as error:
        raise ParseError(Reason.DAMAGED, f"{name} is damaged. Save it anew and upload that copy.") from error


def _shown(value: Any) -> str:
    """Return a cell as people read it: no time of day where there is none, no binary tails of floats."""
    if value is None:
        return ""
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, float):
        return f"{value:.10g}" if abs(value) < 1e15 else repr(value)
    return one_line(str(value))


def _delimited(text: str, media_type: str) -> Iterator[list[str]]:
    delimiter = "\t" if media_type == detect.TSV else _delimiter(text)
    csv.field_size_limit(1 << 20)
    for row in csv.reader(text.splitlines(keepends=True), delimiter=delimiter):
        yield [one_line(cell) for cell in row]


def _delimiter(text: str) -> str:
    """Return the sign that splits the first lines best (the csv module's guess takes letters for it)."""
    lines = text[:20_000].splitlines()[:20]
    return max(",;\t|", key=lambda sign: sum(min(line.count(sign), 50) for line in lines))


def _add_rows(builder: DocumentBuilder, rows: Iterable[list[str]], name: str, limits: Limits) -> None:
    header, previous_blank = "", True
    for count, cells in enumerate(_checked(rows, name)):
        if count >= limits.table_rows or len(cells) > limits.table_columns:
            message = (
                f"{name} has a table with over {limits.table_rows} rows or {limits.table_columns} columns. "
                "Split it into smaller files."
            )
            raise ParseError(Reason.TOO_LARGE, message)
        text = join_cells(cells)
        if not text:
            previous_blank = True
            continue
        names_columns = previous_blank and _names_columns(cells)
        header = "" if previous_blank else header
        builder.add("table_row", text, header="" if names_columns else header)
        header = text[:_MAX_HEADER] if names_columns else header
        # A line with a single cell above a table is its caption: the next row may name the columns.
        previous_blank = len([cell for cell in cells if cell]) == 1 and not header


def _checked(rows: Iterable[list[str]], name: str) -> Iterator[list[str]]:
    try:
        yield from rows
    except csv.Error as error:
        raise ParseError(Reason.DAMAGED, f"{name} is not a table that can be read: {error}.") from error


def _names_columns(cells: list[str]) -> bool:
    """Whether a row names columns: two or more texts, none of them a number."""
    filled = [cell for cell in cells if cell]
    return len(filled) > 1 and not any(cell.replace(",", "").replace(".", "").isdigit() for cell in filled)


PARSER = TableParser()
