"""Look into the ledger of ingestion, and put failed jobs back into it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet
from django.utils import timezone

from ingestion import ledger
from ingestion.models import IngestionJob
from portal.management.progress import table

_FAILED = [IngestionJob.State.FAILED, IngestionJob.State.QUARANTINED]
_HEAD = ("job", "document", "collection", "state", "stage", "age", "heartbeat", "attempts", "reason")


class Command(BaseCommand):
    help = "List the jobs of the ledger, newest first; `jobs retry` queues ended ones again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--state", choices=IngestionJob.State.values, help="only jobs in this state")
        parser.add_argument("--limit", type=int, default=50, help="how many to list (default 50)")
        retry = parser.add_subparsers(dest="action").add_parser("retry", help="queue ended jobs again")
        retry.add_argument("ids", nargs="*", type=UUID, metavar="ID")
        retry.add_argument("--all-failed", action="store_true", help="every failed or quarantined job")

    def handle(self, *, action: str | None, **options: Any) -> None:
        if action == "retry":
            self._retry(options["ids"], all_failed=options["all_failed"])
        else:
            self._list(options["state"], options["limit"])

    def _list(self, state: str | None, limit: int) -> None:
        jobs = _jobs().filter(state=state) if state else _jobs()
        rows = [_row(job) for job in jobs[: max(limit, 1)]]
        self.stdout.write(table([_HEAD, *rows]))
        self.stdout.write(f"{len(rows)} of {jobs.count()} jobs")

    def _retry(self, ids: list[UUID], *, all_failed: bool) -> None:
        if bool(ids) == all_failed:
            raise CommandError("Give the ids of jobs, or --all-failed.")
        jobs = list(_jobs().filter(state__in=_FAILED) if all_failed else _jobs().filter(pk__in=ids))
        if missing := set(ids) - {job.pk for job in jobs}:
            raise CommandError(f"There is no job {min(missing, key=str)} of a document that still exists.")
        for job in jobs:
            self._retry_one(job)
        self.stdout.write(f"{len(jobs)} jobs")

    def _retry_one(self, job: IngestionJob) -> None:
        if job.state in ledger.OPEN:
            raise CommandError(f"Job {job.pk} is {job.get_state_display().lower()} already.")
        ledger.reopen(jobs=IngestionJob.objects.filter(pk=job.pk))
        self.stdout.write(f"{job.pk} is queued again")


def _jobs() -> QuerySet[IngestionJob]:
    jobs = IngestionJob.objects.filter(version__document__deleted_at__isnull=True)
    return jobs.select_related("version__document__collection").order_by("-created_at", "-pk")


def _row(job: IngestionJob) -> tuple[str, ...]:
    """Return a line of the list; documents go by their id: who runs this need not be let to read them."""
    document = job.version.document
    return (
        str(job.pk),
        str(document.pk),
        document.collection.slug,
        job.state,
        job.stage,
        _age(job.created_at),
        _age(job.heartbeat_at),
        str(job.attempts),
        job.reason or "-",
    )


def _age(moment: datetime | None) -> str:
    if moment is None:
        return "-"
    seconds = int((timezone.now() - moment).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
