"""What the viewer shows of a version: its pages with the boxes of a passage, or its text in blocks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import F
from django.db.models.functions import Substr

from retrieval.models import DocumentText, DocumentVersion, Page

PAGES_SHOWN = 12
CHARACTERS_SHOWN = 40_000
_GROUPED = {"table_row": "table", "list_item": "list"}
_CELL_GLUE = " | "


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` up to `end` of a version's stored text."""

    start: int
    end: int

    def meets(self, start: int, end: int) -> bool:
        return self.start < end and start < self.end


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page, in points from the top left."""

    x: float
    y: float
    width: float
    height: float

    def joined(self, other: "Box") -> "Box":
        x, y = min(self.x, other.x), min(self.y, other.y)
        right = max(self.x + self.width, other.x + other.width)
        bottom = max(self.y + self.height, other.y + other.height)
        return Box(x, y, right - x, bottom - y)

    def grown(self, by: float) -> "Box":
        return Box(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)


@dataclass(frozen=True, slots=True)
class PageView:
    """A page to show; `lines` are the boxes of the passage's lines, `frames` go around each run of them."""

    number: int
    label: str
    width: float
    height: float
    lines: tuple[Box, ...]
    frames: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class PageWindow:
    """Some pages of a document and where they stand in it."""

    pages: tuple[PageView, ...]
    total: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Part:
    text: str
    marked: bool
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """One block of text, cut where the passage begins and ends. `cells` only for rows of tables."""

    kind: str
    level: int
    parts: tuple[Part, ...]
    cells: tuple[tuple[Part, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring blocks that are shown as one: a table, a list, or a single block; `page` begins there."""

    kind: str
    blocks: tuple[Block, ...]
    page: str = ""


@dataclass(frozen=True, slots=True)
class TextWindow:
    """A part of a long text; `earlier` and `later` are positions to go on from, None at the ends."""

    groups: tuple[Group, ...]
    earlier: int | None
    later: int | None


def has_page_images(version: DocumentVersion) -> bool:
    """Return whether the pages of a version can be shown as images."""
    drawn = version.media_type == "application/pdf" or version.media_type.startswith("image/")
    return drawn and version.page_count > 0


def page_at(*, version: DocumentVersion, position: int) -> int:
    """Return the number of the page on which a character stands, 1 where pages are not known."""
    found = (
        version.pages.filter(start__lte=position)
        .order_by("-start", "-number")
        .values_list("number", flat=True)
    )
    return found.first() or 1


def passage_text(*, version: DocumentVersion, passage: Span) -> str:
    """Return the text of a passage, at most 4,000 characters of it; empty where there is none."""
    length = min(passage.end - passage.start, 4000)
    part = DocumentText.objects.filter(version=version).annotate(
        part=Substr("text", passage.start + 1, length)
    )
    return part.values_list("part", flat=True).first() or ""


def page_window(*, version: DocumentVersion, around: int, passage: Span | None) -> PageWindow:
    """Return up to PAGES_SHOWN pages with `around` among the first of them."""
    total = version.page_count
    first = max(1, min(around - 1, total - PAGES_SHOWN + 1))
    rows = version.pages.filter(number__gte=first, number__lt=first + PAGES_SHOWN).order_by("number")
    pages = tuple(_page_view(row, passage) for row in rows)
    return PageWindow(pages, total, first, first + len(pages) - 1)


def _page_view(page: Page, passage: Span | None) -> PageView:
    width, height = page.width or 595.0, page.height or 842.0
    lines = tuple(_line_boxes(page.lines, passage, width, height)) if passage else ()
    return PageView(page.number, page.label, width, height, lines, tuple(_frames(lines)))


def _line_boxes(
    lines: Iterable[Sequence[float]], passage: Span, width: float, height: float
) -> Iterator[Box]:
    """Yield the box of each line of the passage; a line that is only partly in it is cut in proportion."""
    for start, end, x0, y0, x1, y1 in lines:
        if not passage.meets(int(start), int(end)):
            continue
        length = max(end - start, 1)
        left = x0 + (x1 - x0) * (max(passage.start, start) - start) / length
        right = x0 + (x1 - x0) * (min(passage.end, end) - start) / length
        yield Box(left * width, y0 * height, (right - left) * width, (y1 - y0) * height)


def _frames(lines: Sequence[Box]) -> Iterator[Box]:
    """Yield one box around each run of lines that follow closely under each other: a column or paragraph."""
    current: Box | None = None
    for line in lines:
        if current is not None and _follows(current, line):
            current = current.joined(line)
            continue
        if current is not None:
            yield current.grown(3)
        current = line
    if current is not None:
        yield current.grown(3)


def _follows(above: Box, line: Box) -> bool:
    gap = line.y - (above.y + above.height)
    overlaps = line.x < above.x + above.width + line.height and above.x < line.x + line.width + line.height
    return overlaps and -above.height <= gap <= 2 * line.height


def text_window(*, version: DocumentVersion, around: int, passage: Span | None) -> TextWindow:
    """Return the blocks of about CHARACTERS_SHOWN characters, from a little before `around` on."""
    stored = DocumentText.objects.filter(version=version).first()
    if stored is None:
        return TextWindow((), None, None)
    rows = [_Row(*row) for row in stored.blocks]
    first = _first_shown(rows, around)
    shown = _within(rows[first:], CHARACTERS_SHOWN)
    later = first + len(shown)
    pages = version.pages.filter(end__gt=F("start")).order_by("-number")
    names = {page.start: page.label or f"Page {page.number}" for page in pages} if len(pages) > 1 else {}
    return TextWindow(
        groups=tuple(_groups(stored.text, shown, passage, names)),
        earlier=max(0, rows[first].start - CHARACTERS_SHOWN) if first else None,
        later=rows[later].start if later < len(rows) else None,
    )


class _Row(NamedTuple):
    kind: str
    start: int
    end: int
    level: int

    @property
    def length(self) -> int:
        return self.end - self.start


def _first_shown(rows: Sequence[_Row], around: int) -> int:
    """Return the index of the first block to show: where `around` stands, with some context before it."""
    first = next((index for index, row in enumerate(rows) if row.end > around), max(len(rows) - 1, 0))
    budget = CHARACTERS_SHOWN // 5
    while first > 0 and around and (budget := budget - rows[first - 1].length) > 0:
        first -= 1
    return first


def _within(rows: Sequence[_Row], budget: int) -> Sequence[_Row]:
    for count, row in enumerate(rows, start=1):
        budget -= row.length
        if budget <= 0:
            return rows[:count]
    return rows


def _groups(text: str, rows: Sequence[_Row], passage: Span | None, pages: dict[int, str]) -> Iterator[Group]:
    """Yield blocks, with rows of one table and items of one list together; a new page begins a new group."""
    marker = _Marker(text, passage)
    members: list[_Row] = []
    for row in rows:
        joins = bool(members) and members[-1].kind == row.kind and row.kind in _GROUPED
        if members and (not joins or row.start in pages):
            yield _group(marker, members, pages)
            members = []
        members.append(row)
    if members:
        yield _group(marker, members, pages)


def _group(marker: "_Marker", rows: Sequence[_Row], pages: dict[int, str]) -> Group:
    kind = _GROUPED.get(rows[0].kind, rows[0].kind)
    return Group(kind, tuple(marker.block(row) for row in rows), pages.get(rows[0].start, ""))


class _Marker:
    """Cuts text where the passage begins and ends; the first marked part is where the viewer scrolls to."""

    def __init__(self, text: str, passage: Span | None) -> None:
        self._text = text
        self._passage = passage
        self._found = False

    def block(self, row: _Row) -> Block:
        cells = self._cells(row) if row.kind == "table_row" else ()
        parts = () if cells else self._parts(row.start, row.end)
        return Block(row.kind, row.level, parts, cells)

    def _cells(self, row: _Row) -> tuple[tuple[Part, ...], ...]:
        cells, start = [], row.start
        for cell in self._text[row.start : row.end].split(_CELL_GLUE):
            cells.append(self._parts(start, start + len(cell)))
            start += len(cell) + len(_CELL_GLUE)
        return tuple(cells)

    def _parts(self, start: int, end: int) -> tuple[Part, ...]:
        if self._passage is None or not self._passage.meets(start, end):
            return (Part(self._text[start:end], marked=False),)
        left, right = max(start, self._passage.start), min(end, self._passage.end)
        parts = (
            Part(self._text[start:left], marked=False),
            Part(self._text[left:right], marked=True, is_first=not self._found),
            Part(self._text[right:end], marked=False),
        )
        self._found = True
        return tuple(part for part in parts if part.text)
