"""Plain text and Markdown, read directly: ``unstructured`` guesses titles from short lines and drops the
levels of headings and the fences of code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ingestion.parsing import detect
from ingestion.parsing._builder import DocumentBuilder
from ingestion.parsing._decode import read_text
from ingestion.parsing._markup import join_cells
from ingestion.parsing._text import clean_text, one_line, tidy_lines
from llm.sentences import is_heading

if TYPE_CHECKING:
    from pathlib import Path

    from ingestion.parsing.document import ParsedDocument
    from ingestion.parsing.limits import Limits
    from ingestion.parsing.parsers import Progress

_BLANK_LINE = re.compile(r"\n\s*\n")
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n(?:---|\.\.\.)\n", re.DOTALL)
_AUTHOR = re.compile(r"^author:[ \t]*[\"']?(.+?)[\"']?[ \t]*$", re.IGNORECASE | re.MULTILINE)
_FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
_ATX = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)\s*#*$")
_SETEXT = re.compile(r"^ {0,3}(=+|-{2,})\s*$")
_ITEM = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+\S")
_RULE = re.compile(r"^ {0,3}(?:[-*_]\s*){3,}$")
_DELIMITER_ROW = re.compile(r"^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")
_IMAGE_OR_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*(?:\s+\"[^\"]*\")?\)")
_EMPHASIS = re.compile(r"(?<![\w*])(\*\*\*|\*\*|\*|__|_)(?=\S)(.+?)(?<=\S)\1(?![\w*])")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>|<!--.*?-->", re.DOTALL)


class PlainParser:
    """Paragraphs are what blank lines separate; Markdown has headings, lists, tables and code as well.

    A plain text has its first line for a title, where that reads like one.
    """

    name = "plain"
    version = "3"
    media_types = frozenset({detect.TEXT, detect.MARKDOWN})

    def parse(
        self, path: Path, *, name: str, media_type: str, limits: Limits, on_progress: Progress
    ) -> ParsedDocument:
        """Return the document; raises ParseError (too_large or no_text)."""
        text = clean_text(read_text(path, name=name, limits=limits))
        builder = DocumentBuilder()
        if media_type == detect.MARKDOWN:
            _Markdown(builder).read(text)
            title = builder.first_heading()
        else:
            add_plain(builder, text)
            title = _title_of(text)
        on_progress(1, 1)
        return builder.finish(
            name=name, title=title, media_type=media_type, parser=self.name, parser_version=self.version
        )


def _title_of(text: str) -> str:
    """Return the line that stands alone before a text, where it reads like a heading; else nothing."""
    line, *rest = _BLANK_LINE.split(text.strip(), maxsplit=1)
    is_title = rest and is_heading(line) and not line.endswith(",") and any(map(str.isalpha, line))
    return line if is_title else ""


def add_plain(builder: DocumentBuilder, text: str) -> None:
    """Add paragraphs and list items; line breaks inside them stay."""
    for part in _BLANK_LINE.split(clean_text(text)):
        lines = tidy_lines(part).split("\n")
        if len(lines) > 1 and all(_ITEM.match(line) for line in lines):
            for line in lines:
                builder.add("list_item", line)
        else:
            builder.add("paragraph", "\n".join(lines))


class _Markdown:
    """Reads Markdown line by line; what it does not know stays text."""

    def __init__(self, builder: DocumentBuilder) -> None:
        self._builder = builder
        self._open: list[str] = []
        self._fence = ""
        self._header: str | None = None

    def read(self, text: str) -> None:
        text = text.lstrip("\n")
        if front := _FRONT_MATTER.match(text):
            self._builder.name_authors(_AUTHOR.findall(front[1]))
            text = text[front.end() :]
        for line in text.split("\n"):
            self._line(line)
        self._flush("code" if self._fence else "paragraph")

    def _line(self, line: str) -> None:
        fence = _FENCE.match(line)
        if self._fence:
            if fence and fence.group(1).startswith(self._fence) and not line.strip().strip("`~"):
                self._flush("code")
                self._fence = ""
            else:
                self._open.append(line)
        elif fence:
            self._flush()
            self._fence = fence.group(1)
        elif not line.strip():
            self._flush()
        else:
            self._text_line(line)

    def _text_line(self, line: str) -> None:
        heading, setext = _ATX.match(line), _SETEXT.match(line)
        if heading:
            self._flush()
            self._builder.add("heading", plain_inline(heading.group(2)), level=len(heading.group(1)))
        elif setext and len(self._open) == 1 and not _ITEM.match(self._open[0]):
            level = 1 if setext.group(1)[0] == "=" else 2
            self._builder.add("heading", plain_inline(self._open.pop()), level=level)
        elif _DELIMITER_ROW.match(line) and "|" in line and len(self._open) == 1:
            self._header = _cells(self._open.pop())
            self._builder.add("table_row", self._header)
        elif self._header is not None and "|" in line:
            self._builder.add("table_row", _cells(line), header=self._header)
        elif not _RULE.match(line):
            if _ITEM.match(line):
                self._flush()
            self._open.append(line)
        else:
            self._flush()

    def _flush(self, kind: str = "paragraph") -> None:
        self._header = None
        lines, self._open = self._open, []
        if kind == "code":
            self._builder.add("code", "\n".join(lines).strip("\n"))
        elif lines:
            text = plain_inline(" ".join(line.strip().lstrip(">").strip() for line in lines))
            self._builder.add("list_item" if _ITEM.match(lines[0]) else "paragraph", text)


def _cells(line: str) -> str:
    return join_cells([plain_inline(cell) for cell in line.strip().strip("|").split("|")])


def plain_inline(text: str) -> str:
    """Return Markdown's inline text without links' addresses, emphasis signs, code ticks and tags."""
    text = _IMAGE_OR_LINK.sub(r"\1", _TAG.sub(" ", text))
    return one_line(_EMPHASIS.sub(r"\2", text).replace("`", ""))


PARSER = PlainParser()
