"""Puts blocks together into one text and counts every span on the way."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from ingestion.parsing._author import author_names
from ingestion.parsing._text import clean_text, one_line
from ingestion.parsing.document import Attachment, Block, BlockKind, Line, Page, ParsedDocument
from ingestion.parsing.errors import ParseError, Reason

# Rows of one table and items of one list stand on neighbouring lines.
_TIGHT = frozenset({"table_row", "list_item"})

MAX_TITLE = 300

Box: TypeAlias = tuple[float, float, float, float]


@dataclass(slots=True)
class _OpenPage:
    number: int
    width: float
    height: float
    label: str
    start: int | None = None
    end: int = 0
    lines: list[Line] = field(default_factory=list)

    def close(self, at: int) -> Page:
        start = at if self.start is None else self.start
        end = start if self.start is None else self.end
        return Page(self.number, self.width, self.height, start, end, self.label, tuple(self.lines))


class DocumentBuilder:
    """Collects blocks in reading order; ``finish`` returns the document."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []
        self._pages: list[Page] = []
        self._page: _OpenPage | None = None
        self.warnings: list[str] = []
        self.metadata: dict[str, str] = {}
        self.advice = "If it is a scan, upload a clearer one."  # where there is no text
        self.attachments: list[Attachment] = []

    def name_authors(self, values: Iterable[str]) -> None:
        """Keep who wrote it, by the names that stand in these values."""
        if names := author_names(values):
            self.metadata["author"] = names

    @property
    def is_empty(self) -> bool:
        """Whether no block has been added yet."""
        return not self._blocks

    def start_page(self, number: int, *, width: float = 0.0, height: float = 0.0, label: str = "") -> None:
        """Close the open page, if any; the next blocks stand on this one."""
        self._close_page()
        self._page = _OpenPage(number, width, height, one_line(label))

    def add(
        self,
        kind: BlockKind,
        text: str,
        *,
        level: int = 0,
        header: str = "",
        lines: Iterable[tuple[int, int, Box]] = (),
    ) -> None:
        """Append a block; blank text is left out. ``lines`` are spans of ``text``, which is then clean."""
        lines = tuple(lines)
        text = text if lines else clean_text(text).strip()
        if not text:
            return
        start = self._append(kind, text)
        page = self._page
        self._blocks.append(
            Block(kind, start, start + len(text), level, page.number if page else None, header)
        )
        if page:
            page.start = start if page.start is None else page.start
            page.end = start + len(text)
            page.lines.extend(Line(start + first, start + last, *box) for first, last, box in lines)

    def _append(self, kind: BlockKind, text: str) -> int:
        if self._blocks:
            last = self._blocks[-1]
            same_page = last.page == (self._page.number if self._page else None)
            glue = "\n" if kind in _TIGHT and last.kind == kind and same_page else "\n\n"
            self._parts.append(glue)
            self._length += len(glue)
        start = self._length
        self._parts.append(text)
        self._length += len(text)
        return start

    def _close_page(self) -> None:
        if self._page:
            self._pages.append(self._page.close(self._length))
            self._page = None

    def first_heading(self) -> str:
        """Return the text of the first title or heading, or an empty string."""
        for block in self._blocks:
            if block.kind in {"title", "heading"}:
                return one_line("".join(self._parts)[block.start : block.end])
        return ""

    def finish(
        self, *, name: str, title: str, media_type: str, parser: str, parser_version: str
    ) -> ParsedDocument:
        """Return the document; raises ParseError(no_text) when nothing readable was added."""
        self._close_page()
        if self.is_empty:
            raise ParseError(Reason.NO_TEXT, f"{name} holds no text that can be read. {self.advice}")
        return ParsedDocument(
            title=one_line(title)[:MAX_TITLE] or title_from_name(name),
            text="".join(self._parts),
            blocks=tuple(self._blocks),
            pages=tuple(self._pages),
            media_type=media_type,
            parser=parser,
            parser_version=parser_version,
            metadata={key: one_line(value)[:2000] for key, value in self.metadata.items()},
            warnings=tuple(self.warnings),
            attachments=tuple(self.attachments),
        )


def title_from_name(name: str) -> str:
    """Return a readable title from a file name: no folder, no extension."""
    stem = one_line(name.replace("\\", "/").rsplit("/", 1)[-1])
    return stem.rsplit(".", 1)[0].strip()[:MAX_TITLE] or stem[:MAX_TITLE] or "Untitled"
