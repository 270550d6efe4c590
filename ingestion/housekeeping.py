"""What is thrown away by and by: delivered messages, documents whose time is over, bytes of no document."""

import logging
import time
from pathlib import Path

from django.conf import settings
from django.db import connection

from ingestion import deleted
from retrieval.blobs import page_images_folder
from retrieval.models import DocumentVersion

log = logging.getLogger(__name__)

_BLOB_GRACE_SECONDS = 24 * 3600
_DOOMED = ".doomed"


def tidy() -> None:
    """Erase what was deleted long enough ago, then bytes and page images that have no document any more."""
    if settings.EMBEDDED_BROKER:
        _delete_delivered_messages()
    deleted.erase_deleted()
    _delete_orphan_blobs()
    _delete_orphan_images()


def _delete_delivered_messages() -> None:
    """Kombu's SQLAlchemy transport only hides a message that was delivered."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM kombu_message WHERE NOT visible AND timestamp < now() - interval '10 minutes'"
        )


def _delete_orphan_blobs() -> None:
    oldest = time.time() - _BLOB_GRACE_SECONDS
    for path in Path(settings.MEDIA_ROOT).glob("*/*"):
        if path.suffix != _DOOMED and path.stat().st_mtime <= oldest and not _is_used(path.name):
            _delete_blob(path, oldest)
    for doomed in Path(settings.MEDIA_ROOT).glob(f"*/*{_DOOMED}"):  # of a process that was killed between
        _settle(doomed, oldest)
    for draft in Path(settings.MEDIA_ROOT).glob("draft-*"):
        if draft.stat().st_mtime < oldest:
            draft.unlink(missing_ok=True)


def _delete_blob(path: Path, oldest: float) -> None:
    """Take the file away first and look again: the same bytes may be uploaded this very moment."""
    _settle(path.replace(path.with_name(path.name + _DOOMED)), oldest)


def _settle(doomed: Path, oldest: float) -> None:
    """Delete a file that was taken away, or put it back where it is used or its age tells of an upload."""
    path = doomed.with_suffix("")
    if doomed.stat().st_mtime > oldest or _is_used(path.name):
        doomed.replace(path)
        return
    doomed.unlink()
    log.info("deleted blob %s: nothing refers to it", path.name)


def _is_used(sha256: str) -> bool:
    return DocumentVersion.objects.filter(sha256=sha256).exists()


def _delete_orphan_images() -> None:
    """Page images are named by the hash of their document's bytes."""
    for path in page_images_folder().glob("*/*"):
        if not _is_used(path.name.partition("-")[0]):
            path.unlink(missing_ok=True)
