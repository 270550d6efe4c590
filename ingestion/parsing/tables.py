# ruff: noqa: ANN401, PLR2004 - a cell may hold anything
"""XLSX, XLS, CSV and TSV, row by row with openpyxl, xlrd and csv.

``unstructured`` makes one element of a whole sheet and a string of all its cells; here a row stays a row, so
that a figure is found together with its label and its column's name.
"""

from __future__ import annotations

import csv
import datetime
import io
import struct
import zipfile
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ingestion.parsing import detect
from ingestion.parsing._builder import DocumentBuilder
from ingestion.parsing._decode import read_text
from ingestion.parsing._markup import join_cells
from ingestion.parsing._properties import read_properties
from ingestion.parsing._text import one_line
from ingestion.parsing.errors import ParseError, Reason

if TYPE_CHECKING:
    from pathlib import Path

    from ingestion.parsing.document import ParsedDocument
    from ingestion.parsing.limits import Limits
    from ingestion.parsing.parsers import Progress

_MAX_HEADER = 400
_DELIMITERS_PER_COLUMN = 10  # they may stand in quotes as well


class TableParser:
    """Reads sheets (as pages that bear the sheet's name) and delimited text."""

    name = "tables"
    version = "3"
    media_types = frozenset({detect.XLSX, detect.XLS, detect.CSV, detect.TSV})

    def parse(
        self, path: Path, *, name: str, media_type: str, limits: Limits, on_progress: Progress
    ) -> ParsedDocument:
        """Return the document; raises ParseError (too_large, damaged, encrypted or no_text)."""
        builder = DocumentBuilder()
        if media_type == detect.XLSX:
            _add_workbook(builder, path, name, limits, on_progress)
            builder.name_authors([read_properties(path).author])
        elif media_type == detect.XLS:
            _add_old_workbook(builder, path, name, limits, on_progress)
        else:
            text = read_text(path, name=name, limits=limits)
            _add_rows(builder, _delimited(text, media_type, name, limits), name, limits)
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


def _add_old_workbook(
    builder: DocumentBuilder, path: Path, name: str, limits: Limits, on_progress: Progress
) -> None:
    import xlrd  # type: ignore[import-untyped]  # xlrd ships no types

    # xlrd trusts what a file says about itself, and fails in all of these ways where that is wrong.
    damage = (
        xlrd.XLRDError,
        ValueError,
        KeyError,
        IndexError,
        AttributeError,
        TypeError,
        AssertionError,
        struct.error,
    )
    try:
        with (
            path.open("rb") as file,
            xlrd.open_workbook(file_contents=file.read(), logfile=io.StringIO()) as book,
        ):
            if sum(sheet.nrows * sheet.ncols for sheet in book.sheets()) > 10 * limits.table_cells:
                raise _too_large(name, limits)
            for number, sheet in enumerate(book.sheets(), 1):
                builder.start_page(number, label=sheet.name)
                rows = ([_old_cell(cell, book.datemode) for cell in row] for row in sheet.get_rows())
                _add_rows(builder, rows, name, limits)
                on_progress(number, book.nsheets)
    except damage as error:
        if "encrypted" in str(error).lower():
            message = f"{name} is protected with a password. Remove the protection and upload it again."
            raise ParseError(Reason.ENCRYPTED, message) from error
        raise ParseError(Reason.DAMAGED, f"{name} is damaged. Save it anew and upload that copy.") from error


def _old_cell(cell: Any, datemode: int) -> str:
    import xlrd

    if cell.ctype == xlrd.XL_CELL_DATE:
        try:
            return _shown(xlrd.xldate.xldate_as_datetime(cell.value, datemode))
        except (xlrd.xldate.XLDateError, OverflowError, ValueError):
            return _shown(cell.value)
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return str(bool(cell.value))
    return "" if cell.ctype == xlrd.XL_CELL_ERROR else _shown(cell.value)


def _delimited(text: str, media_type: str, name: str, limits: Limits) -> Iterator[list[str]]:
    delimiter = "\t" if media_type == detect.TSV else _delimiter(text)
    csv.field_size_limit(1 << 20)
    for row in csv.reader(_narrow(text, delimiter, name, limits), delimiter=delimiter):
        yield [one_line(cell) for cell in row]


def _narrow(text: str, delimiter: str, name: str, limits: Limits) -> Iterator[str]:
    """Yield lines, and refuse one of very many cells before they are all made."""
    for line in text.splitlines(keepends=True):
        if line.count(delimiter) > _DELIMITERS_PER_COLUMN * limits.table_columns:
            raise _too_large(name, limits)
        yield line


def _too_large(name: str, limits: Limits) -> ParseError:
    message = (
        f"{name} has a table with over {limits.table_cells:,} cells or {limits.table_columns:,} columns, "
        "more than is read safely. Split it into smaller files."
    )
    return ParseError(Reason.TOO_LARGE, message)


def _delimiter(text: str) -> str:
    """Return the sign that splits the first lines best (the csv module's guess takes letters for it)."""
    lines = text[:20_000].splitlines()[:20]
    return max(",;\t|", key=lambda sign: sum(min(line.count(sign), 50) for line in lines))


def _add_rows(builder: DocumentBuilder, rows: Iterable[list[str]], name: str, limits: Limits) -> None:
    header, previous_blank, total, filled = "", True, 0, 0
    for cells in _checked(rows, name):
        total, filled = total + len(cells), filled + sum(map(bool, cells))
        # Sheets pad their rows, so blank cells count for less: they cost time, but nothing is kept of them.
        if (
            len(cells) > limits.table_columns
            or filled > limits.table_cells
            or total > 10 * limits.table_cells
        ):
            raise _too_large(name, limits)
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
