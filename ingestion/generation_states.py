"""How the state of a generation is told: a word, a tone, how full it is, how fast it fills."""

from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from ingestion.filling import newest_fills
from ingestion.ledger import OPEN, lease
from ingestion.ledger import State as JobState
from ingestion.models import IngestionJob
from ingestion.states import Tone, in_words
from retrieval.filling import count_chunks, count_missing
from retrieval.models import Generation

State = Generation.State
_TONES: dict[str, Tone] = {
    State.FILLING: "working",
    State.PAUSED: "quiet",
    State.READY: "good",
    State.SERVING: "good",
    State.RETIRED: "blank",
}


@dataclass(frozen=True, slots=True)
class GenerationState:
    """`filled` of `total` chunks have vectors. `rate` is chunks per second while it fills, `seconds_left` the
    time that the rest takes at that rate without a break; both are None where they are not known.
    """

    generation: Generation
    word: str
    tone: Tone
    detail: str
    filled: int
    total: int
    rate: float | None
    seconds_left: float | None
    can_pause: bool
    can_resume: bool
    can_flip: bool

    @property
    def percent(self) -> int | None:
        """Never 100 before all is there."""
        return 100 * self.filled // self.total if self.filled < self.total else None

    @property
    def is_complete(self) -> bool:
        return self.filled == self.total

    @property
    def can_drop(self) -> bool:
        return self.generation.state != State.SERVING

    @property
    def is_moving(self) -> bool:
        return self.can_pause and not self.is_complete

    @property
    def left_words(self) -> str:
        return in_words(self.seconds_left) if self.seconds_left is not None else ""


def describe_generations() -> list[GenerationState]:
    """Return every generation with its state, in the order in which they were added."""
    jobs, total = newest_fills(), count_chunks()
    generations = Generation.objects.order_by("pk").defer("probe")
    return [_describe(one, jobs.get(one.pk), total) for one in generations]


def _describe(generation: Generation, job: IngestionJob | None, total: int) -> GenerationState:
    missing = min(count_missing(generation), total)
    is_open = job is not None and job.state in OPEN
    stopped = job is not None and job.state in {JobState.FAILED, JobState.QUARANTINED}
    can_fill = generation.state in {State.FILLING, State.RETIRED}
    rate = (
        generation.filled / generation.fill_seconds if generation.filled and generation.fill_seconds else None
    )
    is_stopped = can_fill and missing > 0 and stopped
    return GenerationState(
        generation=generation,
        word="Stopped" if is_stopped else generation.get_state_display(),
        tone="bad" if is_stopped else _TONES[generation.state],
        detail=_detail(generation, job, missing, is_open=is_open, is_stopped=is_stopped),
        filled=total - missing,
        total=total,
        rate=rate if is_open else None,
        seconds_left=missing / rate if rate and is_open and missing else None,
        can_pause=generation.state in {State.FILLING, State.READY, State.RETIRED},
        can_resume=generation.state == State.PAUSED or (can_fill and missing > 0 and not is_open),
        can_flip=generation.state in {State.READY, State.RETIRED} and not missing,
    )


def _detail(
    generation: Generation, job: IngestionJob | None, missing: int, *, is_open: bool, is_stopped: bool
) -> str:
    if is_stopped and job is not None:
        return job.message
    if generation.state == State.SERVING or job is None or not is_open or not missing:
        return ""
    if job.state == JobState.QUEUED:
        return job.message or "Waits until a worker has nothing else to do."
    if job.lease_expires_at and job.lease_expires_at < timezone.now() - lease() / 2:
        return "The worker that had it does not answer; another one takes it over in less than a minute."
    return ""


def index_bytes(generation: Generation) -> int:
    """Return how much disk a generation's vectors and their index take."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(pg_total_relation_size(to_regclass(%s)), 0)",
            [f"retrieval_vector_g{generation.pk:d}"],
        )
        return int(cursor.fetchone()[0])
