"""A document becomes chunks: spans of its text, each small enough for the embedding model with its context.

Sections come first, then paragraphs, sentences only where a paragraph is too long, and a cut inside a word
only where nothing else fits. A line is no chunk by itself where there is a text beside it. Nothing is left
out: every character that is not white space is in some chunk.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from ingestion._sections import Atom, Section, read_sections
from ingestion.parsing.document import ParsedDocument
from llm.sentences import sentence_spans

_LONGEST_NAME = 80
_NAME_WORD = re.compile(r"[^\W_]+")

TokenSpans = Callable[[str], list[tuple[int, int]]]

MIN_TOKENS = 16
SPECIAL_TOKENS = 2  # at the start and the end of what the model reads
_TARGET = 200  # tokens up to which small neighbours are merged
_TINY = 40  # a section (or the rest of one) below this joins its neighbour
_CONTEXT_SHARE = 0.25  # of the budget
_TABLE_CONTEXT_SHARE = 0.4  # a figure without the names of its columns is worth nothing
_OVERLAP_SHARE = 5  # a sentence is repeated when it takes at most a fifth of the budget


@dataclass(frozen=True, slots=True)
class Chunk:
    """A span of a document's text: ``document.text[start:end] == text``.

    ``context`` (file name, document title, headings and table headers that are not in ``text`` itself) goes
    before the text, on a line of its own, for embedding and BM25. ``tokens`` counts context and text
    together, without special tokens. ``page`` and ``last_page`` are the first and last page,
    None where there are none.
    """

    ordinal: int
    start: int
    end: int
    text: str
    heading_path: tuple[str, ...]
    page: int | None
    last_page: int | None
    tokens: int
    context: str


def split_into_chunks(
    document: ParsedDocument, *, token_spans: TokenSpans, max_tokens: int, name: str = ""
) -> list[Chunk]:
    """Return the chunks of a document in reading order.

    ``name`` is that of the file: what it says beyond the title is context too. ``token_spans`` gives the
    span of every model token of a text, without special tokens; context, text and two special tokens
    together never exceed ``max_tokens``. Raises ValueError for ``max_tokens`` below 16.
    """
    if max_tokens < MIN_TOKENS:
        raise ValueError(f"max_tokens must be at least {MIN_TOKENS}, not {max_tokens}")
    splitter = _Splitter(document, token_spans, max_tokens, _telling(name, document.title))
    ranges = _merge_tiny(list(splitter.ranges(read_sections(document))), splitter)
    chunks = [chunk for part in ranges for chunk in splitter.chunks(part)]
    return [replace(chunk, ordinal=ordinal) for ordinal, chunk in enumerate(chunks)]


@dataclass(frozen=True, slots=True)
class _Range:
    """A part of one section (or of tiny siblings) that becomes a chunk."""

    start: int
    end: int
    path: tuple[str, ...]
    zone: int
    headers: tuple[str, ...]  # of the tables in it
    is_section: bool  # the whole of its section


class _Splitter:
    """Cuts the text of one document; tokens are counted by bisection in one list for the whole text."""

    def __init__(self, document: ParsedDocument, token_spans: TokenSpans, max_tokens: int, name: str) -> None:
        self._text = document.text
        self._titles = (name, document.title) if name else (document.title,)
        self._pages = [(block.start, block.page) for block in document.blocks if block.page is not None]
        self._page_starts = [start for start, _ in self._pages]
        self._token_spans = token_spans
        self._max = max_tokens - SPECIAL_TOKENS
        self._starts = [start for start, _ in token_spans(self._text)]
        self._contexts: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[str, int]] = {}

    def count(self, start: int, end: int) -> int:
        """Return how many tokens of the whole text begin in a span."""
        return bisect_left(self._starts, end) - bisect_left(self._starts, start)

    # Sections become ranges.

    def ranges(self, sections: list[Section]) -> Iterator[_Range]:
        for section in sections:
            cuts = list(self._pack(section))
            for start, end, headers in cuts:
                yield _Range(start, end, section.path, section.zone, headers, len(cuts) == 1)

    def _pack(self, section: Section) -> Iterator[tuple[int, int, tuple[str, ...]]]:
        """Yield (start, end, headers of the tables in it) of the parts of one section."""
        start, end = -1, -1
        headers: tuple[str, ...] = ()
        for atom in section.atoms:
            with_atom = _with_header(headers, atom)
            if start >= 0 and self._takes(section, start, end, atom, with_atom):
                end, headers = atom.end, with_atom
            else:
                if start >= 0:
                    yield from self._sized(start, end, section, headers)
                start, end, headers = atom.start, atom.end, _with_header((), atom)
        yield from self._sized(start, end, section, headers)

    def _takes(self, section: Section, start: int, end: int, atom: Atom, headers: tuple[str, ...]) -> bool:
        """Whether an atom joins the part from ``start`` to ``end``, if only to be cut together with it."""
        if start == section.atoms[0].start and atom.start <= section.body_start:
            return True  # nothing but headings stands before: they stay with the text below them
        if self.count(start, end) < _TINY:
            return True  # a line, such as the title of a plain text, says little by itself
        if self.count(atom.start, section.atoms[-1].end) < _TINY:
            return True  # so does the rest of a section
        return self.count(start, atom.end) <= min(self._room(section.path, headers), _TARGET)

    def _sized(
        self, start: int, end: int, section: Section, headers: tuple[str, ...]
    ) -> Iterator[tuple[int, int, tuple[str, ...]]]:
        room = self._room(section.path, headers)
        if self.count(start, end) <= room:
            yield start, end, headers
            return
        for first, last in self._by_sentences(start, end, room):
            yield first, last, headers

    def _by_sentences(self, start: int, end: int, room: int) -> Iterator[tuple[int, int]]:
        """Yield spans that fit, cut between sentences; neighbours share a sentence where it is short."""
        first = last = start
        before = start  # where the last sentence of the open part begins
        aim = self._aim(start, end, room)
        for begin, stop in self._sentences(start, end):
            is_past = last > first and self.count(first, begin) + self.count(first, stop) > 2 * aim
            if self.count(first, stop) <= room and not is_past:
                before, last = begin, stop
                continue
            if last > first:
                yield first, last
            overlaps = before > first and self.count(before, last) * _OVERLAP_SHARE <= room
            first = before if overlaps and self.count(before, stop) <= room else begin
            aim = self._aim(first, end, room)
            if self.count(first, stop) > room:
                *whole, (first, stop_) = self._by_tokens(first, stop, room)
                yield from whole
                last, before = stop_, first
                continue
            before, last = begin, stop
        if last > first:
            yield first, last

    def _aim(self, start: int, end: int, room: int) -> float:
        """Return how many tokens a part should have: half of the rest where a tiny one would be left over."""
        rest = self.count(start, end)
        return rest / 2 if room < rest < room + _TINY else room

    def _sentences(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the sentences of a span, each with the white space after it; lines of code are sentences."""
        for line in re.finditer(r"[^\n]*\n*", self._text[start:end]):
            cuts = [first for first, _ in sentence_spans(line.group())[1:]]
            for first, last in pairwise([0, *cuts, len(line.group())]):
                if last > first:
                    yield start + line.start() + first, start + line.start() + last

    def _by_tokens(self, start: int, end: int, room: int) -> Iterator[tuple[int, int]]:
        """Yield spans of at most ``room`` tokens, cut at a blank where there is one in the last half."""
        while self.count(start, end) > room:
            index = bisect_left(self._starts, start)
            cut = self._starts[index + room]
            blank = max(self._text.rfind(" ", start, cut + 1), self._text.rfind("\n", start, cut + 1))
            half = self._starts[index + room // 2]
            if blank > half:
                cut = blank + 1
            yield start, cut
            start = cut
        yield start, end

    # Ranges become chunks.

    def chunks(self, part: _Range) -> Iterator[Chunk]:
        """Yield the chunk of a range; several where the joined text has more tokens than was counted."""
        start, end = self._stripped(part.start, part.end)
        if start >= end:
            return
        text = self._text[start:end]
        context = self._context(part, text)
        joined = f"{context}\n{text}" if context else text
        tokens = len(self._token_spans(joined))
        if tokens > self._max and context and end - start == 1:
            context, tokens = "", len(self._token_spans(text))
        if tokens > self._max and end - start > 1:
            middle = self._middle(start, end)
            yield from self.chunks(replace(part, start=start, end=middle))
            yield from self.chunks(replace(part, start=middle, end=end))
            return
        yield Chunk(0, start, end, text, part.path, self._page(start), self._page(end - 1), tokens, context)

    def _stripped(self, start: int, end: int) -> tuple[int, int]:
        text = self._text[start:end]
        return start + len(text) - len(text.lstrip()), end - (len(text) - len(text.rstrip()))

    def _middle(self, start: int, end: int) -> int:
        """Return where to cut a span in two: between lines where it has some, so that rows stay whole."""
        half = (start + end) // 2
        lines = [
            match.end() for match in re.finditer(r"\n+", self._text[start:end]) if match.end() < end - start
        ]
        if lines:
            return start + min(lines, key=lambda cut: abs(start + cut - half))
        first, last = bisect_left(self._starts, start), bisect_left(self._starts, end)
        middle = self._starts[(first + last) // 2] if last - first > 1 else 0
        return middle if start < middle < end else half

    def _page(self, position: int) -> int | None:
        index = bisect_left(self._page_starts, position + 1) - 1
        return self._pages[index][1] if index >= 0 else None

    # Contexts

    def _room(self, path: tuple[str, ...], headers: tuple[str, ...]) -> int:
        """Return the tokens that are left for text beside the context."""
        return self._max - self._fitted((*self._titles, *path), tuple(_parts(headers)))[1]

    def _context(self, part: _Range, text: str) -> str:
        """Return what a reader of the chunk alone would miss: title, headings and headers not in it."""
        inside = text[:600]
        path = tuple(heading for heading in (*self._titles, *part.path) if heading not in inside)
        return self._fitted(path, tuple(name for name in _parts(part.headers) if name not in text))[0]

    def _fitted(self, path: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, int]:
        """Return the context of a title with headings and the names of columns, cut, and its tokens."""
        key = (path, names)
        if key not in self._contexts:
            self._contexts[key] = self._fit(path, "\n".join(names))
        return self._contexts[key]

    def _fit(self, path: tuple[str, ...], names: str) -> tuple[str, int]:
        most = int(self._max * (_TABLE_CONTEXT_SHARE if names else _CONTEXT_SHARE))
        text = ""
        for kept in (path, dict.fromkeys((*path[:1], *path[-1:])), path[-1:], ()):
            line = " > ".join(part for part in kept if part)
            text = "\n".join(part for part in (line, names) if part) or text
            spans = self._token_spans(text)
            if len(spans) <= most:
                return text, len(spans)
        kept_tokens = most
        while len(spans) > most:  # a cut inside a word may make more tokens of the rest
            text = text[: spans[kept_tokens][0]].rstrip() if kept_tokens > 0 else ""
            spans = self._token_spans(text)
            kept_tokens = min(kept_tokens, len(spans)) - 1
        return text, len(spans)


def _telling(name: str, title: str) -> str:
    """Return a file's name without its ending, or nothing where that is a single word or says no more.

    People put into names what documents leave out: which quarter of which company, which version.
    """
    stem = name.rsplit(".", 1)[0][-_LONGEST_NAME:].strip()
    words = _NAME_WORD.findall(stem.casefold())
    return stem if len(words) > 1 and not set(words) <= set(_NAME_WORD.findall(title.casefold())) else ""


def _with_header(headers: tuple[str, ...], atom: Atom) -> tuple[str, ...]:
    """Add the header of another table; of one table, the first row's header says what stands before it."""
    names = {header.split(" / ")[0] for header in headers}
    return headers if not atom.header or atom.header.split(" / ")[0] in names else (*headers, atom.header)


def _parts(headers: tuple[str, ...]) -> list[str]:
    """Return the different parts of some headers: names of columns, labels of groups, captions."""
    return list(dict.fromkeys(part for header in headers for part in header.split(" / ")))


def _merge_tiny(parts: list[_Range], splitter: _Splitter) -> list[_Range]:
    """Join a section below the tiny size with its next sibling or child, under the path they share."""
    merged: list[_Range] = []
    for part in parts:
        last = merged[-1] if merged else None
        if (
            last
            and _is_tiny(last, splitter)
            and _are_near(last, part)
            and splitter.count(last.start, part.end) <= _TARGET
        ):
            path = _shared(last.path, part.path) or last.path
            headers = tuple(dict.fromkeys(last.headers + part.headers))
            merged[-1] = _Range(last.start, part.end, path, part.zone, headers, part.is_section)
        else:
            merged.append(part)
    return merged


def _is_tiny(part: _Range, splitter: _Splitter) -> bool:
    return part.is_section and splitter.count(part.start, part.end) < _TINY


def _are_near(one: _Range, other: _Range) -> bool:
    return (
        one.zone == other.zone
        and other.is_section
        and (one.path[:-1] == other.path[:-1] or other.path[: len(one.path)] == one.path)
    )


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    length = 0
    while length < min(len(one), len(other)) and one[length] == other[length]:
        length += 1
    return one[:length]
