"""What is thrown away by and by: delivered messages of the embedded broker, and bytes without a document."""

import logging
import time
from pathlib import Path

from django.conf import settings
from django.db import connection

from retrieval.models import DocumentVersion

log = logging.getLogger(__name__)

_BLOB_GRACE_SECONDS = 24 * 3600


def tidy() -> None:
    """Delete delivered messages and blobs that have had no document for a day."""
    if settings.EMBEDDED_BROKER:
        _delete_delivered_messages()
    _delete_orphan_blobs()


def _delete_delivered_messages() -> None:
    """Kombu's SQLAlchemy transport only hides a message that was delivered."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM kombu_message WHERE NOT visible AND timestamp < now() - interval '10 minutes'"
        )


def _delete_orphan_blobs() -> None:
    oldest = time.time() - _BLOB_GRACE_SECONDS
    for path in Path(settings.MEDIA_ROOT).glob("*/*"):
        if path.stat().st_mtime > oldest or DocumentVersion.objects.filter(sha256=path.name).exists():
            continue
        path.unlink(missing_ok=True)
        log.info("deleted blob %s: nothing refers to it", path.name)
    for draft in Path(settings.MEDIA_ROOT).glob("draft-*"):
        if draft.stat().st_mtime < oldest:
            draft.unlink(missing_ok=True)
