"""Web pages, and the formats that pandoc turns into one (ODT, RTF, EPUB, RST, Org)."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from ingestion.parsing import detect
from ingestion.parsing._builder import DocumentBuilder
from ingestion.parsing._decode import decode, read_text
from ingestion.parsing._markup import add_markup
from ingestion.parsing._properties import read_properties, read_rtf_author
from ingestion.parsing.errors import ParseError, Reason
from ingestion.parsing.parsers import pandoc_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingestion.parsing.document import ParsedDocument
    from ingestion.parsing.limits import Limits
    from ingestion.parsing.parsers import Progress

_FROM = {detect.ODT: "odt", detect.RTF: "rtf", detect.EPUB: "epub", detect.RST: "rst", detect.ORG: "org"}
_PANDOC_HEAP = "-M1G"


class WebParser:
    """Reads HTML; other markup goes through pandoc first, which may open no file but its input."""

    name = "web"
    version = "2"
    media_types = frozenset({detect.HTML, *_FROM})

    def parse(
        self, path: Path, *, name: str, media_type: str, limits: Limits, on_progress: Progress
    ) -> ParsedDocument:
        """Return the document; raises ParseError."""
        if media_type == detect.HTML:
            markup = read_text(path, name=name, limits=limits)
        else:
            markup = _convert(path, name=name, source=_FROM[media_type], limits=limits)
        builder = DocumentBuilder()
        head = add_markup(builder, markup)
        builder.name_authors([*head.authors, *_authors_beside(path, media_type)])
        on_progress(1, 1)
        title = head.title if head.title not in {"", "-"} else builder.first_heading()
        return builder.finish(
            name=name, title=title, media_type=media_type, parser=self.name, parser_version=self.version
        )


def _authors_beside(path: Path, media_type: str) -> Iterator[str]:
    """Yield the author of the formats whose metadata pandoc does not read."""
    if media_type == detect.ODT:
        yield read_properties(path, part="meta.xml").author
    elif media_type == detect.RTF:
        yield read_rtf_author(path)


def _convert(path: Path, *, name: str, source: str, limits: Limits) -> str:
    """Return a file as HTML. ``--sandbox`` keeps pandoc from following includes and fetching pictures."""
    program = pandoc_path()
    if not program:
        message = f"{name} needs the program pandoc, which is not installed here. Save it as .docx or .html."
        raise ParseError(Reason.UNSUPPORTED_TYPE, message)
    if source in {"rst", "org"}:
        data = read_text(path, name=name, limits=limits).encode("utf-8", "replace")
    else:
        data = path.read_bytes()
    command = [program, "+RTS", _PANDOC_HEAP, "-RTS", "--sandbox", "-s", "-f", source, "-t", "html"]
    done = subprocess.run(command, input=data, capture_output=True, check=False)  # noqa: S603 - fixed program
    if done.returncode:
        message = f"{name} is damaged or is not what its name says. Upload an intact copy."
        raise ParseError(Reason.DAMAGED, message)
    return decode(done.stdout)


PARSER = WebParser()
