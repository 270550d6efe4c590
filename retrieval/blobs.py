"""The bytes of uploads: files named by the hash of their content, never by what a user called them."""

import hashlib
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Blob:
    sha256: str
    size: int


def blob_path(sha256: str) -> Path:
    """Return where the blob with this hash is, or would be."""
    return Path(settings.MEDIA_ROOT) / sha256[:2] / sha256


def page_images_folder() -> Path:
    """Return where images of pages are kept, in files whose names begin with the hash of the document."""
    return Path(settings.CACHE_DIR) / "pages"


def store_blob(pieces: Iterable[bytes]) -> Blob:
    """Keep some bytes and return their hash and size; they are on disk, synced, when this returns.

    The same bytes are kept once. A crash leaves at most a draft that nothing refers to.
    """
    root = Path(settings.MEDIA_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=root, prefix="draft-", delete=False) as draft:
        for piece in pieces:
            digest.update(piece)
            size += len(piece)
            draft.write(piece)
        draft.flush()
        os.fsync(draft.fileno())
    blob = Blob(digest.hexdigest(), size)
    _move_into_place(Path(draft.name), blob_path(blob.sha256))
    return blob


def _move_into_place(draft: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    draft.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name must survive a power cut as well as the bytes
    finally:
        os.close(folder)
