# ruff: noqa: ANN401 - elements of unstructured have no types
"""Word and PowerPoint files, through ``unstructured``."""

from __future__ import annotations

import zipfile
from importlib import import_module
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ingestion.parsing import detect
from ingestion.parsing._builder import DocumentBuilder
from ingestion.parsing._markup import add_markup
from ingestion.parsing._properties import read_properties
from ingestion.parsing._spacy import leave_out_torch, use_local_model
from ingestion.parsing._text import one_line, tidy_lines
from ingestion.parsing.errors import ParseError, Reason

if TYPE_CHECKING:
    from pathlib import Path

    from ingestion.parsing.document import BlockKind, ParsedDocument
    from ingestion.parsing.limits import Limits
    from ingestion.parsing.parsers import Progress

_PARTITIONS = {detect.DOCX: "docx", detect.PPTX: "pptx"}
_KINDS: dict[str, BlockKind] = {
    "ListItem": "list_item",
    "FigureCaption": "caption",
    "CodeSnippet": "code",
    "Footnote": "footnote",
}
_LEFT_OUT = frozenset({"Header", "Footer", "PageBreak", "PageNumber", "Image"})


class OfficeParser:
    """Reads paragraphs, headings, lists and tables; slides are pages, with their notes."""

    name = "office"
    version = "2"
    media_types = frozenset(_PARTITIONS)

    def parse(
        self, path: Path, *, name: str, media_type: str, limits: Limits, on_progress: Progress
    ) -> ParsedDocument:
        """Return the document; raises ParseError (damaged, encrypted, too_large or no_text)."""
        elements = _elements(path, name, media_type)
        builder = DocumentBuilder()
        if media_type == detect.PPTX:
            for number, slide in groupby(elements, key=lambda element: element.metadata.page_number):
                builder.start_page(number or 1, label=f"Slide {number or 1}")
                _add_slide(builder, list(slide))
        else:
            for element in elements:
                _add(builder, element)
        properties = read_properties(path)
        builder.name_authors([properties.author])
        on_progress(1, 1)
        return builder.finish(
            name=name,
            title=_title(properties.title) or builder.first_heading(),
            media_type=media_type,
            parser=self.name,
            parser_version=self.version,
        )


def _elements(path: Path, name: str, media_type: str) -> list[Any]:
    kind = _PARTITIONS[media_type]
    leave_out_torch()
    module = import_module(f"unstructured.partition.{kind}")
    use_local_model()
    options = {"include_slide_notes": True} if media_type == detect.PPTX else {}
    # An upload may leave out or garble any part of a file: the libraries then fail in these ways.
    damage = (KeyError, ValueError, AttributeError, TypeError, IndexError, zipfile.BadZipFile, SyntaxError)
    try:
        with path.open("rb") as file:
            elements = getattr(module, f"partition_{kind}")(file=file, include_page_breaks=False, **options)
    except damage as error:
        raise ParseError(Reason.DAMAGED, f"{name} is damaged. Save it anew and upload that copy.") from error
    return [element for element in elements if element.category not in _LEFT_OUT]


def _add_slide(builder: DocumentBuilder, elements: list[Any]) -> None:
    """Add a slide: its first title is its heading, other "titles" are text in a box."""
    titled = False
    for element in elements:
        if element.category == "Title" and titled:
            builder.add("paragraph", tidy_lines(element.text))
            continue
        titled = titled or element.category == "Title"
        _add(builder, element)


def _add(builder: DocumentBuilder, element: Any) -> None:
    markup = element.metadata.text_as_html
    if element.category == "Table" and markup:
        add_markup(builder, _with_header(markup))
    elif element.category == "Title":
        level = min(6, (element.metadata.category_depth or 0) + 1)
        builder.add("heading", one_line(element.text), level=level)
    else:
        builder.add(_KINDS.get(element.category, "paragraph"), tidy_lines(element.text))


def _with_header(markup: str) -> str:
    """Mark the first row as the one that names the columns, as office tables do without saying so."""
    first, end, rest = markup.partition("</tr>")
    if "<tr" not in rest or any(f">{digit}" in first for digit in "0123456789"):
        return markup
    return first.replace("<td", "<th").replace("</td>", "</th>") + end + rest


def _title(stored: str) -> str:
    """Return the title in the file's properties, where it is one."""
    title = one_line(stored)
    generic = title.lower() in {"", "powerpoint presentation", "word document", "document", "presentation"}
    return "" if generic or " " not in title or title.lower().endswith((".docx", ".pptx", ".doc")) else title


PARSER = OfficeParser()
