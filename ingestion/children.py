"""Files that came out of a file, as documents below it: made, replaced and removed as its versions change.

The parent is published with them in one transaction, so a kill leaves all of it or nothing. A child has a
version and a job of its own like any upload, and is read by the parser of its own type.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from django.conf import settings
from django.db import transaction
from django.db.models import OuterRef, Subquery, Sum
from django.utils import timezone

from ingestion import ledger
from ingestion.parsing.detect import detect_media_type
from ingestion.parsing.document import Attachment
from ingestion.parsing.errors import ParseError, Reason
from retrieval.blobs import Blob, blob_path, store_blob
from retrieval.family import top_of, with_all_below
from retrieval.indexing import clear_index
from retrieval.models import Document, DocumentVersion

UNKNOWN_TYPE = "application/octet-stream"
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class ChildFile:
    """A file that came out of another; its bytes are kept already, though nothing names them yet."""

    name: str
    blob: Blob
    media_type: str


def keep_file(attachment: Attachment, content: IO[bytes]) -> ChildFile:
    """Keep the bytes of an attachment. They are collected like other orphans if nothing comes of it."""
    blob = store_blob(_pieces(content))
    try:
        media_type = detect_media_type(blob_path(blob.sha256), name=attachment.name)
    except ParseError:  # its own job will say why
        media_type = UNKNOWN_TYPE
    return ChildFile(attachment.name, blob, media_type)


def _pieces(content: IO[bytes]) -> Iterator[bytes]:
    while piece := content.read(_PIECE):
        yield piece


def may_have_children(document: Document) -> bool:
    """Whether files in this one become documents; those that lie deeper stay in their file unread."""
    return len(document.ancestors) < settings.PARSE_MAX_DEPTH


def check_family(document: Document, files: Sequence[ChildFile]) -> None:
    """Raise ParseError(too_large) where a file unpacks, with all that is in it, to more than is allowed."""
    root = top_of(document)
    others = (
        with_all_below(root)
        .filter(deleted_at__isnull=True, parent__isnull=False)
        .exclude(pk__in=with_all_below(document).values("pk"))
    )
    newest = DocumentVersion.objects.filter(document=OuterRef("pk")).order_by("-number")
    size = others.annotate(newest_size=Subquery(newest.values("size")[:1])).aggregate(
        total=Sum("newest_size")
    )
    total = (size["total"] or 0) + sum(file.blob.size for file in files)
    count = others.count() + len(files)
    if count > settings.PARSE_MAX_ATTACHMENTS or total > settings.PARSE_MAX_ATTACHMENT_MB << 20:
        message = (
            f"“{root.name}” unpacks to over {settings.PARSE_MAX_ATTACHMENTS} files or "
            f"{settings.PARSE_MAX_ATTACHMENT_MB} MB. Split it, or upload the files in it."
        )
        raise ParseError(Reason.TOO_LARGE, message)


def replace_children(*, version: DocumentVersion, files: Sequence[ChildFile]) -> None:
    """Make the documents below a document be these files; the parent's row is locked by the caller.

    The same name and bytes stay as they are, other bytes make a new version, what is gone is deleted.
    """
    parent = Document.objects.get(pk=version.document_id)
    there = {child.name: child for child in parent.children.filter(deleted_at__isnull=True)}
    for file in files:
        child = there.pop(file.name, None) or _create(parent, file)
        _add_version(child, file)
    for vanished in there.values():
        _remove(vanished)


def _create(parent: Document, file: ChildFile) -> Document:
    return Document.objects.create(
        collection_id=parent.collection_id,
        parent=parent,
        ancestors=[*parent.ancestors, parent.pk],
        name=file.name,
        title=file.name,
        tags=parent.tags,
        created_by_id=parent.created_by_id,
    )


def _add_version(child: Document, file: ChildFile) -> None:
    latest = child.versions.order_by("-number").first()
    if latest is not None and latest.sha256 == file.blob.sha256:
        return
    version = DocumentVersion.objects.create(
        document=child,
        number=latest.number + 1 if latest else 1,
        sha256=file.blob.sha256,
        size=file.blob.size,
        media_type=file.media_type,
        created_by_id=child.created_by_id,
    )
    ledger.open_job(version=version)


@transaction.atomic
def _remove(child: Document) -> None:
    """Take a child and all below it out of the index; what it came out of does not hold it any more."""
    family = with_all_below(child).filter(deleted_at__isnull=True)
    versions = DocumentVersion.objects.filter(document__in=family)
    ledger.cancel_open_jobs(versions=versions, message="It is not in the newest version any more.")
    for one in family.select_related("current_version").order_by("pk"):
        if one.current_version is not None:
            clear_index(version=one.current_version)
    family.update(deleted_at=timezone.now(), current_version=None)
