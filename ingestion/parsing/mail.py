"""E-mail: who, when, about what, and the text; attachments are handed on as documents of their own.

The standard library reads it, not ``unstructured``: that one leaves out the header lines, by which people
look for mail.
"""

from __future__ import annotations

import email
import email.policy
import mimetypes
from email.message import EmailMessage
from email.utils import getaddresses
from typing import TYPE_CHECKING

from ingestion.parsing import detect
from ingestion.parsing._builder import DocumentBuilder
from ingestion.parsing._decode import decode, read_text
from ingestion.parsing._markup import add_markup
from ingestion.parsing._text import one_line
from ingestion.parsing._unpack import Unpacked
from ingestion.parsing.plain import add_plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingestion.parsing.document import ParsedDocument
    from ingestion.parsing.limits import Limits
    from ingestion.parsing.parsers import Progress

HEADERS = ("From", "To", "Cc", "Date", "Subject")
DECORATION_BYTES = 16 << 10  # inline pictures below this are logos and signs, not documents
_MAX_HEADER = 1000
_MAX_PARTS = 2000
_MAX_DEPTH = 50
_ENCRYPTED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
# Signatures prove something to mail programs and say nothing to people.
_SIGNATURES = frozenset(
    {"application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature"}
)


class MailParser:
    """Reads the header lines and the body, plain text before HTML."""

    name = "mail"
    version = "3"
    media_types = frozenset({detect.EML})

    def parse(
        self, path: Path, *, name: str, media_type: str, limits: Limits, on_progress: Progress
    ) -> ParsedDocument:
        """Return the document; raises ParseError (too_large or no_text)."""
        source = read_text(path, name=name, limits=limits)
        # Bytes keep the parts' own encodings; text is for files saved as UTF-16.
        data = path.read_bytes() if b"\0" not in path.read_bytes()[:4096] else source.encode("utf-8")
        message = email.message_from_bytes(data.lstrip(), policy=email.policy.default)
        parts = list(_parts(message))
        builder = DocumentBuilder()
        add_headers(builder, {key: _header(message, key) for key in HEADERS})
        add_body(
            builder,
            texts=[_content(part) for part in parts if _is_text(part, "text/plain")],
            pages=[_content(part) for part in parts if _is_text(part, "text/html")],
        )
        unpacked = Unpacked(name=name, limits=limits)
        for part in parts:
            _attach(unpacked, builder, part)
        finish_attachments(builder, unpacked)
        on_progress(1, 1)
        return builder.finish(
            name=name,
            title=_header(message, "Subject"),
            media_type=media_type,
            parser=self.name,
            parser_version=self.version,
        )


def add_headers(builder: DocumentBuilder, headers: dict[str, str]) -> None:
    """Add the header lines that have a value; who sent it wrote it."""
    lines = [f"{key}: {value}" for key, value in headers.items() if value]
    builder.add("paragraph", "\n".join(lines))
    senders = getaddresses([headers["From"]])
    builder.name_authors([name.replace(";", ",") or address for name, address in senders])


def add_body(builder: DocumentBuilder, *, texts: list[str], pages: list[str]) -> None:
    """Add the plain texts, or where there are none the pages of HTML."""
    for text in texts:
        add_plain(builder, text)
    if not any(text.strip() for text in texts):
        for page in pages:
            add_markup(builder, page)


def finish_attachments(builder: DocumentBuilder, unpacked: Unpacked) -> None:
    """Name the attachments in the text, so that a mail is found by them, and hand them on."""
    builder.attachments = unpacked.found
    if unpacked.found:
        names = [one.name for one in unpacked.found]
        builder.metadata["attachments"] = "; ".join(names)
        builder.add("paragraph", "Attachments: " + ", ".join(names))


def _parts(message: EmailMessage, depth: int = 0) -> Iterator[EmailMessage]:
    """Yield the parts that have content. A mail in the mail is one part: its body is not this one's."""
    inner = message.get_payload() if message.is_multipart() else None
    if message.get_content_maintype() != "multipart" or not isinstance(inner, list):
        yield message
    elif depth < _MAX_DEPTH:
        for part in inner[:_MAX_PARTS]:
            if isinstance(part, EmailMessage):
                yield from _parts(part, depth + 1)


def _attach(unpacked: Unpacked, builder: DocumentBuilder, part: EmailMessage) -> None:
    media_type = part.get_content_type()
    if media_type in _ENCRYPTED:
        builder.warnings.append("It is encrypted: only the header lines can be read")
        return
    if _is_text(part, "text/plain") or _is_text(part, "text/html") or media_type in _SIGNATURES:
        return
    data = _bytes(part)
    inline = part.get_content_disposition() != "attachment" and part.get("Content-ID") is not None
    if not (inline and media_type.startswith("image/") and len(data) < DECORATION_BYTES):
        unpacked.add(_name(part, media_type), [data])


def _bytes(part: EmailMessage) -> bytes:
    inner = part.get_payload()
    if isinstance(inner, list):  # a mail in the mail
        try:
            return b"".join(bytes(one) for one in inner if isinstance(one, EmailMessage))
        except (UnicodeError, LookupError, ValueError, KeyError, AttributeError):  # as for headers
            return "".join(map(str, inner)).encode("utf-8", "replace")
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _name(part: EmailMessage, media_type: str) -> str:
    try:
        given = one_line(part.get_filename() or "")
    except (ValueError, IndexError, AttributeError, TypeError):
        given = ""
    if given:
        return given
    inner = part.get_payload()
    if media_type == "message/rfc822" and isinstance(inner, list) and isinstance(inner[0], EmailMessage):
        return f"{_header(inner[0], 'Subject').replace('/', '-') or 'Message'}.eml"
    return "Unnamed" + (mimetypes.guess_extension(media_type) or "")


def _header(message: EmailMessage, key: str) -> str:
    try:
        return one_line(str(message.get(key, "")))[:_MAX_HEADER]
    except (ValueError, IndexError, AttributeError, TypeError):  # the library trips over broken headers
        raw = next((value for name, value in message.raw_items() if name.lower() == key.lower()), "")
        return one_line(str(raw))[:_MAX_HEADER]


def _is_text(part: EmailMessage, media_type: str) -> bool:
    return part.get_content_type() == media_type and part.get_content_disposition() != "attachment"


def _content(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    charset = str(part.get_param("charset", "") or "").strip()
    try:
        return data.decode(charset) if charset else decode(data)
    except (LookupError, UnicodeDecodeError):
        return decode(data)


PARSER = MailParser()
