"""Sources: where the documents of the collections that you manage come from by themselves."""

from datetime import datetime
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.responses import Status
from pydantic import Field

from ingestion import sources as services
from ingestion.models import Source, SourceItem, SyncRun
from ingestion.source_states import describe_source
from portal.api.auth import caller, reads, writes
from portal.api.paging import PageOut, PagingQuery, page_of

router = Router(tags=["Sources"])


class RunOut(Schema):
    id: UUID
    state: SyncRun.State
    message: str = Field(description="What went wrong, or what was not looked at; else empty.")
    started_at: datetime
    finished_at: datetime | None
    new: int
    changed: int
    unchanged: int
    removed: int
    left_out: int
    failed: int


class SourceOut(Schema):
    id: UUID
    name: str
    kind: str
    collection: str = Field(description="Slug of the collection.")
    state: str = Field(description="In a word, for a person.")
    detail: str
    is_open: bool = Field(description="Whether a sync waits or runs.")
    is_enabled: bool
    every_minutes: int = Field(description="0: only when somebody asks.")
    next_run_at: datetime | None
    last_run: RunOut | None


class SourcePage(PageOut):
    items: list[SourceOut]


class RunPage(PageOut):
    items: list[RunOut]


class FailedItemOut(Schema):
    path: str
    message: str


class FailedItemPage(PageOut):
    items: list[FailedItemOut]


@router.get("/sources", auth=reads, response=SourcePage)
def read_sources(request: HttpRequest, paging: PagingQuery) -> dict[str, object]:
    """List the sources of the collections that you manage, by name."""
    rows = services.managed_sources(user=caller(request)).order_by("name", "pk")
    return page_of(rows, paging, _shown)


@router.get("/sources/{uuid:source_id}", auth=reads, response=SourceOut)
def read_source(request: HttpRequest, source_id: UUID) -> dict[str, object]:
    """Return one source with its last run."""
    return _shown(services.get_source(user=caller(request), source_id=source_id))


@router.post("/sources/{uuid:source_id}/sync", auth=writes, response={202: SourceOut})
def sync_source(request: HttpRequest, source_id: UUID) -> Status[dict[str, object]]:
    """Queue a sync. Where one waits or runs already, it is that one."""
    source = services.get_source(user=caller(request), source_id=source_id)
    services.sync_now(user=caller(request), source=source)
    return Status(202, _shown(source))


@router.get("/sources/{uuid:source_id}/runs", auth=reads, response=RunPage)
def read_runs(request: HttpRequest, source_id: UUID, paging: PagingQuery) -> dict[str, object]:
    """List the runs of a source, newest first."""
    source = services.get_source(user=caller(request), source_id=source_id)
    return page_of(source.runs.order_by("-started_at", "pk"), paging, _shown_run)


@router.get("/sources/{uuid:source_id}/failed-items", auth=reads, response=FailedItemPage)
def read_failed_items(request: HttpRequest, source_id: UUID, paging: PagingQuery) -> dict[str, object]:
    """List the items that failed at the last look, each with its reason."""
    source = services.get_source(user=caller(request), source_id=source_id)
    return page_of(services.troubled_items(source), paging, _shown_item)


def _shown(source: Source) -> dict[str, object]:
    state = describe_source(source)
    return {
        "id": source.pk,
        "name": source.name,
        "kind": source.kind,
        "collection": source.collection.slug,
        "state": state.word,
        "detail": state.detail,
        "is_open": state.is_open,
        "is_enabled": source.is_enabled,
        "every_minutes": source.every_minutes,
        "next_run_at": source.next_run_at,
        "last_run": _shown_run(state.run) if state.run else None,
    }


def _shown_run(run: SyncRun) -> dict[str, object]:
    return {name: getattr(run, name) for name in RunOut.model_fields}


def _shown_item(item: SourceItem) -> dict[str, object]:
    return {"path": item.path, "message": item.message}
