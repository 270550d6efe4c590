"""How the state of a document is told: a word, a tone, a reason, how far it has got and when it is done."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.utils import timezone

from ingestion.forecast import Forecast, forecast
from ingestion.jobs import RETRYABLE
from ingestion.ledger import OPEN, Stage, State, lease
from ingestion.models import IngestionJob
from retrieval import access
from retrieval.models import Collection, Document
from retrieval.people import Member

Tone = Literal["waiting", "working", "stalled", "good", "blank", "bad", "quarantined", "quiet"]

STALLED = "stalled"
_FIELDS = (
    "id", "state", "stage", "done", "total", "attempts", "reason", "message", "heartbeat_at", "created_at",
    "due_at", "lease_expires_at",
)  # fmt: skip
TONES: dict[str, Tone] = {
    State.QUEUED: "waiting",
    State.WORKING: "working",
    STALLED: "stalled",
    State.INDEXED: "good",
    State.SYNCED: "good",
    State.NO_TEXT: "blank",
    State.FAILED: "bad",
    State.QUARANTINED: "quarantined",
    State.CANCELLED: "quiet",
}
STATE_WORDS: dict[str, str] = {STALLED: "Stalled"} | {state.value: str(state.label) for state in State}
_UNITS = {Stage.PARSING: "pages", Stage.EMBEDDING: "passages"}
_SOON, _MINUTE, _HOUR = 5, 60, 3600


@dataclass(frozen=True, slots=True)
class DocumentState:
    """`percent` and `ready_in` are None where they are not known, `place` for what does not wait.

    `ready_in` and `heartbeat_age`, the time since a worker last gave a sign of life for it, are seconds.
    """

    state: str
    word: str
    tone: Tone
    detail: str
    percent: int | None
    is_final: bool
    can_retry: bool
    can_cancel: bool
    can_reprocess: bool
    reason: str = ""
    stage: str = ""
    place: int | None = None
    heartbeat_age: int | None = None
    ready_in: float | None = None

    @property
    def ready_words(self) -> str:
        return in_words(self.ready_in) if self.ready_in is not None and not self.is_final else ""


def count_in_progress(*, user: Member) -> int:
    """Return how many of the documents that the person may see are being read, or wait for it."""
    open_jobs = IngestionJob.objects.filter(version__document=OuterRef("pk"), state__in=OPEN)
    return access.visible_documents(user=user).filter(Exists(open_jobs)).count()


def in_words(seconds: float) -> str:
    """Return a time to come as people say it, no more exact than it is known."""
    if seconds < _SOON:
        return "a few seconds"
    if seconds < _MINUTE:
        return f"about {round(seconds / 5) * 5} seconds"
    number, unit = (seconds / 60, "minute") if seconds < _HOUR else (seconds / 3600, "hour")
    rounded = round(number) if number >= 10 else round(number * 2) / 2  # noqa: PLR2004 - halves while they tell
    return f"about {rounded:g} {unit}{'' if rounded == 1 else 's'}"


def documents_with_state(*, user: Member, collection: Collection | None = None) -> QuerySet[Document]:
    """Return visible documents, each with its newest job's fields as `job_state`, `job_stage` and so on."""
    newest = IngestionJob.objects.filter(version__document=OuterRef("pk")).order_by(
        "-version__number", "-created_at"
    )
    documents = access.visible_documents(user=user).select_related("current_version", "collection", "parent")
    if collection is not None:
        documents = documents.filter(collection=collection)
    jobs: dict[str, Any] = {f"job_{field}": Subquery(newest.values(field)[:1]) for field in _FIELDS}
    return documents.annotate(**jobs)


def describe_states(documents: Iterable[Document]) -> list[tuple[Document, DocumentState]]:
    """Return documents of `documents_with_state` with their states, places in the queue and estimates."""
    rows = [(one, getattr(one, "job_id"), getattr(one, "job_state")) for one in documents]  # noqa: B009 - annotations
    open_jobs = [job_id for _, job_id, state in rows if state in OPEN]
    known = forecast(IngestionJob.objects.filter(pk__in=open_jobs)) if open_jobs else {}
    return [(one, describe_state(one, known.get(job_id))) for one, job_id, _ in rows]


def describe_state(document: Document, known: Forecast | None = None) -> DocumentState:
    """Return the state of a document from `documents_with_state`, in words for a person."""
    job = {field: getattr(document, f"job_{field}") for field in _FIELDS}
    return _describe(job, document, known)


def describe_job(job: IngestionJob, known: Forecast | None = None) -> DocumentState:
    """Return the state of a document by its newest job, in words for a person."""
    return _describe({field: getattr(job, field) for field in _FIELDS}, job.document_version.document, known)


def _describe(job: dict[str, Any], document: Document, known: Forecast | None) -> DocumentState:
    state = job["state"] or State.CANCELLED
    if state == State.WORKING and _is_overdue(job["lease_expires_at"]):
        state = STALLED
    is_open = state in {*OPEN, STALLED}
    return DocumentState(
        state=state,
        word=STATE_WORDS[state],
        tone=TONES[state],
        detail=_detail(job, document, state),
        percent=_percent(job) if state in {State.WORKING, STALLED} else None,
        is_final=not is_open,
        can_retry=state in RETRYABLE,
        can_cancel=is_open,
        can_reprocess=state == State.INDEXED,
        reason=job["reason"],
        stage=Stage(job["stage"]).label if state in {State.WORKING, STALLED} else "",
        place=known.place if known else None,
        heartbeat_age=_age(job["heartbeat_at"]) if state in {State.WORKING, STALLED} else None,
        ready_in=known.seconds if known and state != STALLED else None,
    )


def _is_overdue(lease_expires_at: datetime | None) -> bool:
    return lease_expires_at is not None and lease_expires_at < timezone.now() - lease() / 2


def _age(moment: datetime | None) -> int | None:
    return max(0, int((timezone.now() - moment).total_seconds())) if moment else None


def _detail(job: dict[str, Any], document: Document, state: str) -> str:
    if state == STALLED:
        return "The worker that had it does not answer; another one takes it over in less than a minute."
    if state == State.INDEXED and document.current_version is not None:
        version = document.current_version
        pages = f"{_count(version.page_count, 'page')}, " if version.page_count else ""
        return pages + _count(version.chunk_count, "passage")
    if state == State.WORKING:
        return _working(job)
    told = str(job["message"] or "")
    if document.current_version_id is not None and state in RETRYABLE:
        told = f"{told} What was read of it before is still searched.".strip()
    return told


def _working(job: dict[str, Any]) -> str:
    label = Stage(job["stage"]).label
    unit = _UNITS.get(job["stage"])
    return f"{label}: {job['done']:,} of {job['total']:,} {unit}" if unit and job["total"] else label


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
