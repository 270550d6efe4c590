"""How the state of a source is told: a word, a tone, how far it has got, and what its last run brought."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import timezone

from ingestion.ledger import OPEN, State, lease
from ingestion.models import IngestionJob, Source, SyncRun
from ingestion.states import Tone

_TONES: dict[str, Tone] = {
    SyncRun.State.RUNNING: "working",
    SyncRun.State.DONE: "good",
    SyncRun.State.PARTLY: "bad",
    SyncRun.State.FAILED: "bad",
    SyncRun.State.CANCELLED: "quiet",
}


@dataclass(frozen=True, slots=True)
class SourceState:
    """`percent` is None where it is not known; `run` is the newest one, if there was any."""

    word: str
    tone: Tone
    detail: str = ""
    percent: int | None = None
    is_open: bool = False
    run: SyncRun | None = None


def describe_sources(sources: Iterable[Source]) -> list[tuple[Source, SourceState]]:
    """Return each source with its state."""
    listed = list(sources)
    jobs = {job.source_id: job for job in IngestionJob.objects.filter(source__in=listed, state__in=OPEN)}
    newest = SyncRun.objects.filter(source__in=listed).order_by("source", "-started_at").distinct("source")
    runs = {run.source_id: run for run in newest}
    return [(source, _describe(jobs.get(source.pk), runs.get(source.pk))) for source in listed]


def describe_source(source: Source) -> SourceState:
    return describe_sources([source])[0][1]


def _describe(job: IngestionJob | None, run: SyncRun | None) -> SourceState:
    if job is not None:
        return _open(job, run)
    if run is None:
        return SourceState("Not synced yet", "quiet")
    state = SyncRun.State(run.state)
    return SourceState(state.label, _TONES[state], run.message, run=run)


def _open(job: IngestionJob, run: SyncRun | None) -> SourceState:
    if job.state == State.QUEUED:
        word = "Tried again soon" if job.message else "Waiting"
        return SourceState(word, "waiting", job.message, is_open=True, run=run)
    if job.lease_expires_at and job.lease_expires_at < timezone.now() - lease() / 2:
        detail = "The worker that had it does not answer; another one takes it over in less than a minute."
        return SourceState("Stalled", "bad", detail, is_open=True, run=run)
    detail = f"{job.done:,} of {job.total:,} items" if job.total else "Asking the source"
    percent = 100 * job.done // job.total if job.total else None
    return SourceState("Syncing", "working", detail, percent, is_open=True, run=run)
