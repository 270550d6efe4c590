"""Images of PDF pages: rendered once in a sandboxed child, then kept as files under the cache folder."""

import tempfile
import threading
from pathlib import Path

from ingestion.parsing.sandbox import render_page
from retrieval.blobs import blob_path, page_images_folder
from retrieval.models import DocumentVersion

WIDTH_PX = 1400
# A page list asks for many images at once; each renderer is a process, and there are few cores.
_renderers = threading.BoundedSemaphore(2)


def page_image(*, version: DocumentVersion, page: int) -> bytes:
    """Return a page (from 1) as WebP, WIDTH_PX wide. Raises ParseError where it cannot be drawn."""
    kept = _path(version.sha256, page)
    if kept.exists():
        return kept.read_bytes()
    with _renderers:
        if kept.exists():
            return kept.read_bytes()
        image = render_page(blob_path(version.sha256), page=page, width_px=WIDTH_PX)
    _keep(kept, image)
    return image


def _path(sha256: str, page: int) -> Path:
    return page_images_folder() / sha256[:2] / f"{sha256}-{page}-{WIDTH_PX}.webp"


def _keep(path: Path, image: bytes) -> None:
    """Write whole or not at all, so that a killed process leaves no half image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as draft:
        draft.write(image)
    Path(draft.name).replace(path)
