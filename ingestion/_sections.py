"""A document's blocks as sections: what stands under one heading, on one slide or on one sheet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ingestion.parsing.document import Block, ParsedDocument

_MAX_HEADING = 200


@dataclass(frozen=True, slots=True)
class Atom:
    """The smallest part that is only cut when it is too long by itself: a paragraph, a table row."""

    start: int
    end: int
    is_heading: bool
    header: str


@dataclass(slots=True)
class Section:
    """A run of atoms under one heading path. ``zone`` changes from slide to slide and sheet to sheet."""

    path: tuple[str, ...]
    zone: int
    atoms: list[Atom] = field(default_factory=list)

    @property
    def body_start(self) -> int:
        """Where the first part that is no heading begins; the end where there is none."""
        return next((atom.start for atom in self.atoms if not atom.is_heading), self.atoms[-1].end)


def read_sections(document: ParsedDocument) -> list[Section]:
    """Return sections that together hold every block, and any text that stands outside of blocks."""
    zones = _zones(document)
    stack: list[tuple[int, str]] = []
    sections: list[Section] = []
    for block in _whole(document):
        zone = zones.get(block.page, 0)
        is_heading = block.kind in {"heading", "title"}
        if sections and zone != sections[-1].zone:
            stack = []
        if is_heading:
            level = block.level if block.kind == "heading" else 0
            stack = [entry for entry in stack if entry[0] < level]
            if block.kind == "heading":
                stack.append((level, _shown(document.text[block.start : block.end])))
        path = tuple(text for _, text in stack)
        if not sections or zone != sections[-1].zone or (is_heading and not _waits(sections[-1], path)):
            sections.append(Section(path, zone))
        sections[-1].path = path
        sections[-1].atoms.append(Atom(block.start, block.end, is_heading, block.header))
    return sections


def _waits(section: Section, path: tuple[str, ...]) -> bool:
    """Whether a section has only headings so far, and the new one is below them: they share its text."""
    return all(atom.is_heading for atom in section.atoms) and path[: len(section.path)] == section.path


def _shown(text: str) -> str:
    return " ".join(text.split())[:_MAX_HEADING]


def _zones(document: ParsedDocument) -> dict[int | None, int]:
    """Return a zone for every page: labelled pages (slides, sheets) stand alone, printed pages run on."""
    return {page.number: page.number for page in document.pages if page.label}


def _whole(document: ParsedDocument) -> Iterator[Block]:
    """Yield the blocks in order without overlaps, and blocks for text that stands between them."""
    at, page = 0, None
    for block in sorted(document.blocks, key=lambda block: (block.start, block.end)):
        page = block.page
        start, end = max(at, block.start), min(block.end, len(document.text))
        if document.text[at:start].strip():
            yield Block("paragraph", at, start, 0, page, "")
        if document.text[start:end].strip():
            yield Block(block.kind, start, end, block.level, block.page, block.header)
        at = max(at, end)
    if document.text[at:].strip():
        yield Block("paragraph", at, len(document.text), 0, page, "")
