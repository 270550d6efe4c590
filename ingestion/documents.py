"""What people do to documents: add, replace, delete."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Literal

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from ingestion import ledger
from ingestion.models import IngestionJob
from ingestion.parsing.detect import detect_media_type
from ingestion.parsing.errors import ParseError
from retrieval import access
from retrieval.blobs import Blob, blob_path, store_blob
from retrieval.errors import InvalidInputError
from retrieval.family import with_all_below
from retrieval.indexing import clear_index
from retrieval.models import Collection, Document, DocumentVersion, Role
from retrieval.people import Group, Member, is_in_one_of
from retrieval.tags import change_tags

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
    tags: Sequence[str] = (),
) -> Added:
    """Keep an upload and queue it; when this returns, the bytes and the job are on disk.

    The same name makes a new version of that document, the same bytes make nothing. `teams` narrows a new
    document to some teams; `tags`, those of `read_tags`, are added to what it has. Needs the contributor
    role. Raises InvalidInputError for a file that cannot be used: empty, too large, of an unknown type.
    """
    access.require_role(user=user, collection=collection, role=Role.CONTRIBUTOR)
    name = clean_name(name)
    chosen = _check_teams(user, teams)
    blob = store_blob(_pieces(content, name))
    media_type = _detect(blob, name)
    try:
        return _record(user, collection, name, blob, media_type, chosen, tags)
    except IntegrityError:  # someone else added a document of this name a moment ago: replace that one
        return _record(user, collection, name, blob, media_type, chosen, tags)


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes that are on disk, with the name and the type that a document of them would have."""

    name: str
    blob: Blob
    media_type: str


def keep_content(*, name: str, content: IO[bytes]) -> Kept:
    """Keep some bytes for `record_kept`. Raises InvalidInputError for what cannot be used."""
    cleaned = clean_name(name)
    blob = store_blob(_pieces(content, cleaned))
    return Kept(cleaned, blob, _detect(blob, cleaned))


@transaction.atomic
def record_kept(*, user: Member, collection: Collection, document: Document | None, kept: Kept) -> Added:
    """Make kept bytes the newest version of a document, or without one a document of a free name.

    For what comes by itself: it must not replace what somebody uploaded under the same name. Needs the
    contributor role.
    """
    home = document.collection if document else collection
    access.require_role(user=user, collection=home, role=Role.CONTRIBUTOR)
    created = document is None
    if document is None:
        free = free_name(kept.name, taken=live_documents(collection))
        document = Document.objects.create(
            collection=collection, name=free, title=kept.name, created_by_id=user.pk
        )
    return _record_version(user, document, kept.blob, kept.media_type, created=created)


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
    user: Member,
    collection: Collection,
    name: str,
    blob: Blob,
    media_type: str,
    teams: list[Group] | None,
    tags: Sequence[str],
) -> Added:
    document = _find_visible(user, collection, name)
    created = document is None
    if document is None:
        document = _create(user, collection, name, teams)
    if tags:
        change_tags(user=user, documents=[document], add=tags)
    return _record_version(user, document, blob, media_type, created=created)


def _record_version(user: Member, document: Document, blob: Blob, media_type: str, *, created: bool) -> Added:
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
    visible = access.visible_documents(user=user).filter(
        collection=collection, name=name, parent__isnull=True
    )
    return visible.select_for_update(of=("self",)).first()


def _create(user: Member, collection: Collection, name: str, teams: list[Group] | None) -> Document:
    """Make a document; the name of one that this person may not see must not be given away."""
    visible = access.visible_documents(user=user).values("pk")
    free = free_name(name, taken=live_documents(collection).exclude(pk__in=visible))
    document = Document.objects.create(
        collection=collection, name=free, title=name, created_by_id=user.pk, is_narrowed=teams is not None
    )
    document.narrowed_to.set([team.pk for team in teams or []])
    return document


def live_documents(collection: Collection) -> QuerySet[Document]:
    """Return the documents of a collection that are not deleted nor in another, whoever may see them."""
    return Document.objects.filter(collection=collection, parent__isnull=True, deleted_at__isnull=True)


def free_name(name: str, *, taken: QuerySet[Document]) -> str:
    """Return a name that no document among `taken` has: the name itself, or with a number."""
    path, number = PurePosixPath(name), 1
    free = name
    while taken.filter(name=free).exists():
        number += 1
        free = f"{path.stem} ({number}){path.suffix}"
    return free


DELETED = "The document was deleted."


@transaction.atomic
def delete_document(*, user: Member, document: Document) -> None:
    """Take a document and all in it out of every search, answer and page at once.

    Needs the contributor role. It can be restored until DELETED_RETENTION_DAYS are over. Raises
    InvalidInputError for a document that is in another: it would come back with the next version of that one.
    """
    access.require_role(user=user, collection=document.collection, role=Role.CONTRIBUTOR)
    check_is_whole(document, "Delete that, or upload it without this part.")
    family = with_all_below(document).filter(deleted_at__isnull=True)
    _cancel_jobs_of(family)  # before documents are locked: publishing locks a job first, then its document
    for one in family.select_for_update(of=("self",)).order_by("pk"):
        if one.current_version is not None:
            clear_index(version=one.current_version)
    _cancel_jobs_of(family)  # those of versions that were added a moment ago
    family.update(deleted_at=timezone.now(), deleted_by=user.pk, current_version=None)


def check_is_whole(document: Document, advice: str) -> None:
    """Raise InvalidInputError for a document that came out of another: it goes where that one goes."""
    if document.parent is not None:
        raise InvalidInputError(f"“{document.name}” is a part of “{document.parent.name}”. {advice}")


def _cancel_jobs_of(documents: QuerySet[Document]) -> None:
    ledger.cancel_open_jobs(versions=DocumentVersion.objects.filter(document__in=documents), message=DELETED)


def jobs_of(document: Document) -> QuerySet[IngestionJob]:
    """Return the jobs of all versions of a document."""
    return IngestionJob.objects.filter(version__document=document)
