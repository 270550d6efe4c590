"""The history of documents: versions, roll back, moves, and what was deleted."""

from datetime import datetime
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.responses import Status
from pydantic import Field

from ingestion.deleted import erased_after, restore_document
from ingestion.moving import WiderAudienceError, move_document
from ingestion.versions import document_history, roll_back
from portal.api.auth import caller, reads, writes
from portal.api.documents import DocumentOut, VersionOut, shown_document
from portal.api.fields import RequestBody, Text
from portal.api.paging import PageOut, PagingQuery, page_of
from portal.api.problems import NotReadyError
from retrieval.access import (
    deleted_documents,
    get_deleted_document,
    get_visible_collection,
    get_visible_document,
)
from retrieval.models import Document, Role

router = Router(tags=["History"])


class HistoryOut(Schema):
    version: VersionOut
    state: str = Field(description="How its reading ended, in a word.")
    message: str
    is_searched: bool
    can_roll_back: bool


class RollBackIn(RequestBody):
    version: int = Field(ge=1, description="The number of the version to bring back.")


class MoveIn(RequestBody):
    collection: Text = Field(description="Slug of the collection to move it to.")
    allow_wider: bool = Field(default=False, description="Move it even where more people would see it.")


class DeletedOut(Schema):
    id: UUID
    name: str
    deleted_at: datetime
    erased_after: datetime = Field(description="When it is erased for good.")


class DeletedPage(PageOut):
    items: list[DeletedOut]


@router.get("/documents/{uuid:document_id}/versions", auth=reads, response=list[HistoryOut])
def read_versions(request: HttpRequest, document_id: UUID) -> list[object]:
    """List the versions of a document, the newest first. Needs the manager role."""
    document = get_visible_document(user=caller(request), document_id=document_id)
    return list(document_history(user=caller(request), document=document))


@router.post("/documents/{uuid:document_id}/roll-back", auth=writes, response={202: DocumentOut})
def bring_back(request: HttpRequest, document_id: UUID, body: RollBackIn) -> Status[dict[str, object]]:
    """Bring an earlier version back as the newest one. Needs the manager role.

    What is searched now serves until the version is read.
    """
    user = caller(request)
    document = get_visible_document(user=user, document_id=document_id)
    roll_back(user=user, document=document, number=body.version)
    return Status(202, shown_document(user, document_id))


@router.post("/documents/{uuid:document_id}/move", auth=writes, response=DocumentOut)
def move(request: HttpRequest, document_id: UUID, body: MoveIn) -> dict[str, object]:
    """Move a document with its history to another collection. Needs the contributor role in both.

    409 where more people would see it there and `allow_wider` is not true.
    """
    user = caller(request)
    document = get_visible_document(user=user, document_id=document_id)
    target = get_visible_collection(user=user, slug=body.collection)
    try:
        move_document(user=user, document=document, target=target, allow_wider=body.allow_wider)
    except WiderAudienceError as error:
        raise NotReadyError(str(error)) from error
    return shown_document(user, document_id)


@router.get("/collections/{slug:slug}/deleted", auth=reads, response=DeletedPage)
def read_deleted(request: HttpRequest, slug: str, paging: PagingQuery) -> dict[str, object]:
    """List what was deleted from a collection and can be restored. Needs the contributor role."""
    user = caller(request)
    collection = get_visible_collection(user=user, slug=slug, role=Role.CONTRIBUTOR)
    gone = deleted_documents(user=user).filter(collection=collection).order_by("-deleted_at", "pk")
    return page_of(gone, paging, _deleted)


def _deleted(document: Document) -> dict[str, object]:
    return {
        "id": document.pk,
        "name": document.name,
        "deleted_at": document.deleted_at,
        "erased_after": erased_after(document),
    }


@router.post("/documents/{uuid:document_id}/restore", auth=writes, response={202: DocumentOut})
def restore(request: HttpRequest, document_id: UUID) -> Status[dict[str, object]]:
    """Bring a deleted document back with all its versions. Needs the contributor role."""
    user = caller(request)
    document = get_deleted_document(user=user, document_id=document_id)
    restore_document(user=user, document=document)
    return Status(202, shown_document(user, document_id))
