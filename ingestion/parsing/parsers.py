"""Which parser reads which media type. Heavy libraries are imported by the parser that needs them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ingestion.parsing._ocr import Ocr
from ingestion.parsing.errors import ParseError, Reason

if TYPE_CHECKING:
    from ingestion.parsing.document import ParsedDocument
    from ingestion.parsing.limits import Limits

Progress = Callable[[int, int], None]


class Parser(Protocol):
    """Turns one kind of file into a document. Runs inside the sandbox."""

    name: str
    version: str
    media_types: frozenset[str]

    def parse(
        self, path: Path, *, name: str, media_type: str, limits: Limits, on_progress: Progress
    ) -> ParsedDocument:
        """Return the document; raises ParseError. ``on_progress`` is given (done, total) parts."""
        ...


# The module is imported, and its PARSER used, when a file of its type comes.
_MODULES = {
    "application/pdf": "pdf",
    "text/plain": "plain",
    "text/markdown": "plain",
    "text/csv": "tables",
    "text/tab-separated-values": "tables",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "tables",
    "message/rfc822": "mail",
    "text/html": "web",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "office",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "office",
    "application/vnd.oasis.opendocument.text": "web",
    "application/rtf": "web",
    "application/epub+zip": "web",
    "text/x-rst": "web",
    "text/x-org": "web",
    "application/xml": "data",
    "application/json": "data",
    "application/vnd.ms-outlook": "outlook",
    "application/vnd.ms-excel": "tables",
    "application/msword": "legacy",
    "application/vnd.ms-powerpoint": "legacy",
    "application/vnd.oasis.opendocument.spreadsheet": "legacy",
    "application/vnd.oasis.opendocument.presentation": "legacy",
    "application/zip": "archive",
    "image/png": "picture",
    "image/jpeg": "picture",
    "image/tiff": "picture",
    "image/webp": "picture",
    "image/bmp": "picture",
    "image/gif": "picture",
}
# Modules whose pages may be pictures; each has `reading(ocr)`, a parser that reads them in a language.
_OF_PICTURES = frozenset({"pdf", "picture"})
_OFFICE_PLACES = ("usr/lib/libreoffice/program/soffice.bin", "opt/libreoffice*/program/soffice.bin")


def parser_for(media_type: str, ocr: Ocr | None = None) -> Parser:
    """Return the parser of a media type, reading pictures by ``ocr``; raises ParseError(unsupported_type)."""
    if media_type not in _MODULES:
        raise ParseError(Reason.UNSUPPORTED_TYPE, f"Files of the type {media_type} cannot be read.")
    name = _MODULES[media_type]
    module = import_module(f"ingestion.parsing.{name}")
    parser: Parser = module.reading(ocr) if ocr and name in _OF_PICTURES else module.PARSER
    return parser


def program_for(media_type: str, ocr: Ocr) -> str:
    """Return the other program that reading this type takes: pandoc, LibreOffice, Tesseract, or nothing."""
    module = _MODULES.get(media_type)
    if module in _OF_PICTURES:
        return tesseract_path() if ocr.wants_tesseract else ""
    if module == "web" and media_type != "text/html":
        return pandoc_path()
    return office_path() if module == "legacy" else ""


def pandoc_path() -> str:
    """Return where pandoc is: the one of the ``pypandoc_binary`` wheel, else the system's, else nothing."""
    spec = find_spec("pypandoc")
    wheel = Path(spec.origin).parent / "files" / "pandoc" if spec and spec.origin else None
    if wheel and wheel.is_file():
        return str(wheel)
    return shutil.which("pandoc") or ""


def tesseract_path() -> str:
    """Return where Tesseract is, or nothing."""
    return shutil.which("tesseract") or ""


def office_path() -> str:
    """Return where LibreOffice's own program is (its start script would start others), or nothing."""
    for place in _OFFICE_PLACES:
        for found in sorted(Path("/").glob(place)):
            return str(found)
    script = shutil.which("soffice")
    program = Path(script).resolve().parent / "soffice.bin" if script else None
    return str(program) if program and program.is_file() else ""
