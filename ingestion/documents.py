"""What people do to documents: add, replace, delete, retry; and how a document's state is told."""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Literal

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from ingestion import ledger
from ingestion.models import IngestionJob
from ingestion.parsing.detect import detect_media_type
from ingestion.parsing.errors import ParseError
from retrieval import access
from retrieval.blobs import Blob, blob_path, store_blob
from retrieval.errors import InvalidInputError
from retrieval.indexing import clear_index
from retrieval.models import Collection, Document, DocumentVersion, Role
from retrieval.people import Group, Member, is_in_one_of

Outcome = Literal["created", "replaced", "unchanged"]

_PIECE = 1 << 20
_MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class Added:
    """What became of an upload; `job` is None where the bytes were there already."""

    document: Document
    version: DocumentVersion
    job: IngestionJob | None
    outcome: Outcome


def add_document(
    *,
    user: Member,
    collection: Collection,
    name: str,
    content: IO[bytes],
    teams: Iterable[Group] | None = None,
) -> Added:
    """Keep an upload and queue it; when this returns, the bytes and the job are on disk.

    The same name makes a new version of that document, the same bytes make nothing. `teams` narrows a new
    document to some teams. Needs the contributor role. Raises InvalidInputError for a file that cannot be
    used: empty, too large, of an unknown type.
    """
    access.require_role(user=user, collection=collection, role=Role.CONTRIBUTOR)
    name = clean_name(name)
    chosen = _check_teams(user, teams)
    blob = store_blob(_pieces(content, name))
    media_type = _detect(blob, name)
    try:
        return _record(user, collection, name, blob, media_type, chosen)
    except IntegrityError:  # someone else added a document of this name a moment ago: replace that one
        return _record(user, collection, name, blob, media_type, chosen)


def clean_name(name: str) -> str:
    """Return a file name without folders, control, invisible and direction characters.

    Raises InvalidInputError where nothing is left or it is too long.
    """
    base = PurePosixPath(unicodedata.normalize("NFC", name).replace("\\", "/")).name
    shown = "".join(c for c in base if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
    cleaned = " ".join(shown.split())
    if not cleaned.strip("."):
        raise InvalidInputError("The file has no name that can be shown. Rename it and upload it again.")
    if len(cleaned) > _MAX_NAME:
        raise InvalidInputError(
            f"The name “{cleaned[:40]}…” has {len(cleaned)} characters; at most {_MAX_NAME} are kept. "
            "Shorten it and upload again."
        )
    return cleaned


def _check_teams(user: Member, teams: Iterable[Group] | None) -> list[Group] | None:
    if teams is None:
        return None
    chosen = list(teams)
    if not is_in_one_of(user, chosen):
        raise InvalidInputError(
            "None of your teams is among the chosen ones: you would lose sight of the document."
        )
    return chosen


def _pieces(content: IO[bytes], name: str) -> Iterator[bytes]:
    size, limit = 0, settings.MAX_UPLOAD_MB << 20
    while piece := content.read(_PIECE):
        size += len(piece)
        if size > limit:
            raise InvalidInputError(
                f"“{name}” is larger than {settings.MAX_UPLOAD_MB} MB. "
                "Split it, or ask your admin for a higher limit."
            )
        yield piece
    if size == 0:
        raise InvalidInputError(f"“{name}” is empty. Upload a file that has content.")


def _detect(blob: Blob, name: str) -> str:
    try:
        return detect_media_type(blob_path(blob.sha256), name=name)
    except ParseError as error:
        raise InvalidInputError(str(error)) from error


@transaction.atomic
def _record(
    user: Member, collection: Collection, name: str, blob: Blob, media_type: str, teams: list[Group] | None
) -> Added:
    document = _find_visible(user, collection, name)
    created = document is None
    if document is None:
        document = _create(user, collection, name, teams)
    latest = document.versions.order_by("-number").first()
    if latest is not None and latest.sha256 == blob.sha256:
        return Added(document, latest, None, "unchanged")
    version = DocumentVersion.objects.create(
        document=document,
        number=latest.number + 1 if latest else 1,
        sha256=blob.sha256,
        size=blob.size,
        media_type=media_type,
        created_by_id=user.pk,
    )
    Document.objects.filter(pk=document.pk).update(updated_at=timezone.now())
    return Added(document, version, ledger.open_job(version=version), "created" if created else "replaced")


def _find_visible(user: Member, collection: Collection, name: str) -> Document | None:
    visible = access.visible_documents(user=user).filter(collection=collection, name=name)
    return visible.select_for_update(of=("self",)).first()


def _create(user: Member, collection: Collection, name: str, teams: list[Group] | None) -> Document:
    free = _free_name(user, collection, name)
    document = Document.objects.create(
        collection=collection, name=free, title=name, created_by_id=user.pk, is_narrowed=teams is not None
    )
    document.narrowed_to.set([team.pk for team in teams or []])
    return document


def _free_name(user: Member, collection: Collection, name: str) -> str:
    """Return a name that no live document has: one that this person may not see must not be given away."""
    hidden = Document.objects.filter(collection=collection, deleted_at__isnull=True).exclude(
        pk__in=access.visible_documents(user=user).values("pk")
    )
    path, number = PurePosixPath(name), 1
    free = name
    while hidden.filter(name=free).exists():
        number += 1
        free = f"{path.stem} ({number}){path.suffix}"
    return free


@transaction.atomic
def delete_document(*, user: Member, document: Document) -> None:
    """Take a document out of every search, answer and page at once; needs the contributor role."""
    access.require_role(user=user, collection=document.collection, role=Role.CONTRIBUTOR)
    locked = Document.objects.select_for_update().get(pk=document.pk)
    ledger.cancel_open_jobs(versions=locked.versions.all(), message="The document was deleted.")
    if locked.current_version is not None:
        clear_index(version=locked.current_version)
    Document.objects.filter(pk=locked.pk).update(deleted_at=timezone.now(), current_version=None)


@transaction.atomic
def retry_document(*, user: Member, document: Document) -> None:
    """Queue a document again whose newest version did not get into the index; needs the contributor role."""
    access.require_role(user=user, collection=document.collection, role=Role.CONTRIBUTOR)
    version = document.versions.select_for_update().order_by("-number").first()
    job = version.jobs.order_by("-created_at", "-pk").first() if version else None
    if job is None or job.state in {ledger.State.INDEXED, *ledger.OPEN}:
        raise InvalidInputError(
            f"“{document.name}” is not in a state to retry: {job.get_state_display() if job else 'empty'}."
        )
    ledger.reopen(job=job)


@transaction.atomic
def cancel_document(*, user: Member, document: Document) -> None:
    """Stop what is queued or in work for a document; what was searchable before stays so."""
    access.require_role(user=user, collection=document.collection, role=Role.CONTRIBUTOR)
    ledger.cancel_open_jobs(
        versions=document.versions.all(), message="Cancelled. Retry it to read it after all."
    )
