# ruff: noqa: PLR2004 - lengths and places of the formats themselves
"""Which kind of file is inside of a ZIP or an OLE container, told without unpacking either."""

from __future__ import annotations

import struct
import zipfile
from typing import IO, TYPE_CHECKING

from ingestion.parsing.errors import ParseError, Reason

if TYPE_CHECKING:
    from pathlib import Path

OLE_START = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MAX_DIRECTORY_BYTES = 8 << 20  # the list of a ZIP file's entries; 10,000 of them take about one MiB
_DIRECTORY_LOOK = 64 << 10
_TAIL = 65_536 + 22 + 20 + 56


def zip_parts(path: Path, *, name: str) -> tuple[frozenset[str], str]:
    """Return the names in a ZIP file and the type that it declares; raises ParseError.

    The size of the list is looked at first: reading it takes memory that the file's own size does not tell.
    """
    try:
        with path.open("rb") as file:
            size = _directory_bytes(file)
        if size > _MAX_DIRECTORY_BYTES:
            message = f"{name} lists more parts than are read safely. Split it into smaller files."
            raise ParseError(Reason.TOO_LARGE, message)
        with zipfile.ZipFile(path) as archive:
            return frozenset(archive.namelist()), _declared(archive)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError, EOFError) as error:
        message = f"{name} is damaged or cut off. Upload an intact copy."
        raise ParseError(Reason.DAMAGED, message) from error


def _directory_bytes(file: IO[bytes]) -> int:
    """Return how long the central directory says that it is; 0 where there is none to be found."""
    end = file.seek(0, 2)
    file.seek(max(0, end - _TAIL))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        return 0
    size = int(struct.unpack_from("<L", tail, at + 12)[0])
    wide = tail.rfind(b"PK\x06\x06", 0, at)
    if wide >= 0 and at - wide >= 56:
        size = max(size if size < 0xFFFFFFFF else 0, int(struct.unpack_from("<Q", tail, wide + 40)[0]))
    return size


def _declared(archive: zipfile.ZipFile) -> str:
    """Return the content of the part that OpenDocument and EPUB files begin with, or an empty string."""
    try:
        if archive.getinfo("mimetype").file_size > 100:
            return ""
        return archive.read("mimetype").decode("ascii", "replace").strip()
    except (KeyError, zipfile.BadZipFile):
        return ""


def ole_directory(path: Path, head: bytes) -> bytes:
    """Return how the directory of an OLE file begins, its root entry first; what the file says of itself.

    The directory is found by the header; the file's own tables are not followed, so no loop in them matters.
    """
    shift = int.from_bytes(head[30:32], "little")
    first = int.from_bytes(head[48:52], "little")
    if shift not in {9, 12} or first > 1 << 24:
        return b""
    with path.open("rb") as file:
        file.seek((first + 1) << shift)
        return file.read(_DIRECTORY_LOOK)
