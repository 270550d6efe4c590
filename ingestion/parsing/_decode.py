"""Text files of unknown encoding."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from charset_normalizer import from_bytes

from ingestion.parsing.errors import ParseError, Reason

if TYPE_CHECKING:
    from pathlib import Path

    from ingestion.parsing.limits import Limits

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?\s*([\w.-]{2,30})", re.IGNORECASE)
_SAMPLE = 256 << 10


def read_text(path: Path, *, name: str, limits: Limits) -> str:
    """Return a text file's text; raises ParseError(too_large)."""
    size = path.stat().st_size
    if size > limits.text_bytes:
        message = f"{name} has {size >> 20} MiB of text; at most {limits.text_bytes >> 20} MiB are read."
        raise ParseError(Reason.TOO_LARGE, message)
    return decode(path.read_bytes())


def decode(data: bytes) -> str:
    """Return bytes as text: by byte order mark, as UTF-8, as declared, as it looks, else as Windows-1252."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    wide = _wide_encoding(data)
    if wide:
        return data.decode(wide, "replace")
    declared = _DECLARED.search(data[:4096])
    for encoding in ("utf-8", declared.group(1).decode("ascii") if declared else "", _looks_like(data)):
        try:
            if encoding:
                return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("cp1252", "replace")


def _wide_encoding(data: bytes) -> str:
    """Return the UTF-16 that text with a zero in most of its pairs is in, or an empty string."""
    sample = data[:4096]
    if b"\0" not in sample:
        return ""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    return "" if max(even, odd) < 0.2 * len(sample) / 2 else "utf-16-be" if even > odd else "utf-16-le"


def _looks_like(data: bytes) -> str:
    best = from_bytes(data[:_SAMPLE]).best()
    return best.encoding if best else ""
