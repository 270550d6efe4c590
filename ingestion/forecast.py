"""Places in the queue and honest estimates: from what recent jobs took, by stage, type and size.

Fair shares make the order: each collection's first job, then each one's second. The work that goes before a
job, divided by the threads of the workers that live, is when it begins. Where nothing was read lately, or no
worker lives, there is no estimate: better none than a guess.
"""

import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from ingestion.ledger import COLLECTION, JOBS, Stage, State
from ingestion.models import IngestionJob
from ingestion.workers import alive_workers

_RECENT_JOBS = 200
_RECENT = timedelta(days=14)
_STAGES = (Stage.PARSING, Stage.CHUNKING, Stage.EMBEDDING, Stage.PUBLISHING)
_KNOWN_ENOUGH = 0.5  # seconds into a stage from which its own progress says more than the past does


class _Kind(NamedTuple):
    """Files that take about as long: of one type, and of a size within a factor of four."""

    media_type: str
    size_class: int


def _kind(media_type: str, size: int) -> _Kind:
    return _Kind(media_type, max(size, 1).bit_length() // 2)


@dataclass(frozen=True, slots=True)
class Forecast:
    """`place` counts from 1 and is None for a job in work; `seconds` until it is done, None if unknown."""

    place: int | None
    seconds: float | None


@dataclass(slots=True)
class Pace:
    """What each stage of recent jobs took, in seconds: by kind of file, by size, and of all."""

    by_kind: dict[tuple[_Kind, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    by_size: dict[tuple[int, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    of_all: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, kind: _Kind, stage: str, seconds: float) -> None:
        self.by_kind[kind, stage].append(seconds)
        self.by_size[kind.size_class, stage].append(seconds)
        self.of_all[stage].append(seconds)

    def stage(self, kind: _Kind, stage: str) -> float | None:
        """Return the median of what a stage took for files of this kind, else of this size, else of all."""
        known = self.by_kind.get((kind, stage)) or self.by_size.get((kind.size_class, stage))
        known = known or self.of_all.get(stage)
        return statistics.median(known) if known else None

    def whole(self, kind: _Kind) -> float | None:
        """Return what a job takes from claim to index, None where nothing was read lately."""
        parts = [self.stage(kind, stage) for stage in _STAGES]
        known = [part for part in parts if part is not None]
        return sum(known) if known else None


def recent_pace() -> Pace:
    """Return the pace of the last jobs that were indexed."""
    rows = (
        IngestionJob.objects.filter(state=State.INDEXED, finished_at__gt=Now() - _RECENT)
        .order_by("-finished_at", "-pk")
        .values_list("version__media_type", "version__size", "stage_seconds")[:_RECENT_JOBS]
    )
    pace = Pace()
    for media_type, size, seconds in rows:
        for stage in _STAGES:
            if stage in seconds:
                pace.add(_kind(media_type, size), stage, float(seconds[stage]))
    return pace


def forecast(jobs: QuerySet[IngestionJob], outlook: "Outlook | None" = None) -> dict[Any, Forecast]:
    """Return the forecast of each open job among `jobs`, by its key."""
    outlook = outlook or current_outlook()
    waiting = {
        key: Forecast(place, outlook.after(seconds))
        for key, place, seconds in _in_order(_EACH, jobs, outlook.pace)
    }
    return waiting | {job.pk: Forecast(None, outlook.rest(job)) for job in _working(jobs)}


def seconds_until_done(jobs: QuerySet[IngestionJob], outlook: "Outlook | None" = None) -> float | None:
    """Return when the last of the open ones of some jobs is done; None where there is none, or no knowing."""
    outlook = outlook or current_outlook()
    times = [outlook.rest(job) for job in _working(jobs)]
    ((waiting, last),) = _in_order(_LAST, jobs, outlook.pace)
    if waiting:
        times.append(outlook.after(last))
    known = [seconds for seconds in times if seconds is not None]
    return max(known) if known and len(known) == len(times) else None


def _working(jobs: QuerySet[IngestionJob]) -> QuerySet[IngestionJob]:
    return jobs.filter(state=State.WORKING, version__isnull=False).select_related("version")


@dataclass(slots=True)
class Outlook:
    """What is in work now, how fast, and in how many threads."""

    pace: Pace
    lanes: int
    in_work: float

    def rest(self, job: IngestionJob) -> float | None:
        return _rest(job, self.pace) if self.lanes else None

    def after(self, seconds_before: float | None) -> float | None:
        """Return when a job is done that has so many seconds of queued work before and in it."""
        if seconds_before is None or not self.lanes:
            return None
        return (self.in_work + seconds_before) / self.lanes


def current_outlook() -> Outlook:
    """Return how fast the work goes at the moment; ask once for a page."""
    pace = recent_pace()
    working = IngestionJob.objects.filter(state=State.WORKING, version__isnull=False).select_related(
        "version"
    )
    in_work = sum(_rest(job, pace) or 0.0 for job in working)
    return Outlook(pace, sum(worker.threads for worker in alive_workers()), in_work)


def _rest(job: IngestionJob, pace: Pace) -> float | None:
    """Return how long a job in work still takes: its own progress, then what later stages usually take.

    A file that takes longer than its kind in this stage is expected to do so in the later ones, too.
    """
    kind = _kind(job.document_version.media_type, job.document_version.size)
    if job.stage not in _STAGES:
        return pace.whole(kind)
    usual, elapsed = pace.stage(kind, job.stage), _elapsed(job)
    later = [pace.stage(kind, stage) or 0.0 for stage in _STAGES[_STAGES.index(Stage(job.stage)) + 1 :]]
    if job.done and job.total and elapsed > _KNOWN_ENOUGH:
        rest = elapsed * (job.total - job.done) / job.done
        factor = (elapsed + rest) / usual if usual else 1.0
        return rest + sum(later) * max(factor, 1.0)
    return None if usual is None else max(usual - elapsed, usual / 10) + sum(later)


def _elapsed(job: IngestionJob) -> float:
    return (timezone.now() - job.stage_began_at).total_seconds() if job.stage_began_at else 0.0


_SIZE_CLASS = "length(ltrim(version.size::bit(64)::text, '0')) / 2"  # as in _kind
_QUEUED_KINDS = f"""
SELECT DISTINCT version.media_type, {_SIZE_CLASS}
FROM ingestion_ingestionjob AS job JOIN retrieval_documentversion AS version ON version.id = job.version_id
WHERE job.state = 'queued'
"""  # noqa: S608 - constants
_PLACES = f"""
WITH busy AS MATERIALIZED (
    SELECT {COLLECTION} AS collection_id, count(*) AS jobs
    FROM {JOBS}
    WHERE job.state = 'working' GROUP BY 1
),
expected AS (
    SELECT * FROM unnest(%(types)s::text[], %(classes)s::int[], %(seconds)s::float8[])
        AS known (media_type, size_class, seconds)
),
waiting AS (
    SELECT job.id, job.due_at, expected.seconds,
           coalesce(busy.jobs, 0)
               + row_number() OVER (PARTITION BY {COLLECTION} ORDER BY job.due_at, job.id) AS turn
    FROM {JOBS}
    LEFT JOIN busy ON busy.collection_id = {COLLECTION}
    LEFT JOIN expected ON expected.media_type = version.media_type
        AND expected.size_class = {_SIZE_CLASS}
    WHERE job.state = 'queued' AND job.generation_id IS NULL
),
in_order AS (
    SELECT id, row_number() OVER going AS place, sum(seconds) OVER going AS seconds
    FROM waiting
    WINDOW going AS (ORDER BY turn, due_at, id)
)
SELECT {{columns}} FROM in_order WHERE id IN ({{chosen}})
"""  # noqa: S608 - constants, and Django's own SQL
_EACH, _LAST = "id, place, seconds", "count(*), max(seconds)"


def _in_order(columns: str, jobs: QuerySet[IngestionJob], pace: Pace) -> list[tuple[Any, ...]]:
    """Return columns of the waiting ones of some jobs: place, and the seconds of work up to their end."""
    chosen, values = jobs.filter(state=State.QUEUED).order_by().values("pk").query.sql_with_params()
    names = [f"chosen_{number}" for number in range(len(values))]
    statement = _PLACES.format(columns=columns, chosen=chosen % tuple(f"%({name})s" for name in names))
    with connection.cursor() as cursor:
        cursor.execute(_QUEUED_KINDS)
        kinds = [_Kind(*row) for row in cursor.fetchall()]
        params = dict(zip(names, values, strict=True)) | {
            "types": [kind.media_type for kind in kinds],
            "classes": [kind.size_class for kind in kinds],
            "seconds": [pace.whole(kind) for kind in kinds],
        }
        cursor.execute(statement, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
