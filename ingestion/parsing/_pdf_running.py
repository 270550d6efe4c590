# ruff: noqa: PLR2004 - shares and counts of pages; heights in points
"""Running headers and footers: rows at the edge of many pages, and page numbers.

Rows are looked at from the edge of a page inwards, and the first one that does not repeat ends the search: a
figure of a table is never taken for a page number, however near to the edge the table stands.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ingestion.parsing._pdf_chars import PageContent, Piece
from ingestion.parsing._text import one_line

_DIGITS = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(
    r"^[\W_]*(?:page|seite|p\.|página|pagina)?[\W_]*(\d{1,4})(?:\s*(?:of|/|von|de|sur|di|van)\s*\d{1,4})?[\W_]*$",
    re.IGNORECASE,
)
_FIRST = re.compile(r"^(\d{1,4})(?=\s)")
_LAST = re.compile(r"(?<=[\s|])(\d{1,4})$")
_ROMAN = re.compile(r"^[ivxlc]{1,6}$")

_EDGE_ROWS = 4
_MARGIN = 0.15  # of the page's height
_MAX_OFFSET = 500
_MOSTLY_AT_EDGE = 0.65  # a text that stands in the middle of pages as well is a heading

Key = tuple[bool, str]


@dataclass(slots=True)
class _EdgeRow:
    """A row near an edge: the indices of its pieces, and whether it lies in the margin."""

    indices: list[int]
    in_margin: bool
    y0: float
    y1: float


@dataclass(slots=True)
class RunningLines:
    """What repeats in a document: ``pages`` holds, by page, the indices of the pieces to leave out."""

    pages: list[set[int]] = field(default_factory=list)
    first_seen: dict[str, str] = field(default_factory=dict)  # folded text: as first printed


def find_running_lines(contents: Sequence[PageContent]) -> RunningLines:
    """Return the running lines of a document's pages.

    A running header stays in the text where it stands first: often it is a title, a version or a file number
    that is nowhere else in the document. Page numbers never stay.
    """
    edges = [(_edge_rows(page, top=True), _edge_rows(page, top=False)) for page in contents]
    repeated = _repeated(contents, edges)
    offsets = _offsets(contents, edges)
    found = RunningLines()
    for number, (page, sides) in enumerate(zip(contents, edges, strict=True), 1):
        out: set[int] = set()
        for is_top, rows in zip((True, False), sides, strict=True):
            for depth, row in enumerate(rows):
                pieces = [page.pieces[index] for index in row.indices]
                keys = [(is_top, fold_running(piece.text)) for piece in pieces]
                kinds = [
                    _kind(piece, number, offsets, repeated.get(key))
                    for piece, key in zip(pieces, keys, strict=True)
                ]
                if not _is_running(kinds, row, outermost=depth == 0):
                    break
                out |= _leave_out(page, row, kinds, found.first_seen, is_top=is_top)
        found.pages.append(out)
    return found


def _edge_rows(page: PageContent, *, top: bool) -> list[_EdgeRow]:
    """Return the outermost rows of one edge, from the edge inwards; sideways text is no row."""
    order = sorted(
        (index for index, piece in enumerate(page.pieces) if not piece.sideways),
        key=lambda index: page.pieces[index].y0 if top else -page.pieces[index].y1,
    )
    rows: list[_EdgeRow] = []
    for index in order:
        piece = page.pieces[index]
        last = rows[-1] if rows else None
        if last and min(last.y1, piece.y1) - max(last.y0, piece.y0) > 0.5 * (piece.y1 - piece.y0):
            last.indices.append(index)
            continue
        if len(rows) == _EDGE_ROWS:
            break
        outer = piece.y1 if top else page.height - piece.y0
        rows.append(_EdgeRow([index], outer < _MARGIN * page.height, piece.y0, piece.y1))
    return rows


Edges = Sequence[tuple[list[_EdgeRow], list[_EdgeRow]]]


def _repeated(contents: Sequence[PageContent], edges: Edges) -> dict[Key, bool]:
    """Return the texts that stand at the same edge of several pages, and whether often and in the margin."""
    outer: Counter[Key] = Counter()
    inner: Counter[Key] = Counter()
    for page, sides in zip(contents, edges, strict=True):
        seen: dict[Key, bool] = {}
        for is_top, rows in zip((True, False), sides, strict=True):
            for row in rows:
                for index in row.indices:
                    key = (is_top, fold_running(page.pieces[index].text))
                    if any(char.isalpha() for char in key[1]):
                        seen[key] = seen.get(key, False) or row.in_margin
        outer.update(key for key, in_margin in seen.items() if in_margin)
        inner.update(seen.keys())
    count = len(contents)
    some = {key: times for key, times in inner.items() if times >= 2}
    everywhere = (
        Counter(fold_running(piece.text) for page in contents for piece in page.pieces) if some else {}
    )
    return {
        key: outer[key] >= max(3, 0.3 * count)
        for key, times in some.items()
        if times >= _MOSTLY_AT_EDGE * everywhere[key[1]]
    }


def _offsets(contents: Sequence[PageContent], edges: Edges) -> set[int]:
    """Return by how much printed page numbers differ from the count of pages: on at least two pages alike."""
    seen: Counter[int] = Counter()
    for number, (page, sides) in enumerate(zip(contents, edges, strict=True), 1):
        seen.update(set(_possible_offsets(page, number, [row for rows in sides for row in rows])))
    return {offset for offset, times in seen.items() if times >= max(2, 0.2 * len(contents))}


def _possible_offsets(page: PageContent, number: int, rows: list[_EdgeRow]) -> Iterator[int]:
    for row in rows:
        for index in row.indices:
            for printed in _numbers_at_ends(page.pieces[index].text):
                if abs(printed - number) <= _MAX_OFFSET:
                    yield printed - number


def printed_number(text: str) -> int | None:
    """Return the page number that a piece of text is, if it is one and nothing else."""
    match = _PAGE_NUMBER.match(one_line(text))
    return int(match.group(1)) if match else None


def _numbers_at_ends(text: str) -> list[int]:
    """Return the numbers that a piece of text is, begins with or ends with ("Form 10-Q | 4")."""
    alone = printed_number(text)
    if alone is not None:
        return [alone]
    return [int(found.group(1)) for found in (_FIRST.match(text), _LAST.search(text)) if found]


def fold_running(text: str) -> str:
    """Return the text with figures as ``#``: page numbers differ, the rest of a footer does not."""
    return _DIGITS.sub("#", one_line(text).lower())


# What a piece in an edge row is.
_TEXT, _OFTEN, _SOMETIMES, _NUMBER, _MAYBE_NUMBER = range(5)


def _kind(piece: Piece, number: int, offsets: set[int], often: bool | None) -> int:  # noqa: FBT001 - a fact, not a switch
    printed = printed_number(piece.text)
    if printed is not None:
        return _NUMBER if printed - number in offsets else _MAYBE_NUMBER
    if _ROMAN.match(fold_running(piece.text)):
        return _MAYBE_NUMBER
    if often is None:
        return _TEXT
    bears_number = any(found - number in offsets for found in _numbers_at_ends(piece.text))
    return _OFTEN if often or bears_number else _SOMETIMES


def _is_running(kinds: list[int], row: _EdgeRow, *, outermost: bool) -> bool:
    """Whether a row runs through the pages: it repeats, or bears the page's number.

    Beside the page's number and a text that repeats, the outermost row may name the chapter. A number that
    does not fit the count (a section's own, the first page's) must stand alone in the margin.
    """
    if kinds.count(_NUMBER) == 1 and _MAYBE_NUMBER not in kinds:
        return (
            len(kinds) == 1
            or (_TEXT not in kinds)
            or (outermost and len(set(kinds) & {_OFTEN, _SOMETIMES}) > 0)
        )
    if _TEXT in kinds:
        return False
    if _MAYBE_NUMBER in kinds:
        return row.in_margin and kinds.count(_MAYBE_NUMBER) == 1 and (len(kinds) == 1 or _OFTEN in kinds)
    return _OFTEN in kinds


def _leave_out(
    page: PageContent, row: _EdgeRow, kinds: list[int], first_seen: dict[str, str], *, is_top: bool
) -> set[int]:
    """Return which pieces of a running row to leave out, and note its texts in ``first_seen``."""
    out = set()
    for index, kind in zip(row.indices, kinds, strict=True):
        text = one_line(page.pieces[index].text)
        folded = fold_running(text)
        is_text = kind in {_TEXT, _OFTEN, _SOMETIMES}
        if not (is_text and is_top and folded not in first_seen):
            out.add(index)
        if is_text:
            first_seen.setdefault(folded, text)
    return out
