"""What a parser hands over: text, and where each part of it stands.

Every span counts characters of ``ParsedDocument.text``. Boxes are fractions (0 to 1) of the page as it
is shown, origin at the top left. The classes survive a JSON round trip, for they cross a process boundary.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

BlockKind = Literal["title", "heading", "paragraph", "list_item", "table_row", "code", "footnote", "caption"]


@dataclass(frozen=True, slots=True)
class Line:
    """A piece of one printed line: its characters and its box."""

    start: int
    end: int
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Page:
    """A page, slide or sheet. ``width`` and ``height`` are points, 0 where unknown; ``number`` is from 1."""

    number: int
    width: float
    height: float
    start: int
    end: int
    label: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, heading, list item or table row. ``level`` is 1 to 6 for headings, otherwise 0.

    ``header`` is the text of the table's header row, for table rows that have one.
    """

    kind: BlockKind
    start: int
    end: int
    level: int
    page: int | None
    header: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside of a file: an entry of an archive, an attachment of a mail.

    ``name`` is for people and may hold slashes; ``file`` is what the parser called the bytes in its folder.
    """

    name: str
    file: str
    size: int


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A whole document. Blocks are in reading order and do not overlap."""

    title: str
    text: str
    blocks: tuple[Block, ...]
    pages: tuple[Page, ...]
    media_type: str
    parser: str
    parser_version: str
    metadata: dict[str, str]
    warnings: tuple[str, ...]
    attachments: tuple[Attachment, ...] = ()

    def to_json(self) -> str:
        """Return the document as one compact JSON object; ``from_json`` gives an equal document back."""
        return json.dumps(
            {
                "title": self.title,
                "text": self.text,
                "blocks": [_block_row(block) for block in self.blocks],
                "pages": [_page_row(page) for page in self.pages],
                "media_type": self.media_type,
                "parser": self.parser,
                "parser_version": self.parser_version,
                "metadata": self.metadata,
                "warnings": self.warnings,
                "attachments": [(one.name, one.file, one.size) for one in self.attachments],
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, data: str | bytes) -> ParsedDocument:
        """Read what ``to_json`` wrote; raises ValueError, KeyError or TypeError on anything else."""
        raw: dict[str, Any] = json.loads(data)
        return cls(
            title=raw["title"],
            text=raw["text"],
            blocks=tuple(Block(*row) for row in raw["blocks"]),
            pages=tuple(_page_from_row(row) for row in raw["pages"]),
            media_type=raw["media_type"],
            parser=raw["parser"],
            parser_version=raw["parser_version"],
            metadata=dict(raw["metadata"]),
            warnings=tuple(raw["warnings"]),
            attachments=tuple(Attachment(*row) for row in raw["attachments"]),
        )


def _block_row(block: Block) -> tuple[Any, ...]:
    return (block.kind, block.start, block.end, block.level, block.page, block.header)


def _page_row(page: Page) -> list[Any]:
    lines = [_line_row(line) for line in page.lines]
    return [page.number, page.width, page.height, page.start, page.end, page.label, lines]


def _line_row(line: Line) -> tuple[int, int, float, float, float, float]:
    """Return the line as a plain tuple (``dataclasses.astuple`` copies deeply and is ten times slower)."""
    return (line.start, line.end, line.x0, line.y0, line.x1, line.y1)


def _page_from_row(row: list[Any]) -> Page:
    number, width, height, start, end, label, lines = row
    return Page(number, width, height, start, end, label, tuple(Line(*line) for line in lines))
