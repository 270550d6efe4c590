"""Documents: upload, state, text, bytes, deletion."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import BinaryIO
from urllib.parse import quote
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from ninja import File, Form, Router, Schema
from ninja.files import UploadedFile
from ninja.responses import Status
from pydantic import Field

from ingestion.documents import add_document, delete_document
from ingestion.jobs import retry_document
from ingestion.states import DocumentState, describe_state, describe_states, documents_with_state
from portal.accounts.models import Team, User
from portal.accounts.teams import visible_teams
from portal.api.auth import caller, reads, writes
from portal.api.fields import RequestBody, Text
from portal.api.paging import PageOut, PagingQuery, page_of
from portal.api.problems import NotReadyError, TooLargeError
from portal.api.search import absolute
from retrieval.access import get_visible_collection, get_visible_document, readable_versions
from retrieval.authors import set_author
from retrieval.blobs import blob_path
from retrieval.errors import InvalidInputError, NotVisibleError
from retrieval.models import MAX_AUTHOR, Document, DocumentText, DocumentVersion, Role
from retrieval.tags import clean_tag, read_tags, set_tags

router = Router(tags=["Documents"])

_PIECE = 1 << 16
_FORM_OVERHEAD = 1 << 20


class StateOut(Schema):
    state: str = Field(
        description="queued, working, stalled, indexed, no_text, failed, quarantined or cancelled."
    )
    word: str
    detail: str = Field(description="How far it has got, or why it failed and what to do.")
    percent: int | None
    is_final: bool = Field(description="Whether it stays so until someone does something: stop polling.")
    can_retry: bool
    can_cancel: bool
    can_reprocess: bool = Field(description="Whether it can be read again with the parser of today.")
    reason: str = Field(description="Why it failed, as one word for programs; empty where it did not.")
    stage: str = Field(description="What a worker does with it now.")
    place: int | None = Field(description="Its place in the queue, from 1, while it waits.")
    heartbeat_age: int | None = Field(description="Seconds since its worker last gave a sign of life.")
    ready_in: float | None = Field(description="Seconds until it is done, as recent jobs let expect.")


class VersionOut(Schema):
    number: int
    sha256: str
    size: int = Field(description="Bytes.")
    media_type: str
    page_count: int
    chunk_count: int
    warnings: list[str]
    indexed_at: datetime | None
    restored_from: int | None = Field(description="The number of the version that this one brings back.")


class DocumentOut(Schema):
    id: UUID
    name: str
    title: str
    collection_slug: str
    collection_title: str
    parent_id: UUID | None = Field(description="The mail or archive that it came out of; null for an upload.")
    author: str = Field(description="Who wrote it, as its file says or a manager; several as “One; Other”.")
    tags: list[str] = Field(description="In the order of the alphabet.")
    is_narrowed: bool = Field(description="Whether fewer teams see it than its collection.")
    state: StateOut = Field(description="Of the newest version.")
    version: VersionOut | None = Field(description="The version that is searched; null before the first one.")
    created_at: datetime
    updated_at: datetime
    url: str = Field(description="The document in the portal's viewer.")


class DocumentPage(PageOut):
    items: list[DocumentOut]


class UploadOut(Schema):
    outcome: str = Field(description="created, replaced (a new version) or unchanged (the same bytes).")
    document: DocumentOut


class PageSpanOut(Schema):
    number: int
    label: str
    start: int
    end: int


class TextOut(Schema):
    document_id: UUID
    version_number: int
    text: str
    pages: list[PageSpanOut] = Field(description="Spans of the text.")


class UploadForm(Schema):
    teams: list[Text] = Field(default=[], description="Slugs: narrow a new document to these teams.")
    tags: list[Text] = Field(default=[], description="Tags to put on the document, beside those it has.")


class DocumentChange(RequestBody):
    author: Text | None = Field(
        default=None,
        max_length=MAX_AUTHOR,
        description="Who wrote it, several as “One; Other”; later versions change nothing then. Needs the "
        "manager role.",
    )
    tags: list[Text] | None = Field(
        default=None, max_length=100, description="All its tags. Needs the contributor role."
    )


@router.get("/collections/{slug:slug}/documents", auth=reads, response=DocumentPage)
def read_documents(request: HttpRequest, slug: str, paging: PagingQuery, tag: str = "") -> dict[str, object]:
    """List the documents in a collection that you may see, by name, each with its state.

    With `tag`: those that have this tag.
    """
    collection = get_visible_collection(user=caller(request), slug=slug)
    rows = documents_with_state(user=caller(request), collection=collection).order_by("name", "pk")
    if tag:
        rows = rows.filter(tags__contains=[clean_tag(tag)])
    return page_of(rows, paging, _shown)


@router.post("/collections/{slug:slug}/documents", auth=writes, response={200: UploadOut, 201: UploadOut})
def upload(
    request: HttpRequest, slug: str, file: File[UploadedFile], form: Form[UploadForm]
) -> Status[dict[str, object]]:
    """Upload one file as `file`. Poll the document until `state.is_final`. Needs the contributor role.

    201 with a new document; 200 where the name was there: a new version, or nothing for the same bytes.
    """
    user = caller(request)
    collection = get_visible_collection(user=user, slug=slug, role=Role.CONTRIBUTOR)
    _check_size(file.size or 0)
    added = add_document(
        user=user,
        collection=collection,
        name=file.name or "",
        content=file,
        teams=_teams(request, form.teams),
        tags=read_tags(form.tags),
    )
    shown: dict[str, object] = {"outcome": added.outcome, "document": _reload(request, added.document)}
    return Status(201 if added.outcome == "created" else 200, shown)


@router.get("/documents/{uuid:document_id}", auth=reads, response=DocumentOut)
def read_document(request: HttpRequest, document_id: UUID) -> dict[str, object]:
    """Return one document with its state."""
    return _reload(request, get_visible_document(user=caller(request), document_id=document_id))


@router.patch("/documents/{uuid:document_id}", auth=writes, response=DocumentOut)
def change_document(request: HttpRequest, document_id: UUID, body: DocumentChange) -> dict[str, object]:
    """Change author and tags; what you leave out stays."""
    user = caller(request)
    document = get_visible_document(user=user, document_id=document_id)
    with transaction.atomic():
        if body.author is not None:
            set_author(user=user, document=document, author=body.author)
        if body.tags is not None:
            set_tags(user=user, document=document, tags=read_tags(body.tags))
    return _reload(request, document)


@router.get("/documents/{uuid:document_id}/text", auth=reads, response=TextOut)
def read_text(request: HttpRequest, document_id: UUID, version: int | None = None) -> dict[str, object]:
    """Return the text that citations point into. Managers may ask for earlier versions by number."""
    found = _readable(request, document_id, version)
    stored = DocumentText.objects.filter(version=found).first()
    if stored is None:
        raise NotReadyError(f"Version {found.number} has no text yet. Look at the document's state.")
    pages = found.pages.order_by("number").values("number", "label", "start", "end")
    return {
        "document_id": document_id,
        "version_number": found.number,
        "text": stored.text,
        "pages": list(pages),
    }


@router.get("/documents/{uuid:document_id}/file", auth=reads, response={200: bytes})
def read_file(request: HttpRequest, document_id: UUID, version: int | None = None) -> HttpResponseBase:
    """Return the bytes as they were uploaded. Managers may ask for earlier versions by number."""
    found = _readable(request, document_id, version)
    name = found.document.name
    headers = {
        "Content-Type": found.media_type,
        "Content-Length": str(found.size),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "X-Content-Type-Options": "nosniff",
    }
    file = blob_path(found.sha256).open("rb")
    _release_connection()
    response = StreamingHttpResponse(_pieces(file), headers=headers)
    response._resource_closers.append(file.close)  # type: ignore[attr-defined]  # as FileResponse does
    return response


@router.delete("/documents/{uuid:document_id}", auth=writes, response={204: None})
def remove_document(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """Take a document out of every search, answer and page at once. Needs the contributor role.

    It can be restored for some days (DELETED_RETENTION_DAYS).
    """
    user = caller(request)
    delete_document(user=user, document=get_visible_document(user=user, document_id=document_id))
    return HttpResponse(status=204)


@router.post("/documents/{uuid:document_id}/retry", auth=writes, response={202: DocumentOut})
def retry(request: HttpRequest, document_id: UUID) -> Status[dict[str, object]]:
    """Read a document again that could not be read. Needs the contributor role; 409 where it was read."""
    user = caller(request)
    document = get_visible_document(user=user, document_id=document_id, role=Role.CONTRIBUTOR)
    try:
        retry_document(user=user, document=document)
    except InvalidInputError as error:
        raise NotReadyError(str(error)) from error
    return Status(202, _reload(request, document))


def check_announced_size(request: HttpRequest) -> None:
    """Refuse a request by the length that it announces, before any of it is parsed."""
    length = str(request.META.get("CONTENT_LENGTH") or "")
    if length.isdecimal():
        _check_size(int(length[:20]), spare=_FORM_OVERHEAD)


def _check_size(size: int, *, spare: int = 0) -> None:
    if size > (settings.MAX_UPLOAD_MB << 20) + spare:
        raise TooLargeError(
            f"The upload is larger than {settings.MAX_UPLOAD_MB} MB. Split it, or ask your admin for more."
        )


def _teams(request: HttpRequest, slugs: list[str]) -> list[Team] | None:
    if not slugs:
        return None
    teams = list(visible_teams(user=caller(request)).filter(slug__in=slugs))
    if unknown := sorted(set(slugs) - {team.slug for team in teams}):
        raise InvalidInputError(f"You are in no team with the slug “{unknown[0]}”. GET /me lists your teams.")
    return teams


def _readable(request: HttpRequest, document_id: UUID, number: int | None) -> DocumentVersion:
    """Return the version to read: the one asked for, else the one that is searched, else the newest."""
    user = caller(request)
    document = get_visible_document(user=user, document_id=document_id)
    versions = readable_versions(user=user, document=document).select_related("document").order_by("-number")
    if number is not None:
        found = versions.filter(number=number).first()
    else:
        found = document.current_version or versions.first()
        if found is None:
            raise NotReadyError("This document is not indexed yet. Look at its state.")
    if found is None:
        raise NotVisibleError
    return found


def _release_connection() -> None:
    """Give the connection back to the pool before a slow client takes its time over a download."""
    if not connection.in_atomic_block:
        connection.close()


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    """Yield a file in pieces; Django would read a plain file whole into memory under ASGI."""
    while piece := await sync_to_async(file.read)(_PIECE):
        yield piece


def _reload(request: HttpRequest, document: Document) -> dict[str, object]:
    return shown_document(caller(request), document.pk)


def shown_document(user: User, document_id: UUID) -> dict[str, object]:
    """Return a visible document as the API shows it, with its place in the queue and its estimate."""
    found = documents_with_state(user=user).filter(pk=document_id)
    return _shown(*describe_states(found)[0])


def _shown(document: Document, state: DocumentState | None = None) -> dict[str, object]:
    state = state or describe_state(document)
    return {
        "id": document.pk,
        "name": document.name,
        "title": document.title,
        "collection_slug": document.collection.slug,
        "collection_title": document.collection.title,
        "parent_id": document.parent_id,
        "author": document.author,
        "tags": document.tags,
        "is_narrowed": document.is_narrowed,
        "state": state,
        "version": document.current_version,
        "created_at": document.created_at,
        "updated_at": document.updated_at,
        "url": absolute(reverse("document", args=[document.pk])),
    }
