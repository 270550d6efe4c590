"""What is looked at before a parser runs: does the file unpack, or grow, beyond what is read safely?

Only headers, lists and bytes are counted here. Limits are in ``limits.py``; what is over one is refused for
good, with the figure in the message.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from typing import TYPE_CHECKING, NoReturn

from ingestion.parsing import detect
from ingestion.parsing.errors import ParseError, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingestion.parsing.limits import Limits

_ENTITY = re.compile(rb"<!ENTITY", re.IGNORECASE)
_XML_ENDINGS = (".xml", ".rels", ".xhtml", ".html", ".htm", ".opf", ".ncx")
_MIN_RATIO_BYTES = 32 << 20  # small files may be as dense as they like
_PIECE = 1 << 20
_CELL = re.compile(rb"<(?:\w+:)?c[ >]")
_CELL_OVERLAP = 20
_ZIPPED = frozenset({detect.DOCX, detect.PPTX, detect.XLSX, detect.ODT, detect.ODS, detect.ODP, detect.EPUB})
_MACROS = ("vbaproject.bin", "basic/script-lc.xml")


def check_before_parsing(path: Path, *, name: str, media_type: str, limits: Limits) -> list[str]:
    """Raise ParseError (too_large, encrypted, damaged) unless the file may be read; return warnings."""
    warnings_ = [text] if (text := detect.mismatch_warning(media_type, name=name)) else []
    if media_type in _ZIPPED:
        warnings_ += _check_zipped(path, name, media_type, limits)
    elif media_type == detect.XML:
        _check_entities(path.read_bytes()[: 64 << 10], name)
    elif media_type in detect.PICTURES:
        _check_picture(path, name, limits)
    return warnings_


def _refuse(name: str, what: str, *, advice: str = "Split it into smaller files.") -> NoReturn:
    raise ParseError(Reason.TOO_LARGE, f"{name} {what}, more than is read safely. {advice}")


def _check_zipped(path: Path, name: str, media_type: str, limits: Limits) -> list[str]:
    """Sizes are those that the archive claims for itself; Python's zipfile stops reading there."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_sizes(entries, path.stat().st_size, name, limits)
            for entry in entries:
                if entry.filename.lower().endswith(_XML_ENDINGS):
                    with archive.open(entry) as part:
                        _check_entities(part.read(64 << 10), name)
            if media_type == detect.XLSX:
                _check_cells(archive, name, limits)
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, EOFError) as error:
        message = f"{name} is damaged or cut off. Upload an intact copy."
        raise ParseError(Reason.DAMAGED, message) from error
    has_macros = any(entry.filename.lower().endswith(_MACROS) for entry in entries)
    return ["It holds macros. They are kept in the file and never run."] if has_macros else []


def _check_sizes(entries: list[zipfile.ZipInfo], packed: int, name: str, limits: Limits) -> None:
    total = sum(entry.file_size for entry in entries)
    dense = total > _MIN_RATIO_BYTES and total > limits.zip_ratio * max(1, packed)
    if len(entries) > limits.zip_entries or total > limits.zip_total_bytes or dense:
        _refuse(name, f"unpacks to {total >> 20} MiB in {len(entries)} parts")
    if any(entry.flag_bits & 1 for entry in entries):
        message = f"{name} is protected with a password. Remove the protection and upload it again."
        raise ParseError(Reason.ENCRYPTED, message)


def _check_entities(head: bytes, name: str) -> None:
    # Entities are declared before the first element, so the start is enough. UTF-16 and UTF-32 hide the
    # word between zeros.
    if _ENTITY.search(head.replace(b"\0", b"")):
        message = f"{name} defines XML entities, by which files grow or reach for others; it is not read."
        raise ParseError(Reason.DAMAGED, message)


def _check_cells(archive: zipfile.ZipFile, name: str, limits: Limits) -> None:
    """Count the cells of all sheets without parsing them."""
    cells = 0
    for entry in archive.infolist():
        if "worksheets/" in entry.filename.lower():
            for piece in _overlapping(archive, entry):
                cells += len(_CELL.findall(piece))
                if cells > limits.table_cells:
                    _refuse(name, f"has over {limits.table_cells:,} cells")


def _overlapping(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield a part in pieces that end before a tag that may go on in the next one."""
    rest = b""
    with archive.open(entry) as part:
        while read := part.read(_PIECE):
            data = rest + read
            cut = data.rfind(b"<", len(data) - _CELL_OVERLAP)
            rest = data[cut:] if cut >= 0 else b""
            yield data[:cut] if cut >= 0 else data
    yield rest


def _check_picture(path: Path, name: str, limits: Limits) -> None:
    """Read a picture's header, and count the pixels of all its frames."""
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # the limit is ours, and below Pillow's
    try:
        with warnings.catch_warnings(), Image.open(path) as picture:
            warnings.simplefilter("ignore")
            width, height = picture.size
            frames = getattr(picture, "n_frames", 1) if width * height <= limits.image_pixels else 1
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise ParseError(Reason.DAMAGED, f"{name} is damaged. Save it anew and upload that copy.") from error
    if width * height > limits.image_pixels or frames > limits.max_pages:
        advice = "Save it smaller, or split it."
        _refuse(name, f"has {width:,} by {height:,} pixels in {frames} picture(s)", advice=advice)
