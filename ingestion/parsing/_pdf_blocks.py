# ruff: noqa: PLR2004, RUF001 - distances, shares and counts of the page's geometry; typographic signs are what is looked for
"""Rows of one page become drafts of blocks: paragraphs, list items, table rows. No spans yet, only text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from statistics import median

from ingestion.parsing._builder import Box
from ingestion.parsing._pdf_chars import PageContent, Piece, turn_back
from ingestion.parsing._pdf_rows import Lane, Row
from ingestion.parsing._pdf_tables import row_headers
from ingestion.parsing._text import one_line
from ingestion.parsing.document import BlockKind

_LIST = re.compile(r"^(?:[•▪◦●○■□·∙*–—\uf0b7\uf0a7]|-(?=\s)|\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{2,4})[.)])\s+\S")
_LEADERS = re.compile(r"(?:\s?[.…_]){4,}")
_ENDS_SENTENCE = re.compile(r"[.!?:;][\"'”’)\]]*$")
_ASIDE = re.compile(r"^\([^()]*\)$")  # "(In millions)" below a title
_WIDE_SCRIPT = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
_SOFT_HYPHEN = re.compile("[\x02\ufffe]")  # PDFium's marks for a hyphen at the end of a line


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
    bold = all(map(_is_bold, rows))
    return Draft(kind, made.text, made.lines, first.size, bold, len(rows), rows[0].y0 / made.page.height)


# Tables


def _table(page: PageContent, rows: list[Row]) -> list[Draft]:
    drafts = []
    headers = row_headers(rows)
    for row, header in zip(rows, headers, strict=True):
        made = _TextMaker(page)
        for cell in row.cells:
            for index, piece in enumerate(cell):
                made.add(piece, " " if index else " | ")
        draft = _draft("table_row", made, [row])
        draft.header = header
        drafts.append(draft)
    return drafts


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
    step = row.y1 - before.y1
    if step > 1.3 * max(leading, 0.9 * row.first.size) or step < -row.first.size:
        return True
    text = _row_text(row)
    if _style_differs(before, row) or _begins_anew(before, row, text):
        return True
    ended = bool(_ENDS_SENTENCE.search(_row_text(before)))
    short = before.x1 < lane.x1 - 0.18 * (lane.x1 - lane.x0)
    if short and (ended or (text[:1].isupper() and before.first.bold)):
        return True
    em = row.first.size
    in_list = bool(_LIST.match(_row_text(group[0])))
    if in_list and row.x0 < group[0].x0 - 0.5 * em:
        return True
    indented = 0.8 * em < row.x0 - before.x0 < 5 * em and not in_list
    return indented and ended and text[:1].isupper()


def _begins_anew(before: Row, row: Row, text: str) -> bool:
    """Whether the words say it: a field of a form, a list item, what is added to a title in brackets."""
    if _is_field(row.first) or (_ASIDE.match(text) and before.first.bold):
        return True
    return bool(_LIST.match(text)) and not (text[0].isalpha() and text[:1].islower() and text[1:2] == ".")


def _style_differs(before: Row, row: Row) -> bool:
    one, other = before.first, row.first
    if abs(one.size - other.size) > max(0.6, 0.08 * max(one.size, other.size)):
        return True
    if _is_bold(before):
        return not other.bold
    return _is_bold(row) and not any(piece.bold for cell in before.cells for piece in cell)


def _is_bold(row: Row) -> bool:
    return all(piece.bold for cell in row.cells for piece in cell)


def _is_field(piece: Piece) -> bool:
    """Whether a row begins with a name in bold print and a colon, as in a form."""
    return piece.bold and piece.text.endswith(":")
