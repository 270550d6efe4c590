# ruff: noqa: PLR2004 - lengths and counts of the formats themselves
"""What kind of file is it? Content decides; the name only tells text formats apart."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingestion.parsing._containers import OLE_START, ole_directory, zip_parts
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
XML = "application/xml"
JSON = "application/json"
MSG = "application/vnd.ms-outlook"
DOC = "application/msword"
PPT = "application/vnd.ms-powerpoint"
XLS = "application/vnd.ms-excel"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
ODP = "application/vnd.oasis.opendocument.presentation"
ZIP = "application/zip"
PNG = "image/png"
JPEG = "image/jpeg"
TIFF = "image/tiff"
WEBP = "image/webp"
BMP = "image/bmp"
GIF = "image/gif"


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
    XML: FileKind("XML", (".xml",)),
    JSON: FileKind("JSON", (".json", ".jsonl", ".ndjson")),
    MSG: FileKind("Outlook message", (".msg",)),
    XLS: FileKind("Excel 97", (".xls",)),
    DOC: FileKind("Word 97", (".doc",)),
    PPT: FileKind("PowerPoint 97", (".ppt",)),
    ODS: FileKind("OpenDocument sheet", (".ods",)),
    ODP: FileKind("OpenDocument slides", (".odp",)),
    PNG: FileKind("Picture", (".png",)),
    JPEG: FileKind("Picture", (".jpg", ".jpeg")),
    TIFF: FileKind("Picture", (".tif", ".tiff")),
    WEBP: FileKind("Picture", (".webp",)),
    BMP: FileKind("Picture", (".bmp",)),
    GIF: FileKind("Picture", (".gif",)),
    ZIP: FileKind("ZIP archive", (".zip",)),
}
PICTURES = frozenset({PNG, JPEG, TIFF, WEBP, BMP, GIF})
OFFICE_TYPES = frozenset({DOC, PPT, ODS, ODP})  # read by way of LibreOffice

_TEXT_TYPES = (MARKDOWN, TEXT, CSV, TSV, EML, RST, ORG, HTML, XML, JSON)
_BY_EXTENSION = {ending: kind for kind in _TEXT_TYPES for ending in SUPPORTED[kind].extensions}
_TYPE_OF_ENDING = {ending: kind for kind, known in SUPPORTED.items() for ending in known.extensions}
# How the bytes begin, for the formats that say so; the first that fits counts.
_STARTS = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"GIF8", GIF),
    (b"PK\x05\x06", ZIP),  # an archive without any entry
)
# The class of a whole OLE file says it best; where it is not given, the streams do. A mail is asked first:
# what is attached to it may be any of the others.
_OLE_CLASSES = {
    "0b0d0200": MSG,
    "06090200": DOC,
    "20080200": XLS,
    "10080200": XLS,
    "108d8164": PPT,
}
_OLE_STREAMS = (
    ("__properties_version1.0", MSG),
    ("WordDocument", DOC),
    ("PowerPoint Document", PPT),
    ("Workbook", XLS),
    ("Book\0", XLS),
)
_HTML_START = re.compile(
    r"^(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
_MAIL_HEADER = re.compile(
    r"(?:^|\n)(?:From|To|Subject|Date|Received|Message-ID|Return-Path|MIME-Version):", re.I
)
_HEADER_LINE = re.compile(r"[!-9;-~]+:")
_HEAD_BYTES = 64 * 1024
# Types that are told apart by name, or that programs save under each other's names as a matter of course.
_ALIKE = frozenset(_TEXT_TYPES)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def accepted_types() -> str:
    """Return the accepted kinds of file as one readable list."""
    return ", ".join(dict.fromkeys(kind.label for kind in SUPPORTED.values()))


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
    if head.startswith(OLE_START):
        return _ole_type(path, head, shown)
    if head.lstrip().startswith(b"{\\rtf"):
        return RTF
    return _picture_type(head) or _text_type(head, name, shown)


def mismatch_warning(media_type: str, *, name: str) -> str:
    """Return what to tell where a name promises another type than the content is, or an empty string."""
    promised = _TYPE_OF_ENDING.get(_ending(name))
    if promised is None or promised == media_type or {promised, media_type} <= _ALIKE:
        return ""
    label = SUPPORTED[media_type].label
    return f"The name ends in {_ending(name)}, but the content is {label}; it is read as that."


def display_name(name: str) -> str:
    """Return the last part of an uploaded name, short and without characters that deceive."""
    return one_line(name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1])[:120] or "The file"


def _unsupported(shown: str, advice: str = "") -> ParseError:
    text = f"{shown} is of a type that cannot be read. {advice}Accepted: {accepted_types()}."
    return ParseError(Reason.UNSUPPORTED_TYPE, text)


def _ole_type(path: Path, head: bytes, shown: str) -> str:
    directory = ole_directory(path, head)
    streams = directory.decode("utf-16-le", "replace")
    if media_type := _OLE_CLASSES.get(directory[80:84].hex()):
        return media_type
    if "EncryptedPackage" in streams:
        text = f"{shown} is protected with a password. Remove the protection and upload it again."
        raise ParseError(Reason.ENCRYPTED, text)
    for stream, media_type in _OLE_STREAMS:
        if stream in streams:
            return media_type
    raise _unsupported(shown, "Save it in a newer format first. ")


def _zip_type(path: Path, shown: str) -> str:
    names, declared = zip_parts(path, name=shown)
    if "[Content_Types].xml" in names:
        for part, media_type in (("word/", DOCX), ("ppt/", PPTX), ("xl/", XLSX)):
            if any(entry.startswith(part) for entry in names):
                return media_type
    return declared if declared in {ODT, EPUB, ODS, ODP} else ZIP


def _picture_type(head: bytes) -> str:
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WEBP
    if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0":
        return BMP
    return next((media_type for start, media_type in _STARTS if head.startswith(start)), "")


def _ending(name: str) -> str:
    return "." + name.rsplit(".", 1)[-1].lower() if "." in name else ""


def _text_type(head: bytes, name: str, shown: str) -> str:
    text = _decoded(head)
    if text is None:
        raise _unsupported(shown)
    start = text.lstrip("\ufeff \t\r\n")
    by_name = _BY_EXTENSION.get(_ending(name))
    if by_name in {MARKDOWN, RST, ORG, CSV, TSV}:
        return by_name
    if _HTML_START.match(start[:4096]):
        return HTML
    if by_name == EML or (by_name is None and _looks_like_mail(start)):
        return EML
    if start.startswith("<?xml"):
        return XML
    if by_name == XML and not start.startswith("<"):
        return TEXT
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
