# ruff: noqa: PLR2004 - lengths and counts of the formats themselves
"""What kind of file is it? Content decides; the name only tells text formats apart."""

from __future__ import annotations

import codecs
import re
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingestion.parsing._text import one_line
from ingestion.parsing.errors import ParseError, Reason

if TYPE_CHECKING:
    from pathlib import Path

_OFFICE = "application/vnd.openxmlformats-officedocument."
PDF = "application/pdf"
DOCX = _OFFICE + "wordprocessingml.document"
PPTX = _OFFICE + "presentationml.presentation"
XLSX = _OFFICE + "spreadsheetml.sheet"
ODT = "application/vnd.oasis.opendocument.text"
EPUB = "application/epub+zip"
RTF = "application/rtf"
HTML = "text/html"
MARKDOWN = "text/markdown"
TEXT = "text/plain"
CSV = "text/csv"
TSV = "text/tab-separated-values"
EML = "message/rfc822"
RST = "text/x-rst"
ORG = "text/x-org"


@dataclass(frozen=True, slots=True)
class FileKind:
    """How a media type is called and which file names it usually has."""

    label: str
    extensions: tuple[str, ...]


SUPPORTED: dict[str, FileKind] = {
    PDF: FileKind("PDF", (".pdf",)),
    DOCX: FileKind("Word", (".docx", ".docm")),
    PPTX: FileKind("PowerPoint", (".pptx", ".pptm")),
    XLSX: FileKind("Excel", (".xlsx", ".xlsm")),
    HTML: FileKind("Web page", (".html", ".htm", ".xhtml")),
    MARKDOWN: FileKind("Markdown", (".md", ".markdown")),
    TEXT: FileKind("Plain text", (".txt", ".text", ".log")),
    CSV: FileKind("CSV", (".csv",)),
    TSV: FileKind("TSV", (".tsv", ".tab")),
    EML: FileKind("E-mail", (".eml",)),
    ODT: FileKind("OpenDocument text", (".odt",)),
    RTF: FileKind("Rich text", (".rtf",)),
    EPUB: FileKind("E-book", (".epub",)),
    RST: FileKind("reStructuredText", (".rst", ".rest")),
    ORG: FileKind("Org", (".org",)),
}

_TEXT_TYPES = (MARKDOWN, TEXT, CSV, TSV, EML, RST, ORG, HTML)
_BY_EXTENSION = {ending: kind for kind in _TEXT_TYPES for ending in SUPPORTED[kind].extensions}
# Older or other formats that people try: told apart, so that the message can say what to do.
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HTML_START = re.compile(
    r"^(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
_MAIL_HEADER = re.compile(
    r"(?:^|\n)(?:From|To|Subject|Date|Received|Message-ID|Return-Path|MIME-Version):", re.I
)
_HEADER_LINE = re.compile(r"[!-9;-~]+:")
_HEAD_BYTES = 64 * 1024
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def accepted_types() -> str:
    """Return the accepted kinds of file as one readable list."""
    return ", ".join(kind.label for kind in SUPPORTED.values())


def detect_media_type(path: Path, *, name: str) -> str:
    """Return the media type of a file, one of ``SUPPORTED``.

    The content decides; ``name`` (as uploaded) only tells text formats apart. Raises a permanent
    ParseError: empty_file, unsupported_type, or encrypted for Office files with a password.
    """
    shown = display_name(name)
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise ParseError(Reason.EMPTY_FILE, f"{shown} is empty. Upload a file that has some content.")
    # Readers accept a PDF header within the first KiB (ISO 32000, annex H).
    if b"%PDF-" in head[:1024]:
        return PDF
    if head.startswith(b"PK\x03\x04"):
        return _zip_type(path, shown)
    if head.startswith(_OLD_OFFICE):
        raise _old_office(head, shown)
    if head.lstrip().startswith(b"{\\rtf"):
        return RTF
    return _text_type(head, name, shown)


def display_name(name: str) -> str:
    """Return the last part of an uploaded name, short and without characters that deceive."""
    return one_line(name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1])[:120] or "The file"


def _unsupported(shown: str, advice: str = "") -> ParseError:
    text = f"{shown} is of a type that cannot be read. {advice}Accepted: {accepted_types()}."
    return ParseError(Reason.UNSUPPORTED_TYPE, text)


def _old_office(head: bytes, shown: str) -> ParseError:
    if "EncryptedPackage".encode("utf-16-le") in head:
        text = f"{shown} is protected with a password. Remove the protection and upload it again."
        return ParseError(Reason.ENCRYPTED, text)
    return _unsupported(shown, "Save it in the newer format (.docx, .pptx, .xlsx, .eml) first. ")


def _zip_type(path: Path, shown: str) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            declared = archive.read("mimetype")[:100] if _small(archive, "mimetype") else b""
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        text = f"{shown} is damaged or cut off. Upload an intact copy."
        raise ParseError(Reason.DAMAGED, text) from error
    for part, media_type in (("word/", DOCX), ("ppt/", PPTX), ("xl/", XLSX)):
        if "[Content_Types].xml" in names and any(entry.startswith(part) for entry in names):
            return media_type
    kind = declared.decode("ascii", "replace").strip()
    if kind in {ODT, EPUB}:
        return kind
    raise _unsupported(shown, "Unpack archives and upload the files in them. ")


def _small(archive: zipfile.ZipFile, name: str) -> bool:
    try:
        return archive.getinfo(name).file_size < 1000
    except KeyError:
        return False


def _text_type(head: bytes, name: str, shown: str) -> str:
    text = _decoded(head)
    if text is None:
        raise _unsupported(shown)
    start = text.lstrip("\ufeff \t\r\n")
    ending = "." + name.rsplit(".", 1)[-1].lower() if "." in name else ""
    by_name = _BY_EXTENSION.get(ending)
    if by_name in {MARKDOWN, RST, ORG, CSV, TSV}:
        return by_name
    if _HTML_START.match(start[:4096]):
        return HTML
    if by_name == EML or (by_name is None and _looks_like_mail(start)):
        return EML
    return by_name or TEXT


def _decoded(head: bytes) -> str | None:
    """Return the start of a text file, or None when the bytes are no text in any encoding."""
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return head.decode(encoding, "replace")
    zeros = head.count(0)
    if zeros:
        even, odd = head[::2].count(0), head[1::2].count(0)
        if max(even, odd) < 0.3 * len(head) / 2:
            return None
        text = head.decode("utf-16-be" if even > odd else "utf-16-le", "replace")
        return text if "\0" not in text else None
    controls = sum(byte < 32 and byte not in b"\t\n\r\f\x1b\b" for byte in head[:8192])
    return head.decode("latin-1") if controls <= len(head[:8192]) * 0.01 else None


def _looks_like_mail(start: str) -> bool:
    return bool(_HEADER_LINE.match(start)) and len(_MAIL_HEADER.findall(start[:4096])) >= 3
