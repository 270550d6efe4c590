# ruff: noqa: ANN401 - Pillow's frames come in many classes
"""Pictures: put on the pages of a PDF and read like a scan, so that text recognition exists once."""

from __future__ import annotations

import tempfile
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.parsing import detect
from ingestion.parsing.errors import ParseError, Reason

if TYPE_CHECKING:
    from ingestion.parsing._ocr import Ocr
    from ingestion.parsing.document import ParsedDocument
    from ingestion.parsing.limits import Limits
    from ingestion.parsing.parsers import Progress

_DPI = 150  # what text recognition looks at: a pixel of the picture stays a pixel
_MAX_SIDE = 4000


class PictureParser:
    """Reads PNG, JPEG, TIFF (all pages), WebP, BMP and GIF (the first picture)."""

    name = "picture"
    version = "1"
    media_types = detect.PICTURES

    def __init__(self, ocr: Ocr | None = None) -> None:
        self._ocr = ocr

    def parse(
        self, path: Path, *, name: str, media_type: str, limits: Limits, on_progress: Progress
    ) -> ParsedDocument:
        """Return what can be read on the picture; raises ParseError (damaged or no_text)."""
        from ingestion.parsing.pdf import PdfParser

        scan = as_pdf(path, name=name, pages=limits.ocr_pages)
        return PdfParser(self._ocr).parse(
            scan, name=name, media_type=media_type, limits=limits, on_progress=on_progress
        )


def as_pdf(path: Path, *, name: str, pages: int) -> Path:
    """Return a PDF in the parser's own folder with the picture on it, or each of a TIFF's on a page."""
    from PIL import Image, ImageSequence

    Image.MAX_IMAGE_PIXELS = None  # the size was checked before
    target = Path(tempfile.gettempdir()) / "picture.pdf"
    try:
        with Image.open(path) as source:
            frames = ImageSequence.Iterator(source) if source.format == "TIFF" else iter([source])
            first, *others = (_flat(frame) for frame in islice(frames, pages))
            first.save(target, "PDF", resolution=_DPI, quality=90, save_all=True, append_images=others)
    except (OSError, ValueError, SyntaxError, EOFError, KeyError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise ParseError(Reason.DAMAGED, f"{name} is damaged. Save it anew and upload that copy.") from error
    return target


def _flat(frame: Any) -> Any:
    """Return a frame upright, on white, in colours that a PDF can hold, and not larger than is looked at."""
    from PIL import Image, ImageOps

    frame.draft("RGB", (_MAX_SIDE, _MAX_SIDE))
    small = ImageOps.exif_transpose(frame) or frame
    small.thumbnail((_MAX_SIDE, _MAX_SIDE))
    if small.mode in {"RGBA", "LA", "PA"} or "transparency" in small.info:
        clear = small.convert("RGBA")
        white = Image.new("RGBA", clear.size, "white")
        return Image.alpha_composite(white, clear).convert("RGB")
    return small.convert("RGB")


PARSER = PictureParser()


def reading(ocr: Ocr) -> PictureParser:
    """Return a parser that recognises text by ``ocr``."""
    return PictureParser(ocr)
