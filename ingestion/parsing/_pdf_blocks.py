# ruff: noqa: PLR2004, RUF001 - distances, shares and counts of the page's geometry; typographic signs are what is looked for
"""Rows of one page become drafts of blocks: paragraphs, list items, table rows. No spans yet, only text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from statistics import median

from ingestion.parsing._builder import Box
from ingestion.parsing._pdf_chars import PageContent, Piece, turn_back
from ingestion.parsing._pdf_layout import Lane, Row, is_number
from ingestion.parsing._text import one_line
from ingestion.parsing.document import BlockKind

_LIST = re.compile(r"^(?:[•▪◦●○■□·∙*–—\uf0b7\uf0a7]|-(?=\s)|\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{2,4})[.)])\s+\S")
_LEADERS = re.compile(r"(?:\s?[.…_]){4,}")
_ENDS_SENTENCE = re.compile(r"[.!?:;][\"'”’)\]]*$")
_YEAR_OR_DATE = re.compile(r"^(?:19|20)\d\d(?:\s*\(\w+\))?$|^\w+\.? \d{1,2},(?: \d{4})?$|^(?:FY|Q\d)\s?\d+$")
_WIDE_SCRIPT = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
_SOFT_HYPHEN = re.compile("[\x02\ufffe]")  # PDFium's marks for a hyphen at the end of a line
_MAX_HEADER_ROWS = 3


@dataclass(slots=True)
class Draft:
    """A block without a place in the document yet; ``lines`` are spans of ``text`` with boxes."""

    kind: BlockKind
    text: str
    lines: list[tuple[int, int, Box]]
    size: float
    bold: bool
    rows: int
    y: float  # height on the page, 0 (top) to 1
    header: str = ""
    level: int = 0


@dataclass(slots=True)
class _TextMaker:
    """Grows the text of one block piece by piece and keeps the span and box of each."""

    page: PageContent
    text: str = ""
    lines: list[tuple[int, int, Box]] = field(default_factory=list)

    def add(self, piece: Piece, glue: str) -> None:
        text = one_line(_LEADERS.sub(" … ", _SOFT_HYPHEN.sub("-", piece.text)))
        if not text:
            return
        if glue == " ":
            self._join(text)
        elif self.text:
            self.text += glue
        start = len(self.text)
        self.text += text
        box = turn_back((piece.x0, piece.y0, piece.x1, piece.y1), self.page)
        self.lines.append((start, len(self.text), box))

    def _join(self, text: str) -> None:
        """Prepare the text for more of the same sentence: a broken word is made whole."""
        if not self.text:
            return
        if _WIDE_SCRIPT.match(self.text[-1]) and _WIDE_SCRIPT.match(text):
            return
        if self.text.endswith("-") and self.text[-2:-1].isalpha() and text[0].isalpha():
            if text[0].islower() and not _is_compound(self.text):
                self.text = self.text[:-1]
                start, end, box = self.lines[-1]
                self.lines[-1] = (start, end - 1, box)
            return
        self.text += " "


def _is_compound(text: str) -> bool:
    """Whether the last word has a hyphen besides the one at its end ("state-of-the-"): that one stays."""
    return "-" in text[:-1].rsplit(" ", 1)[-1]


def page_drafts(page: PageContent, lanes: list[Lane]) -> list[Draft]:
    """Return the page's blocks in reading order."""
    drafts: list[Draft] = []
    for lane in lanes:
        for table, run in groupby(lane.rows, key=lambda row: row.table):
            rows = list(run)
            drafts.extend(_paragraphs(page, lane, rows) if table is None else _table(page, rows))
    return [draft for draft in drafts if draft.text]


def _draft(kind: BlockKind, made: _TextMaker, rows: list[Row]) -> Draft:
    first = rows[0].first
    bold = all(piece.bold for row in rows for cell in row.cells for piece in cell)
    return Draft(kind, made.text, made.lines, first.size, bold, len(rows), rows[0].y0 / made.page.height)


# Tables


def _table(page: PageContent, rows: list[Row]) -> list[Draft]:
    drafts = []
    for row in rows:
        made = _TextMaker(page)
        for cell in row.cells:
            for index, piece in enumerate(cell):
                made.add(piece, " " if index else " | ")
        drafts.append(_draft("table_row", made, [row]))
    count = _header_rows(rows)
    header = " / ".join(draft.text for draft in drafts[:count])[:400]
    for draft in drafts[count:]:
        draft.header = header
    return drafts


def _header_rows(rows: list[Row]) -> int:
    """Return how many rows at the top name the columns: no figures there, but figures below them."""
    count = 0
    for index, row in enumerate(rows[: _MAX_HEADER_ROWS + 2]):
        texts = [" ".join(piece.text for piece in cell) for cell in row.cells]
        if row.is_split and any(text.endswith(":") or ": " in text for text in texts):
            return 0
        if any(is_number(text) and not _YEAR_OR_DATE.match(text) for text in texts[1:]):
            return count
        if row.is_split:
            wordy = sum(len(text.split()) for text in texts) > 7 * len(texts)
            count = count if wordy or index >= _MAX_HEADER_ROWS else index + 1
    bold = bool(rows) and rows[0].is_split and all(cell[0].bold for cell in rows[0].cells)
    return int(bold and len(rows) > 2)


# Paragraphs


def _paragraphs(page: PageContent, lane: Lane, rows: list[Row]) -> list[Draft]:
    drafts, group = [], [rows[0]]
    leading = _leading(rows)
    for before, row in pairwise(rows):
        if _breaks(before, row, group, lane, leading):
            drafts.append(_paragraph(page, group))
            group = [row]
        else:
            group.append(row)
    drafts.append(_paragraph(page, group))
    return drafts


def _paragraph(page: PageContent, rows: list[Row]) -> Draft:
    made = _TextMaker(page)
    for row in rows:
        for cell in row.cells:
            for piece in cell:
                made.add(piece, " ")
    kind: BlockKind = "list_item" if _LIST.match(made.text) else "paragraph"
    return _draft(kind, made, rows)


def _leading(rows: list[Row]) -> float:
    """Return the usual distance from line to line, in points."""
    steps = [lower.y1 - upper.y1 for upper, lower in pairwise(rows) if lower.y1 > upper.y1]
    size = median(row.first.size for row in rows)
    near = [step for step in steps if step < 2.6 * size]
    return min(median(near), 2.2 * size) if len(near) >= 3 else 1.35 * size


def _row_text(row: Row) -> str:
    return " ".join(piece.text for cell in row.cells for piece in cell)


def _breaks(before: Row, row: Row, group: list[Row], lane: Lane, leading: float) -> bool:
    """Whether a row begins another paragraph than the row before it."""
    if _style_differs(before.first, row.first):
        return True
    step = row.y1 - before.y1
    if step > 1.3 * max(leading, 0.9 * row.first.size) or step < -row.first.size:
        return True
    text = _row_text(row)
    if _LIST.match(text) and not (text[0].isalpha() and text[:1].islower() and text[1:2] == "."):
        return True
    ended = bool(_ENDS_SENTENCE.search(_row_text(before)))
    short = before.x1 < lane.x1 - 0.18 * (lane.x1 - lane.x0)
    if short and (ended or (text[:1].isupper() and before.first.bold)):
        return True
    em = row.first.size
    if _LIST.match(_row_text(group[0])) and row.x0 < group[0].x0 - 0.5 * em:
        return True
    indented = 0.8 * em < row.x0 - before.x0 < 5 * em and not _LIST.match(_row_text(group[0]))
    return indented and ended and text[:1].isupper()


def _style_differs(one: Piece, other: Piece) -> bool:
    if abs(one.size - other.size) > max(0.6, 0.08 * max(one.size, other.size)):
        return True
    return one.bold and not other.bold
