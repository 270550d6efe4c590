"""E-mail: who, when, about what, and the text. Attachments are named but not read.

The standard library reads it, not ``unstructured``: that one leaves out the header lines, by which people
look for mail.
"""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import TYPE_CHECKING

from ingestion.parsing import detect
from ingestion.parsing._builder import DocumentBuilder
from ingestion.parsing._decode import decode, read_text
from ingestion.parsing._markup import add_markup
from ingestion.parsing._text import one_line
from ingestion.parsing.plain import add_plain

if TYPE_CHECKING:
    from pathlib import Path

    from ingestion.parsing.document import ParsedDocument
    from ingestion.parsing.limits import Limits
    from ingestion.parsing.parsers import Progress

_HEADERS = ("From", "To", "Cc", "Date", "Subject")
_MAX_HEADER = 1000


class MailParser:
    """Reads the header lines and the body, plain text before HTML."""

    name = "mail"
    version = "1"
    media_types = frozenset({detect.EML})

    def parse(
        self, path: Path, *, name: str, media_type: str, limits: Limits, on_progress: Progress
    ) -> ParsedDocument:
        """Return the document; raises ParseError (too_large or no_text)."""
        source = read_text(path, name=name, limits=limits)
        # Bytes keep the parts' own encodings; text is for files saved as UTF-16.
        data = path.read_bytes() if b"\0" not in path.read_bytes()[:4096] else source.encode("utf-8")
        message = email.message_from_bytes(data.lstrip(), policy=email.policy.default)
        builder = DocumentBuilder()
        lines = [f"{key}: {value}" for key in _HEADERS if (value := _header(message, key))]
        builder.add("paragraph", "\n".join(lines))
        _add_body(builder, message)
        names = [one_line(part.get_filename() or "") for part in message.walk() if part.get_filename()]
        if names:
            builder.metadata["attachments"] = "; ".join(names)
            builder.warnings.append(f"{len(names)} attachment(s) not read: upload them as files of their own")
        on_progress(1, 1)
        return builder.finish(
            name=name,
            title=_header(message, "Subject"),
            media_type=media_type,
            parser=self.name,
            parser_version=self.version,
        )


def _header(message: EmailMessage, key: str) -> str:
    try:
        return one_line(str(message.get(key, "")))[:_MAX_HEADER]
    except (ValueError, IndexError, AttributeError, TypeError):  # the library trips over broken headers
        raw = next((value for name, value in message.raw_items() if name.lower() == key.lower()), "")
        return one_line(str(raw))[:_MAX_HEADER]


def _add_body(builder: DocumentBuilder, message: EmailMessage) -> None:
    texts = [part for part in message.walk() if _is_text(part, "text/plain")]
    pages = [part for part in message.walk() if _is_text(part, "text/html")]
    for part in texts:
        add_plain(builder, _content(part))
    if not any(_content(part).strip() for part in texts):
        for part in pages:
            add_markup(builder, _content(part))


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
