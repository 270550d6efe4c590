"""Add files and whole folders to a collection."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TextIO, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count

from ingestion.documents import Added, add_document
from ingestion.ledger import OPEN
from ingestion.models import IngestionJob
from portal.accounts.models import User
from portal.management.folders import Found, find_files
from portal.management.people import find_user, printable
from portal.management.progress import Progress, table
from retrieval.access import get_visible_collection
from retrieval.errors import InvalidInputError, NotAllowedError, NotVisibleError
from retrieval.models import Collection, Role
from retrieval.tags import read_tags

_POLL_SECONDS = 0.5
_NO_WORKER_SECONDS = 30.0
_State = IngestionJob.State


@dataclass
class _Run:
    """What has become of the files so far."""

    outcomes: Counter[str] = field(default_factory=Counter)
    refusals: list[tuple[str, str]] = field(default_factory=list)
    jobs: list[IngestionJob] = field(default_factory=list)
    is_followed: bool = False

    def add(self, added: Added) -> None:
        self.outcomes[added.outcome] += 1
        if added.job is not None:
            self.jobs.append(added.job)

    def states(self) -> Counter[str]:
        rows = IngestionJob.objects.filter(pk__in=[job.pk for job in self.jobs])
        return Counter(dict(rows.values_list("state").annotate(Count("pk")).order_by()))


class Command(BaseCommand):
    help = "Add files, and all files under folders, to a collection; hidden files and links out are left out."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument("--collection", required=True, metavar="SLUG")
        parser.add_argument(
            "--user",
            default=settings.ADMIN_EMAIL,
            metavar="EMAIL",
            help="who adds them (default: ADMIN_EMAIL)",
        )
        parser.add_argument(
            "--tag", action="append", default=[], metavar="TAG", help="a tag for every file; may be repeated"
        )
        parser.add_argument("--wait", action="store_true", help="wait until every file can be searched")

    def handle(self, *, paths: list[Path], user: str, **options: Any) -> None:
        person = find_user(user)
        collection = _collection(person, options["collection"])
        try:
            tags = read_tags(options["tag"])
        except InvalidInputError as error:
            raise CommandError(str(error)) from error
        try:
            files = find_files(paths)
        except FileNotFoundError as error:
            raise CommandError(f"{printable(str(error))} does not exist. Check the path.") from error
        run = _Run()
        self._add_all(run, files, partial(add_document, user=person, collection=collection, tags=tags))
        if options["wait"]:
            self._wait_unless_interrupted(run)
        self._tell(run, len(files))

    def _add_all(self, run: _Run, files: list[Found], add: Callable[..., Added]) -> None:
        progress = Progress(cast("TextIO", self.stdout), "Adding", len(files))
        for number, file in enumerate(files, 1):
            try:
                with file.path.open("rb") as content:
                    run.add(add(name=file.name, content=content))
            except (InvalidInputError, OSError) as error:
                run.refusals.append((file.name, str(error)))
                progress.clear()
                self.stdout.write(f"refused: {printable(f'{file.name}: {error}')}")
            progress.show(number, printable(file.name))
        progress.end()

    def _wait_unless_interrupted(self, run: _Run) -> None:
        run.is_followed = True
        try:
            self._wait(run)
        except KeyboardInterrupt as interrupt:
            message = "Stopped waiting. The files are in, and the portal goes on indexing them."
            raise CommandError(message, returncode=130) from interrupt

    def _wait(self, run: _Run) -> None:
        """Follow the jobs until each has ended."""
        progress = Progress(cast("TextIO", self.stdout), "Indexing", len(run.jobs))
        idle_since = time.monotonic()
        while waiting := sum((states := run.states())[state] for state in OPEN):
            progress.show(len(run.jobs) - waiting, f"({states[_State.WORKING]} in work)")
            if states[_State.QUEUED] < waiting or waiting < len(run.jobs):
                idle_since = time.monotonic()
            if time.monotonic() - idle_since > _NO_WORKER_SECONDS:
                idle_since = time.monotonic()
                progress.clear()
                self.stdout.write(
                    "No worker has taken a job yet. Is the portal running? `make up` starts it."
                )
            time.sleep(_POLL_SECONDS)
        progress.show(len(run.jobs))
        progress.end()

    def _tell(self, run: _Run, files: int) -> None:
        rows = [(name, str(run.outcomes[name])) for name in ("created", "replaced", "unchanged")]
        rows.append(("refused", str(len(run.refusals))))
        failed = 0
        if run.is_followed:
            states = run.states()
            failed = states[_State.FAILED] + states[_State.QUARANTINED] + states[_State.CANCELLED]
            rows += [("indexed", str(states[_State.INDEXED])), ("no text", str(states[_State.NO_TEXT]))]
            rows.append(("failed", str(failed)))
            self._tell_reasons(run)
        self.stdout.write(table([("files", str(files)), *rows]))
        if run.refusals or failed:
            raise CommandError(
                f"{len(run.refusals) + failed} of {files} files did not get in; see above why."
            )

    def _tell_reasons(self, run: _Run) -> None:
        ended = IngestionJob.objects.filter(pk__in=[job.pk for job in run.jobs]).exclude(state=_State.INDEXED)
        for job in ended.select_related("version__document").order_by("version__document__name", "pk"):
            name, message = job.document_version.document.name, job.message or job.reason
            self.stdout.write(f"{job.get_state_display().lower()}: {printable(f'{name}: {message}')}")


def _collection(user: User, slug: str) -> Collection:
    try:
        return get_visible_collection(user=user, slug=slug, role=Role.CONTRIBUTOR)
    except NotVisibleError as error:
        raise CommandError(f"{user.email} sees no collection with the slug {printable(slug)}.") from error
    except NotAllowedError as error:
        raise CommandError(str(error)) from error
