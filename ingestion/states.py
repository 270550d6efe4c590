"""How the state of a document is told: a word, a tone, a reason, and how far it has got."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from ingestion.ledger import OPEN, Stage, State, lease
from ingestion.models import IngestionJob
from retrieval import access
from retrieval.models import Collection, Document
from retrieval.people import Member

Tone = Literal["waiting", "working", "good", "bad", "quiet"]

_FIELDS = (
    "id", "state", "stage", "done", "total", "attempts", "reason", "message", "heartbeat_at", "created_at",
    "due_at", "lease_expires_at",
)  # fmt: skip
_RETRYABLE = {State.FAILED, State.QUARANTINED, State.NO_TEXT, State.CANCELLED}
_TONES: dict[str, Tone] = {
    State.QUEUED: "waiting",
    State.WORKING: "working",
    State.INDEXED: "good",
    State.NO_TEXT: "bad",
    State.FAILED: "bad",
    State.QUARANTINED: "bad",
    State.CANCELLED: "quiet",
}


@dataclass(frozen=True, slots=True)
class DocumentState:
    """`percent` is None where it is not known; the estimate is of the current stage."""

    state: str
    word: str
    tone: Tone
    detail: str
    percent: int | None
    is_final: bool
    can_retry: bool
    can_cancel: bool


def documents_with_state(*, user: Member, collection: Collection | None = None) -> QuerySet[Document]:
    """Return visible documents, each with its newest job's fields as `job_state`, `job_stage` and so on."""
    newest = IngestionJob.objects.filter(version__document=OuterRef("pk")).order_by(
        "-version__number", "-created_at"
    )
    documents = access.visible_documents(user=user).select_related("current_version", "collection")
    if collection is not None:
        documents = documents.filter(collection=collection)
    jobs: dict[str, Any] = {f"job_{field}": Subquery(newest.values(field)[:1]) for field in _FIELDS}
    return documents.annotate(**jobs)


def describe_state(document: Document) -> DocumentState:
    """Return the state of a document from `documents_with_state`, in words for a person."""
    job: dict[str, Any] = {field: getattr(document, f"job_{field}") for field in _FIELDS}
    state = job["state"] or State.CANCELLED
    stalled = state == State.WORKING and _is_overdue(job["lease_expires_at"])
    return DocumentState(
        state="stalled" if stalled else state,
        word="Stalled" if stalled else State(state).label,
        tone="bad" if stalled else _TONES[state],
        detail=_detail(job, document, stalled=stalled),
        percent=_percent(job) if state == State.WORKING else None,
        is_final=state not in OPEN,
        can_retry=state in _RETRYABLE,
        can_cancel=state in OPEN,
    )


def _is_overdue(lease_expires_at: datetime | None) -> bool:
    return lease_expires_at is not None and lease_expires_at < timezone.now() - lease() / 2


def _detail(job: dict[str, Any], document: Document, *, stalled: bool) -> str:
    if stalled:
        return "The worker that had it does not answer; another one takes it over in less than a minute."
    if job["state"] == State.INDEXED and document.current_version is not None:
        version = document.current_version
        pages = f"{_count(version.page_count, 'page')}, " if version.page_count else ""
        return pages + _count(version.chunk_count, "passage")
    if job["state"] == State.WORKING:
        return _working(job)
    return str(job["message"] or "")


def _working(job: dict[str, Any]) -> str:
    label = Stage(job["stage"]).label
    unit = {Stage.PARSING: "pages", Stage.EMBEDDING: "passages"}.get(job["stage"])
    return f"{label}: {job['done']} of {job['total']} {unit}" if unit and job["total"] else label


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _percent(job: dict[str, Any]) -> int:
    """Reading is about a fifth of the work, embedding the rest."""
    share = job["done"] / job["total"] if job["total"] else 0
    if job["stage"] == Stage.PARSING:
        return int(20 * share)
    return (
        20 + int(78 * share)
        if job["stage"] == Stage.EMBEDDING
        else 98
        if job["stage"] == Stage.PUBLISHING
        else 20
    )
