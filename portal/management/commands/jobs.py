"""Look into the ledger of ingestion, and change what it does next."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet
from django.utils import timezone

from ingestion import ledger
from ingestion.jobs import FAILED
from ingestion.models import IngestionJob
from ingestion.workers import alive_workers
from portal.management.progress import table

_HEAD = ("job", "document", "collection", "state", "stage", "age", "heartbeat", "attempts", "reason")
_CANCELLED = "Cancelled by an operator. Retry it to read it after all."


class Command(BaseCommand):
    help = "The jobs of the ledger, newest first. Without an action: list them."

    def add_arguments(self, parser: CommandParser) -> None:
        _add_filters(parser)
        parser.set_defaults(action="list")
        actions = parser.add_subparsers(dest="action", metavar="list|show|retry|cancel|reprocess")
        _add_filters(actions.add_parser("list", help="list jobs, narrowed by state and collection"))
        actions.add_parser("show", help="everything about one job").add_argument("id", type=UUID)
        retry = actions.add_parser("retry", help="queue failed, quarantined or cancelled jobs again")
        _add_ids(retry)
        retry.add_argument("--all", "--all-failed", action="store_true", help="every job that failed")
        retry.add_argument("--collection", help="with --all: only of the collection with this slug")
        _add_ids(actions.add_parser("cancel", help="stop jobs that wait or are in work"))
        _add_ids(actions.add_parser("reprocess", help="read documents again with the parser of today"))

    def handle(self, *, action: str | None, **options: Any) -> None:
        _ACTIONS[action or "list"](self, options)

    def list_jobs(self, options: dict[str, Any]) -> None:
        jobs = _narrowed(_jobs(), options)
        rows = [_row(job) for job in jobs[: max(options["limit"], 1)]]
        self.stdout.write(table([_HEAD, *rows]))
        self.stdout.write(f"{len(alive_workers())} workers alive")
        self.stdout.write(f"{len(rows)} of {jobs.count()} jobs")

    def show_jobs(self, options: dict[str, Any]) -> None:
        job = _found([options["id"]])[0]
        self.stdout.write(table(_facts(job)))

    def retry_jobs(self, options: dict[str, Any]) -> None:
        if bool(options["ids"]) == options["all"]:
            raise CommandError("Give the ids of jobs, or --all.")
        if options["all"]:
            self._reopen([job.pk for job in _narrowed(_jobs().filter(state__in=FAILED), options)])
            return
        for job in _found(options["ids"]):
            if job.state in {*ledger.OPEN, ledger.State.INDEXED}:
                raise CommandError(f"Job {job.pk} is {job.get_state_display().lower()} already.")
        self._reopen(options["ids"])

    def reprocess_jobs(self, options: dict[str, Any]) -> None:
        for job in _found(options["ids"]):
            if job.state in ledger.OPEN:
                raise CommandError(f"Job {job.pk} is {job.get_state_display().lower()} already.")
        self._reopen(options["ids"])

    def cancel_jobs(self, options: dict[str, Any]) -> None:
        ids = [job.pk for job in _found(options["ids"])]
        number = ledger.cancel(jobs=IngestionJob.objects.filter(pk__in=ids), message=_CANCELLED)
        self.stdout.write(f"{number} of {len(ids)} jobs cancelled")

    def _reopen(self, ids: list[UUID]) -> None:
        for one in ids:
            self.stdout.write(f"{one} is queued again")
        number = ledger.reopen(jobs=IngestionJob.objects.filter(pk__in=ids))
        self.stdout.write(f"{number} jobs")


_ACTIONS: dict[str, Callable[[Command, dict[str, Any]], None]] = {
    "list": Command.list_jobs,
    "show": Command.show_jobs,
    "retry": Command.retry_jobs,
    "cancel": Command.cancel_jobs,
    "reprocess": Command.reprocess_jobs,
}


def _add_filters(parser: CommandParser) -> None:
    parser.add_argument("--state", choices=IngestionJob.State.values, help="only jobs in this state")
    parser.add_argument("--collection", help="only jobs of the collection with this slug")
    parser.add_argument("--limit", type=int, default=50, help="how many to list (default 50)")


def _add_ids(parser: CommandParser) -> None:
    parser.add_argument("ids", nargs="*", type=UUID, metavar="ID")


def _jobs() -> QuerySet[IngestionJob]:
    jobs = IngestionJob.objects.filter(version__isnull=False, version__document__deleted_at__isnull=True)
    return jobs.select_related("version__document__collection").order_by("-created_at", "-pk")


def _narrowed(jobs: QuerySet[IngestionJob], options: dict[str, Any]) -> QuerySet[IngestionJob]:
    if options.get("state"):
        jobs = jobs.filter(state=options["state"])
    if options.get("collection"):
        jobs = jobs.filter(version__document__collection__slug=options["collection"])
    return jobs


def _found(ids: list[UUID]) -> list[IngestionJob]:
    if not ids:
        raise CommandError("Give the ids of jobs; `manage.py jobs` lists them.")
    jobs = list(_jobs().filter(pk__in=ids))
    if missing := set(ids) - {job.pk for job in jobs}:
        raise CommandError(f"There is no job {min(missing, key=str)} of a document that still exists.")
    return jobs


def _row(job: IngestionJob) -> tuple[str, ...]:
    """Return a line of the list; documents go by their id: who runs this need not be let to read them."""
    document = job.document_version.document
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


def _facts(job: IngestionJob) -> list[tuple[str, str]]:
    facts = list(zip(_HEAD, _row(job), strict=True))
    took = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in job.stage_seconds.items())
    return [
        *facts,
        ("version", str(job.document_version.number)),
        ("type", job.document_version.media_type),
        ("size", str(job.document_version.size)),
        ("progress", f"{job.done} of {job.total}"),
        ("losses", str(job.losses)),
        ("worker", job.worker or "-"),
        ("took", took or "-"),
        ("message", job.message or "-"),
    ]


def _age(moment: datetime | None) -> str:
    if moment is None:
        return "-"
    seconds = int((timezone.now() - moment).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
