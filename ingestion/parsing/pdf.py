# ruff: noqa: ANN401, PLR2004 - PDFium's document has no type stubs; lengths of a plausible title
"""PDF files, read with PDFium: by their text layer, and by recognition where a page has none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pypdfium2

from ingestion.parsing._builder import DocumentBuilder
from ingestion.parsing._ocr import Ocr
from ingestion.parsing._pdf_blocks import Draft, page_drafts
from ingestion.parsing._pdf_captions import name_tables
from ingestion.parsing._pdf_chars import PageContent, read_page
from ingestion.parsing._pdf_headings import Outline, fold_title, mark_headings
from ingestion.parsing._pdf_layout import read_lanes
from ingestion.parsing._pdf_open import open_pdf
from ingestion.parsing._pdf_running import find_running_lines
from ingestion.parsing._text import one_line
from ingestion.parsing.errors import ParseError, Reason

if TYPE_CHECKING:
    from pathlib import Path

    from ingestion.parsing._pdf_ocr import Reader
    from ingestion.parsing.document import ParsedDocument
    from ingestion.parsing.limits import Limits
    from ingestion.parsing.parsers import Progress

_POOR_TITLE = re.compile(
    r"^(?:untitled|title|document\d*|slide \d+|print|microsoft word|powerpoint presentation|\W*)$"
    r"|^microsoft \w+ - |\.(?:docx?|pdf|xlsx?|pptx?|indd|qxd|tex|dvi|html?|rtf)$|^[\w.-]*\d[\w.-]*$|://|[0-9a-f]{8}-[0-9a-f]{4}",
    re.IGNORECASE,
)
_MAX_OUTLINE = 20_000
_MAX_REPEATED = 20


class PdfParser:
    """Reads text, reading order, headings, tables and boxes; text in pictures where a page has no other."""

    name = "pdf"
    version = f"3+pdfium{pypdfium2.version.PDFIUM_INFO.build}"
    media_types = frozenset({"application/pdf"})

    def __init__(self, ocr: Ocr | None = None) -> None:
        self._ocr = ocr or Ocr()

    def parse(
        self, path: Path, *, name: str, media_type: str, limits: Limits, on_progress: Progress
    ) -> ParsedDocument:
        """Return the document; raises ParseError (encrypted, damaged, too_large or no_text)."""
        document = open_pdf(path, name=name)
        try:
            count = len(document)
            if count > limits.max_pages:
                message = f"{name} has {count} pages; at most {limits.max_pages} are read. Split the file."
                raise ParseError(Reason.TOO_LARGE, message)
            builder = DocumentBuilder()
            contents = _read_pages(document, on_progress)
            drafts = _drafts(contents, builder)
            self._recognise(document, drafts, builder, limits.ocr_pages)
            mark_headings([(number, page) for number, (_, page) in enumerate(drafts, 1)], _outline(document))
            name_tables([page for _, page in drafts])
            title = _title(document, [page for _, page in drafts])
            builder.name_authors([document.get_metadata_value("Author")])
            _assemble(builder, drafts)
            return builder.finish(
                name=name, title=title, media_type=media_type, parser=self.name, parser_version=self.version
            )
        finally:
            document.close()

    def _recognise(
        self,
        document: Any,
        drafts: list[tuple[PageContent, list[Draft]]],
        builder: DocumentBuilder,
        most: int,
    ) -> None:
        """Fill the pages that have no text layer with what can be seen on them; say so in the warnings."""
        bare = [index for index, (content, _) in enumerate(drafts) if not content.pieces]
        if not bare:
            return
        from ingestion.parsing._pdf_ocr import choose_reader  # heavy, and most files need none of it

        reader = choose_reader(self._ocr)
        if reader.lacking:
            builder.warnings.append(reader.lacking)
            builder.advice = reader.lacking
        for index in bare[:most]:
            found = _seen_drafts(document, index, reader)
            if found is None:
                builder.warnings.append(f"page {index + 1} cannot be read")
                continue
            drafts[index][1].extend(found)
            state = "was read from its picture" if found else "has no text"
            builder.warnings.append(f"page {index + 1} {state}")
        if bare[most:]:
            builder.warnings.append(
                f"{len(bare) - most} pages without text were not read: at most {most} are"
            )


def _read_pages(document: Any, on_progress: Progress) -> list[PageContent]:
    contents = []
    count = len(document)
    for index in range(count):
        try:
            page = document[index]
        except pypdfium2.PdfiumError:
            contents.append(PageContent(1.0, 1.0, 0, [], []))
            continue
        contents.append(read_page(page))
        page.close()
        on_progress(index + 1, count)
    return contents


def _seen_drafts(document: Any, index: int, reader: Reader) -> list[Draft] | None:
    """Return what is seen on the page with that index; None where the page is damaged."""
    from ingestion.parsing._pdf_ocr import read_picture

    try:
        page = document[index]
    except pypdfium2.PdfiumError:
        return None
    blocks = read_picture(page, reader)
    page.close()
    return [
        Draft(
            "table_row" if block.is_row else "paragraph",
            block.text,
            block.lines,
            0.0,
            bold=False,
            rows=len(block.lines),
            y=block.lines[0][2][1],
        )
        for block in blocks
    ]


def _drafts(contents: list[PageContent], builder: DocumentBuilder) -> list[tuple[PageContent, list[Draft]]]:
    running = find_running_lines(contents)
    drafts = []
    for content, out in zip(contents, running.pages, strict=True):
        kept = [piece for index, piece in enumerate(content.pieces) if index not in out]
        lanes = read_lanes(kept, content.rules, content.width)
        drafts.append((content, page_drafts(content, lanes)))
    if running.first_seen:
        builder.metadata["repeated_lines"] = "; ".join(list(running.first_seen.values())[:_MAX_REPEATED])
    return drafts


def _outline(document: Any) -> Outline:
    """Return the bookmarks as {(page, folded text): level}; a heading stands on its page or the next."""
    outline: Outline = {}
    for count, item in enumerate(document.get_toc(max_depth=6)):
        if count >= _MAX_OUTLINE:
            break
        folded = fold_title(item.get_title())
        target = item.get_dest()
        index = target.get_index() if target else None
        if folded and index is not None:
            for page in (index, index + 1, index + 2):
                outline.setdefault((page, folded), min(6, item.level + 1))
    return outline


def _title(document: Any, pages: list[list[Draft]]) -> str:
    """Return the title of the metadata where it is one, else the largest heading of the first pages."""
    stored = one_line(document.get_metadata_value("Title"))
    if 4 <= len(stored) <= 200 and not _POOR_TITLE.search(stored) and " " in stored:
        return stored
    early = [draft for page in pages[:3] for draft in page if draft.kind == "heading"]
    if not early:
        return ""
    best = max(early, key=lambda draft: draft.size)
    best.kind, best.level = "title", 0
    return best.text


def _assemble(builder: DocumentBuilder, drafts: list[tuple[PageContent, list[Draft]]]) -> None:
    for number, (content, page) in enumerate(drafts, 1):
        size = (content.width, content.height)
        width, height = size if content.turned == 0 else (size[1], size[0])
        builder.start_page(number, width=round(width, 2), height=round(height, 2))
        for draft in page:
            builder.add(draft.kind, draft.text, level=draft.level, header=draft.header, lines=draft.lines)


PARSER = PdfParser()


def reading(ocr: Ocr) -> PdfParser:
    """Return a parser that recognises text in pictures by ``ocr``."""
    return PdfParser(ocr)
