"""The ledger of ingestion: what waits, works and failed among what you look after."""

from typing import Annotated, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema
from ninja.responses import Status
from pydantic import Field

from ingestion.board import STATES, board_jobs, board_rows, count_states
from ingestion.forecast import seconds_until_done
from ingestion.jobs import cancel_document, reprocess_document, retry_failed
from ingestion.models import IngestionJob
from ingestion.workers import alive_workers
from portal.api.auth import caller, reads, writes
from portal.api.documents import DocumentOut, StateOut, shown_document
from portal.api.fields import Text
from portal.api.paging import PageOut, PagingQuery
from portal.api.problems import NotReadyError
from retrieval.access import get_visible_collection, get_visible_document
from retrieval.errors import InvalidInputError
from retrieval.models import Collection, Role

router = Router(tags=["Jobs"])

StateName = Literal[
    "stalled", "working", "queued", "failed", "quarantined", "no_text", "cancelled", "indexed"
]


class JobFilter(Schema):
    state: StateName | None = None
    collection: Text | None = Field(default=None, description="Slug of a collection.")


class JobOut(Schema):
    document_id: UUID
    name: str
    collection_slug: str
    state: StateOut
    stage_seconds: dict[str, float] = Field(description="How long each stage of this attempt took.")


class JobPage(PageOut):
    items: list[JobOut]
    counts: dict[str, int] = Field(description="Documents by state, whatever `state` you asked for.")
    ready_in: float | None = Field(description="Seconds until all of these are done; null if unknown.")
    workers: int = Field(description="Workers that are alive.")


class RetriedOut(Schema):
    retried: int


@router.get("/jobs", auth=reads, response=JobPage)
def read_jobs(
    request: HttpRequest, paging: PagingQuery, narrowed: Annotated[JobFilter, Query()]
) -> dict[str, object]:
    """List the jobs of documents to which you may contribute, what goes on first."""
    user = caller(request)
    collection = _collection(request, narrowed.collection)
    jobs = board_jobs(user=user, state=narrowed.state or "", collection=collection)
    every = board_jobs(user=user, collection=collection)
    start = (paging.page - 1) * paging.page_size
    listed = jobs.select_related("version__document__collection", "version__document__current_version")
    counts = count_states(every).by_state
    return {
        "items": _shown(list(listed[start : start + paging.page_size])),
        "count": counts[narrowed.state] if narrowed.state else sum(counts.values()),
        "page": paging.page,
        "page_size": paging.page_size,
        "counts": {state: counts[state] for state in STATES},
        "ready_in": seconds_until_done(every),
        "workers": len(alive_workers()),
    }


def _shown(jobs: list[IngestionJob]) -> list[dict[str, object]]:
    return [
        {
            "document_id": row.document.pk,
            "name": row.document.name,
            "collection_slug": row.document.collection.slug,
            "state": row.state,
            "stage_seconds": job.stage_seconds,
        }
        for job, row in zip(jobs, board_rows(jobs), strict=True)
    ]


def _collection(request: HttpRequest, slug: str | None) -> Collection | None:
    if slug is None:
        return None
    return get_visible_collection(user=caller(request), slug=slug, role=Role.CONTRIBUTOR)


@router.post("/collections/{slug:slug}/retry-failed", auth=writes, response={202: RetriedOut})
def retry_all(request: HttpRequest, slug: str) -> Status[dict[str, object]]:
    """Queue everything of a collection that failed again. Needs the contributor role."""
    collection = _collection(request, slug)
    return Status(202, {"retried": retry_failed(user=caller(request), collection=collection)})


@router.post("/documents/{uuid:document_id}/cancel", auth=writes, response={202: DocumentOut})
def cancel(request: HttpRequest, document_id: UUID) -> Status[dict[str, object]]:
    """Stop what waits or works for a document; what was searchable stays so. Needs the contributor role."""
    user = caller(request)
    document = get_visible_document(user=user, document_id=document_id)
    cancel_document(user=user, document=document)
    return Status(202, shown_document(user, document_id))


@router.post("/documents/{uuid:document_id}/reprocess", auth=writes, response={202: DocumentOut})
def reprocess(request: HttpRequest, document_id: UUID) -> Status[dict[str, object]]:
    """Read a document again with the parser of today. Needs the contributor role.

    The old index serves until the new one is published. 409 while it waits or is in work.
    """
    user = caller(request)
    document = get_visible_document(user=user, document_id=document_id)
    try:
        reprocess_document(user=user, document=document)
    except InvalidInputError as error:
        raise NotReadyError(str(error)) from error
    return Status(202, shown_document(user, document_id))
