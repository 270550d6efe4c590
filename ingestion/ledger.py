"""The ledger: which job is due, who works on it until when, and how it ended.

Postgres is the truth. A claim counts an attempt before any work starts, holds a lease that a heartbeat
renews, and carries a fencing number: whoever holds an older one can neither report nor publish.
"""

import logging
import os
import socket
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from ingestion.bell import ring
from ingestion.models import IngestionJob, Source
from retrieval.models import DocumentVersion, Generation

log = logging.getLogger(__name__)

State: TypeAlias = IngestionJob.State
Stage: TypeAlias = IngestionJob.Stage
OPEN = (State.QUEUED, State.WORKING)
MAX_LOSSES = 10
_DOING = {
    IngestionJob.Kind.DOCUMENT: "read this document. Retry it, or upload another copy",
    IngestionJob.Kind.SOURCE: "synced this source. Sync it again, or tell your admin",
    IngestionJob.Kind.GENERATION: "filled this generation. Resume it",
}
_FIRST_STAGE = {
    IngestionJob.Kind.DOCUMENT: Stage.PARSING,
    IngestionJob.Kind.SOURCE: Stage.SYNCING,
    IngestionJob.Kind.GENERATION: Stage.FILLING,
}


class LeaseLostError(Exception):
    """Another worker has the job now, or someone cancelled it: stop, and publish nothing."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a job until its lease ends. `attempt` counts from 1."""

    job_id: str
    kind: IngestionJob.Kind
    fence: int
    attempt: int

    def rows(self) -> QuerySet[IngestionJob]:
        """Return the job's row while this claim holds, else nothing."""
        return IngestionJob.objects.filter(pk=self.job_id, fence=self.fence, state=State.WORKING)


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def open_job(*, version: DocumentVersion) -> IngestionJob:
    """Write a job for a version, in the caller's transaction, and ring for it after the commit."""
    job = IngestionJob.objects.create(version=version)
    ring_on_commit()
    return job


def open_sync(*, source: Source) -> IngestionJob:
    """Write a job for a source, in the caller's transaction, and ring for it after the commit."""
    job = IngestionJob.objects.create(source=source)
    ring_on_commit()
    return job


def open_fill(*, generation: Generation) -> None:
    """Make sure that a job for a generation is open, in the caller's transaction; ring after the commit."""
    IngestionJob.objects.bulk_create([IngestionJob(generation=generation)], ignore_conflicts=True)
    ring_on_commit()


def ring_on_commit() -> None:
    """Wake a worker once the current transaction is committed."""
    transaction.on_commit(ring)


# In which collection each job works: all that choosing the next one has to know of what jobs do. One chain
# of joins by key, because right after a large import the planner still takes what waits for a handful, and
# would compare each waiting job with every other.
JOBS = """
ingestion_ingestionjob AS job
LEFT JOIN retrieval_documentversion AS version ON version.id = job.version_id
LEFT JOIN retrieval_document AS document ON document.id = version.document_id
LEFT JOIN ingestion_source AS source ON source.id = job.source_id
"""
COLLECTION = "coalesce(document.collection_id, source.collection_id)"
_NEXT = f"""
WITH busy AS MATERIALIZED (
    SELECT {COLLECTION} AS collection_id, count(*) AS jobs,
           count(*) FILTER (WHERE job.source_id IS NOT NULL) AS syncs
    FROM {JOBS}
    WHERE job.state = 'working' AND job.lease_expires_at > statement_timestamp()
    GROUP BY 1
)
SELECT job.id
FROM {JOBS}
LEFT JOIN busy ON busy.collection_id = {COLLECTION}
WHERE ((job.state = 'queued' AND job.due_at <= statement_timestamp())
   OR (job.state = 'working' AND job.lease_expires_at <= statement_timestamp()))
  AND (job.source_id IS NULL OR %(syncs)s > (SELECT coalesce(sum(syncs), 0) FROM busy))
ORDER BY job.generation_id IS NOT NULL, coalesce(busy.jobs, 0), job.due_at, job.id
LIMIT 1
FOR UPDATE OF job SKIP LOCKED
"""  # noqa: S608 - constants


def claim_next() -> Claim | None:
    """Claim the due job that should go first, or None where nothing is due.

    Fair between collections: the one with the fewest jobs in work comes first, then the longest waiting.
    Fills of generations come after all others.
    """
    while True:
        with transaction.atomic():
            _requeue_lost()
            job = _lock_next()
            if job is None:
                return None
            if not _is_exhausted(job):
                return _claim(job)
            _quarantine(job)


# A job whose worker died goes behind those that wait: else the same document is in work at each kill of a
# worker that is killed often, and is quarantined for nothing that it did.
_REQUEUE_LOST = """
UPDATE ingestion_ingestionjob SET state = 'queued', stage = 'waiting', due_at = statement_timestamp(),
    lease_expires_at = NULL, losses = losses + 1
WHERE id IN (
    SELECT id FROM ingestion_ingestionjob
    WHERE state = 'working' AND lease_expires_at <= statement_timestamp() FOR UPDATE SKIP LOCKED
)
"""


def _requeue_lost() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_REQUEUE_LOST)


def _lock_next() -> IngestionJob | None:
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, {"syncs": _most_syncs()})
        row = cursor.fetchone()
    return IngestionJob.objects.get(pk=row[0]) if row else None


def _most_syncs() -> int:
    """Syncs may take long, so they leave half of a worker to uploads."""
    return max(1, int(settings.WORKER_CONCURRENCY) // 2)


def _is_exhausted(job: IngestionJob) -> bool:
    """Count a lapsed lease as a loss, and return whether the job has had all its attempts."""
    job.losses += job.state == State.WORKING
    return job.losses >= MAX_LOSSES or job.attempts - job.losses >= settings.JOB_MAX_ATTEMPTS


def _claim(job: IngestionJob) -> Claim:
    """Take a job whose row is locked."""
    claim = Claim(str(job.pk), job.kind, job.fence + 1, job.attempts + 1)
    IngestionJob.objects.filter(pk=job.pk).update(
        state=State.WORKING,
        stage=_FIRST_STAGE[claim.kind],
        attempts=claim.attempt,
        losses=job.losses,
        fence=claim.fence,
        lease_expires_at=Now() + lease(),
        heartbeat_at=Now(),
        started_at=Coalesce("started_at", Now()),
        stage_began_at=Now(),
        stage_seconds={},
        worker=worker_name(),
        done=0,
        total=0,
        reason="",
        message="",
    )
    return claim


def lease() -> timedelta:
    return timedelta(seconds=settings.JOB_LEASE_SECONDS)


def _quarantine(job: IngestionJob) -> None:
    job.state, job.stage, job.finished_at = State.QUARANTINED, Stage.DONE, timezone.now()
    job.lease_expires_at = None
    job.reason = job.reason or "crashed"
    job.message = job.message or f"The worker stopped {job.losses} times while it {_DOING[job.kind]}."
    job.save()
    log.warning("job %s quarantined: %s", job.pk, job.reason)


def renew(claim: Claim) -> bool:
    """Extend a claim's lease; return whether the claim still holds."""
    return bool(claim.rows().update(lease_expires_at=Now() + lease(), heartbeat_at=Now()))


# A stage that ends leaves behind how long it took: estimates rest on what was measured here.
_ENTER = """
UPDATE ingestion_ingestionjob SET
    stage_seconds = CASE WHEN stage = %(stage)s OR stage_began_at IS NULL THEN stage_seconds ELSE
        stage_seconds || jsonb_build_object(stage, round(coalesce((stage_seconds ->> stage)::numeric, 0)
            + extract(epoch FROM statement_timestamp() - stage_began_at), 3)) END,
    stage_began_at = CASE WHEN stage = %(stage)s THEN stage_began_at ELSE statement_timestamp() END,
    stage = %(stage)s, done = %(done)s, total = %(total)s, heartbeat_at = statement_timestamp()
WHERE id = %(id)s AND fence = %(fence)s AND state = 'working'
"""


def report(claim: Claim, *, stage: Stage, done: int, total: int) -> None:
    """Record how far a claim has got, and how long the stage before took.

    Raises LeaseLostError where the claim no longer holds.
    """
    values: dict[str, str | int] = {"id": claim.job_id, "fence": claim.fence, "stage": stage.value}
    with connection.cursor() as cursor:
        cursor.execute(_ENTER, values | {"done": done, "total": total})
        if not cursor.rowcount:
            raise LeaseLostError


def lock(claim: Claim) -> IngestionJob:
    """Lock a claim's job for a transaction. Raises LeaseLostError where the claim no longer holds."""
    job = claim.rows().select_for_update().first()
    if job is None:
        raise LeaseLostError
    return job


@transaction.atomic
def finish(claim: Claim, *, state: State, reason: str = "", message: str = "") -> None:
    """End a claim's job in a final state. Raises LeaseLostError where the claim no longer holds."""
    job = lock(claim)
    report(claim, stage=Stage.DONE, done=job.done, total=job.total)
    claim.rows().update(state=state, reason=reason, message=message, finished_at=Now(), lease_expires_at=None)


def fail(claim: Claim, *, reason: str, message: str, permanent: bool) -> None:
    """End an attempt that failed: for good, or until the next try, or in quarantine after the last one."""
    with transaction.atomic():
        job = lock(claim)
        tried = job.attempts - job.losses
        if permanent:
            finish(claim, state=State.FAILED, reason=reason, message=message)
        elif tried >= settings.JOB_MAX_ATTEMPTS:
            finish(claim, state=State.QUARANTINED, reason=reason, message=message)
        else:
            put_back(
                claim, wait=timedelta(seconds=2**tried), reason=reason, message=message, keep_attempt=True
            )
    log.warning("job %s attempt %s failed (%s): %s", claim.job_id, claim.attempt, reason, message)


def put_back(
    claim: Claim, *, wait: timedelta, reason: str = "", message: str = "", keep_attempt: bool = False
) -> None:
    """Return a claim's job to the queue; without `keep_attempt` the attempt does not count."""
    claim.rows().update(
        state=State.QUEUED,
        stage=Stage.WAITING,
        due_at=Now() + wait,
        lease_expires_at=None,
        attempts=F("attempts") - (0 if keep_attempt else 1),
        reason=reason,
        message=message,
    )


def step_aside(claim: Claim) -> None:
    """Return a fill that got on to the queue, behind all that waits, with all its attempts."""
    put_back(claim, wait=timedelta(0))
    waiting = IngestionJob.objects.filter(pk=claim.job_id, fence=claim.fence, state=State.QUEUED)
    waiting.update(attempts=0, losses=0)


def due_jobs() -> QuerySet[IngestionJob]:
    """Return the jobs that a worker could claim now."""
    return IngestionJob.objects.filter(
        Q(state=State.QUEUED, due_at__lte=Now()) | Q(state=State.WORKING, lease_expires_at__lte=Now())
    )


def release_lost_claims() -> int:
    """Make due the jobs of dead workers of this machine without waiting for their leases; return how many."""
    host = socket.gethostname()
    lost = [
        job.pk
        for job in IngestionJob.objects.filter(state=State.WORKING, worker__startswith=f"{host}:")
        if not is_alive(job.worker)
    ]
    return IngestionJob.objects.filter(pk__in=lost, state=State.WORKING).update(lease_expires_at=Now())


def is_alive(worker: str) -> bool:
    return os.path.exists(f"/proc/{worker.rpartition(':')[2]}")  # noqa: PTH110 - a cheap look at /proc


def reopen(*, jobs: QuerySet[IngestionJob]) -> int:
    """Queue the ended ones of some jobs again with all their attempts; return how many they were.

    Rings after the commit. What is searchable stays so until a job publishes.
    """
    reopened = jobs.exclude(state__in=OPEN).update(
        state=State.QUEUED,
        stage=Stage.WAITING,
        attempts=0,
        losses=0,
        done=0,
        total=0,
        reason="",
        message="",
        due_at=Now(),
        finished_at=None,
        started_at=None,
        heartbeat_at=None,
        stage_began_at=None,
        stage_seconds={},
    )
    if reopened:
        ring_on_commit()
    return reopened


def cancel(*, jobs: QuerySet[IngestionJob], message: str) -> int:
    """Cancel the queued and working ones of some jobs; return how many. A worker that holds one loses it."""
    return jobs.filter(state__in=OPEN).update(
        state=State.CANCELLED, stage=Stage.DONE, lease_expires_at=None, finished_at=Now(), message=message
    )


def cancel_open_jobs(*, versions: QuerySet[DocumentVersion], message: str) -> None:
    """Cancel what is queued or in work for some versions."""
    cancel(jobs=IngestionJob.objects.filter(version__in=versions), message=message)
