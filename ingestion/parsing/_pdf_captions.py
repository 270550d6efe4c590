"""What stands around a table and names it: its caption above, its columns on the page before."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from ingestion.parsing._pdf_blocks import Draft
from ingestion.parsing._pdf_tables import SEPARATOR

_ASIDE = re.compile(r"^\([^()]*\)(?: \([^()]*\))?$")  # "(In millions) (Unaudited)"
_LAST_SENTENCE = re.compile(r"[.!?]\s+(?=\S[^.!?]*:$)")
_MAX_CAPTION = 200
_MOST_ABOVE = 3


def name_tables(pages: Sequence[list[Draft]]) -> None:
    """Put captions and the column names of a table's first page into the headers of its rows, in place."""
    before: list[Draft] = []
    for page in pages:
        for start, table in _tables(page):
            if start == 0 and before:
                _continue(before, table)
            caption = _caption(page[max(0, start - _MOST_ABOVE) : start])
            for row in table if caption else []:
                row.header = SEPARATOR.join(part for part in (row.header, caption) if part)
        before = page or before


def _tables(page: list[Draft]) -> Iterator[tuple[int, list[Draft]]]:
    """Yield the tables of a page with the index of their first row: column names begin another one."""
    start, named = 0, False
    for index, draft in enumerate([*page, None]):
        is_row = draft is not None and draft.kind == "table_row"
        if index > start and (not is_row or (named and draft is not None and not draft.header)):
            yield start, page[start:index]
            start = index
        if not is_row:
            start = index + 1
        named = is_row and (index == start or named) and draft is not None and bool(draft.header)


def _caption(above: list[Draft]) -> str:
    parts: list[str] = []
    for draft in reversed(above):
        if draft.kind == "caption" or (draft.kind == "paragraph" and _ASIDE.match(draft.text)):
            parts.insert(0, draft.text)
            continue
        if draft.kind == "paragraph" and draft.text.endswith(":"):
            parts.insert(0, _LAST_SENTENCE.split(draft.text)[-1])
        break
    return " ".join(parts)[:_MAX_CAPTION]


def _continue(before: list[Draft], table: list[Draft]) -> None:
    """Give a table without column names those of the table that ended the page before, if it is as wide."""
    last = before[-1]
    if last.kind != "table_row" or not last.header or any(row.header for row in table):
        return
    cells = Counter(row.text.count(" | ") for row in table).most_common(1)[0][0]
    if cells == last.text.count(" | "):
        for row in table:
            row.header = last.header
