"""Look at the sources that documents come from by themselves, and sync them."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ingestion.models import Source
from ingestion.source_states import SourceState, describe_sources
from ingestion.sources import request_sync
from portal.management.people import printable
from portal.management.progress import table

_HEAD = ("source", "name", "kind", "collection", "state", "new", "changed", "removed", "failed", "next run")


class Command(BaseCommand):
    help = "List the sources; `sources sync ID` or `sources sync --all` queues syncs."

    def add_arguments(self, parser: CommandParser) -> None:
        sync = parser.add_subparsers(dest="action").add_parser("sync", help="queue syncs")
        sync.add_argument("ids", nargs="*", type=UUID, metavar="ID")
        sync.add_argument("--all", action="store_true", help="every source that is not paused")

    def handle(self, *, action: str | None, **options: Any) -> None:
        if action == "sync":
            self._sync(options["ids"], everything=options["all"])
        else:
            self._list()

    def _list(self) -> None:
        sources = Source.objects.select_related("collection").order_by("collection__slug", "name", "pk")
        rows = [_row(source, state) for source, state in describe_sources(sources)]
        self.stdout.write(table([_HEAD, *rows]))
        self.stdout.write(f"{len(rows)} sources")

    def _sync(self, ids: list[UUID], *, everything: bool) -> None:
        if bool(ids) == everything:
            raise CommandError("Give the ids of sources, or --all.")
        found = Source.objects.filter(is_enabled=True) if everything else Source.objects.filter(pk__in=ids)
        sources = list(found.order_by("pk"))
        if missing := set(ids) - {source.pk for source in sources}:
            raise CommandError(f"There is no source {min(missing, key=str)}.")
        for source in sources:
            request_sync(source=source)
        self.stdout.write(f"{len(sources)} syncs are queued")


def _row(source: Source, state: SourceState) -> tuple[str, ...]:
    run = state.run
    counted = (run.new, run.changed, run.removed, run.failed) if run else ("-",) * 4
    return (
        str(source.pk),
        printable(source.name),
        source.kind,
        source.collection.slug,
        state.word.lower() if source.is_enabled else f"{state.word.lower()}, paused",
        *map(str, counted),
        f"{source.next_run_at:%Y-%m-%d %H:%M}" if source.next_run_at else "-",
    )
