"""Refuses archives and XML that grow without end, before a parser unpacks them."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING

from ingestion.parsing.errors import ParseError, Reason

if TYPE_CHECKING:
    from pathlib import Path

    from ingestion.parsing.limits import Limits

_ENTITY = re.compile(rb"<!ENTITY", re.IGNORECASE)
_XML_ENDINGS = (".xml", ".rels", ".xhtml", ".html", ".htm", ".opf", ".ncx")
_MIN_RATIO_BYTES = 32 << 20  # small files may be as dense as they like


def check_archive(path: Path, *, name: str, limits: Limits) -> None:
    """Raise ParseError (too_large, encrypted or damaged) unless the archive is safe to unpack.

    Sizes are those that the archive claims for itself; Python's zipfile stops reading there.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_sizes(entries, path.stat().st_size, name, limits)
            for entry in entries:
                if entry.filename.lower().endswith(_XML_ENDINGS):
                    _check_xml(archive, entry, name)
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, EOFError) as error:
        message = f"{name} is damaged or cut off. Upload an intact copy."
        raise ParseError(Reason.DAMAGED, message) from error


def _check_sizes(entries: list[zipfile.ZipInfo], packed: int, name: str, limits: Limits) -> None:
    total = sum(entry.file_size for entry in entries)
    dense = total > _MIN_RATIO_BYTES and total > limits.zip_ratio * max(1, packed)
    if len(entries) > limits.zip_entries or total > limits.zip_total_bytes or dense:
        message = (
            f"{name} unpacks to {total >> 20} MiB in {len(entries)} parts, more than is read safely. "
            "Split it into smaller files."
        )
        raise ParseError(Reason.TOO_LARGE, message)
    if any(entry.flag_bits & 1 for entry in entries):
        message = f"{name} is protected with a password. Remove the protection and upload it again."
        raise ParseError(Reason.ENCRYPTED, message)


def _check_xml(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> None:
    # Entities are declared before the first element, so the start of the part is enough. UTF-16 and
    # UTF-32 hide the word between zeros.
    with archive.open(entry) as part:
        head = part.read(64 << 10).replace(b"\0", b"")
    if _ENTITY.search(head):
        message = f"{name} defines XML entities, which office programs never do; it is not read."
        raise ParseError(Reason.DAMAGED, message)
