# ruff: noqa: ANN401 - oxmsg's objects are read as they come
"""Outlook's .msg files, read with python-oxmsg: header lines, body, attachments, as for other mail."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from ingestion.parsing import detect
from ingestion.parsing._builder import DocumentBuilder
from ingestion.parsing._text import one_line
from ingestion.parsing._unpack import Unpacked
from ingestion.parsing.errors import ParseError, Reason
from ingestion.parsing.mail import HEADERS, add_body, add_headers, finish_attachments

if TYPE_CHECKING:
    from pathlib import Path

    from ingestion.parsing.document import ParsedDocument
    from ingestion.parsing.limits import Limits
    from ingestion.parsing.parsers import Progress

_ENCRYPTED = ".smime"
# What olefile and oxmsg raise where a file is cut off or garbled.
_DAMAGE = (OSError, ValueError, KeyError, IndexError, AttributeError, TypeError, AssertionError, struct.error)


class OutlookParser:
    """Reads one message; a message in it that is no file of its own is named in a warning."""

    name = "outlook"
    version = "2"
    media_types = frozenset({detect.MSG})

    def parse(
        self, path: Path, *, name: str, media_type: str, limits: Limits, on_progress: Progress
    ) -> ParsedDocument:
        """Return the document; raises ParseError (damaged, too_large or no_text)."""
        from oxmsg import Message

        builder, unpacked = DocumentBuilder(), Unpacked(name=name, limits=limits)
        try:
            message = Message.load(str(path))
            headers = _headers(message)
            add_headers(builder, headers)
            _add_body(builder, message)
            _attach(builder, unpacked, message)
        except _DAMAGE as error:
            text = f"{name} is damaged. Save it anew and upload that copy."
            raise ParseError(Reason.DAMAGED, text) from error
        finish_attachments(builder, unpacked)
        on_progress(1, 1)
        return builder.finish(
            name=name,
            title=headers["Subject"],
            media_type=media_type,
            parser=self.name,
            parser_version=self.version,
        )


def _headers(message: Any) -> dict[str, str]:
    """Return the header lines: as they were sent, else as Outlook keeps them."""
    sent = {str(key).lower(): str(value) for key, value in message.message_headers.items()}
    kept = {
        "From": message.sender or "",
        "To": ", ".join(f"{one.name} <{one.email_address}>" for one in message.recipients),
        "Date": f"{message.sent_date:%Y-%m-%d %H:%M}" if message.sent_date else "",
        "Subject": message.subject,
    }
    return {key: one_line(sent.get(key.lower(), "") or kept.get(key, ""))[:1000] for key in HEADERS}


def _add_body(builder: DocumentBuilder, message: Any) -> None:
    if _ENCRYPTED in message.message_class.lower() and "multipartsigned" not in message.message_class.lower():
        builder.warnings.append("It is encrypted: only the header lines can be read")
        return
    try:
        page = message.html_body or ""
    except (LookupError, UnicodeDecodeError):  # an encoding that it only claims to be in
        page = ""
    add_body(builder, texts=[message.body or ""], pages=[page])


def _attach(builder: DocumentBuilder, unpacked: Unpacked, message: Any) -> None:
    for number, one in enumerate(message.attachments, 1):
        name = one_line(one.file_name or "") or f"Attachment {number}"
        if one.mime_type == "multipart/signed" or name.lower().endswith((".p7s", ".p7m")):
            continue
        if one.file_bytes:
            unpacked.add(name, [one.file_bytes])
        else:
            builder.warnings.append(f"{name[:80]} is not in the file itself and was left out")


PARSER = OutlookParser()
