"""A sync: what a source tells becomes documents, versions and deletions, item by item.

Each item is one transaction that also checks the claim: a kill -9 between two of them leaves every item
either taken in and remembered, or neither, and the next attempt goes over the source again and finds the
remembered ones unchanged. Counts are those of the whole run, over all of its attempts.
"""

import logging
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from ingestion import ledger
from ingestion.connectors.kinds import KINDS
from ingestion.connectors.network import Network
from ingestion.connectors.protocol import (
    Connector,
    Event,
    Finished,
    Found,
    ItemError,
    Known,
    Limits,
    Problem,
    Removed,
    SourceError,
)
from ingestion.documents import Kept, delete_document, keep_content, record_kept
from ingestion.ledger import Claim, LeaseLostError, Stage, State
from ingestion.models import IngestionJob, Source, SourceItem, SyncRun
from ingestion.naming import document_name, is_left_out
from retrieval import access
from retrieval.errors import InvalidInputError, NotAllowedError
from retrieval.models import Document, Role
from retrieval.people import Member
from retrieval.secrets import LostSecretError, decrypt, renewed

log = logging.getLogger(__name__)

Outcome = SourceItem.Outcome
_REPORT_EVERY_SECONDS = 0.5
# A source may have 100,000 items, all of which are held in memory: no more of each than is looked at.
_NEEDED = (
    "source", "key", "path", "fingerprint", "memo", "outcome", "message", "run",
    "document__name", "document__deleted_at", "document__collection",
)  # fmt: skip
_UNREADABLE = "The portal cannot read files with this ending."
_AT_ONCE = 500
_TAKEN_IN = {Outcome.NEW, Outcome.CHANGED, Outcome.UNCHANGED}
_DELETED_HERE = "It was deleted in the portal, so it stays out until it is restored there."


def sync(claim: Claim, lost: threading.Event) -> None:
    """Go over a source once, for a claimed job."""
    source = Source.objects.select_related("collection__owner_team", "acts_for").get(jobs__id=claim.job_id)
    run = _begin(claim, source)
    try:
        with _opened(source) as connector:
            told = _Pass(claim, lost, source, run, connector, _actor(source)).go()
    except SourceError as error:
        _fail(claim, run, str(error), permanent=error.permanent)
    except NotAllowedError as error:
        _fail(claim, run, _no_right(source, error), permanent=True)
    else:
        _finish(claim, source, run, told)


def limits(work_dir: Path) -> Limits:
    """Return the limits of a sync as the settings have them."""
    return Limits(
        work_dir=work_dir,
        network=Network(private=tuple(settings.SOURCE_PRIVATE_NETWORKS)),
        folders=tuple(settings.SOURCE_FOLDERS),
        max_item_bytes=settings.MAX_UPLOAD_MB << 20,
        max_items=settings.SOURCE_MAX_ITEMS,
        max_repository_bytes=settings.SOURCE_REPOSITORY_MB << 20,
    )


def close_ended_runs() -> None:
    """End the runs whose job has ended without them: it was cancelled, or its workers died too often."""
    for run in SyncRun.objects.filter(state=SyncRun.State.RUNNING).select_related("job"):
        if run.job is None or run.job.state not in ledger.OPEN:
            _end_with_job(run)


def _end_with_job(run: SyncRun) -> None:
    cancelled = run.job is not None and run.job.state == State.CANCELLED
    SyncRun.objects.filter(pk=run.pk, state=SyncRun.State.RUNNING).update(
        state=SyncRun.State.CANCELLED if cancelled else SyncRun.State.FAILED,
        message=run.job.message if run.job else "",
        finished_at=Now(),
    )


def _begin(claim: Claim, source: Source) -> SyncRun:
    """Return the run of this job: the one that an earlier attempt began, or a new one."""
    close_ended_runs()
    with transaction.atomic():
        ledger.lock(claim)
        running = {"state": SyncRun.State.RUNNING, "finished_at": None, "message": ""}
        return SyncRun.objects.update_or_create(source=source, job_id=UUID(claim.job_id), defaults=running)[0]


def _actor(source: Source) -> Member:
    """Return whose rights the sync has. Raises SourceError or NotAllowedError where they lost them."""
    person: Member | None = source.acts_for
    if person is None or not person.is_active:
        raise SourceError(
            f"Nobody with an open account stands behind “{source.name}” any more. "
            "A manager of the collection opens it and saves it, and it acts for them then.",
            permanent=True,
        )
    access.require_role(user=person, collection=source.collection, role=Role.CONTRIBUTOR)
    return person


def _no_right(source: Source, error: NotAllowedError) -> str:
    return (
        f"{source.acts_for}, for whom “{source.name}” acts, may not change this collection any more. {error} "
        "Or another manager of the collection saves the source."
    )


@contextmanager
def _opened(source: Source) -> Iterator[Connector]:
    kind = KINDS.get(source.kind)
    if kind is None:
        raise SourceError(f"This portal has no connector “{source.kind}” any more.", permanent=True)
    root = Path(settings.CACHE_DIR) / "syncs"
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, ignore_cleanup_errors=True) as folder:
        opened = kind.open(source.configuration, secret=_secret(source), limits=limits(Path(folder)))
        with closing(opened) as connector:
            yield connector


def _secret(source: Source) -> str:
    """Return the secret in clear, and let it be encrypted with the key of today from now on."""
    try:
        if source.secret:
            Source.objects.filter(pk=source.pk, secret=source.secret).update(secret=renewed(source.secret))
        return decrypt(source.secret)
    except LostSecretError as error:
        raise SourceError(
            f"The secret of “{source.name}” was encrypted with another SECRET_KEY. Type it again in the "
            "settings of the source, or put the earlier key into SECRET_KEY_FALLBACKS.",
            permanent=True,
        ) from error


def _fail(claim: Claim, run: SyncRun, message: str, *, permanent: bool) -> None:
    ledger.fail(claim, reason="source", message=message, permanent=permanent)
    job = IngestionJob.objects.get(pk=claim.job_id)
    if job.state not in ledger.OPEN:
        run.job = job
        _end_with_job(run)


def _finish(claim: Claim, source: Source, run: SyncRun, told: "Told") -> None:
    """End run and job in one transaction, if the claim still holds."""
    is_whole = not told.counts[Outcome.FAILED] and not told.finished.notice
    with transaction.atomic():
        ledger.lock(claim)
        SyncRun.objects.filter(pk=run.pk).update(
            state=SyncRun.State.DONE if is_whole else SyncRun.State.PARTLY,
            message=told.finished.notice,
            finished_at=Now(),
            new=told.counts[Outcome.NEW],
            changed=told.counts[Outcome.CHANGED],
            unchanged=told.counts[Outcome.UNCHANGED],
            removed=told.counts[Outcome.REMOVED],
            left_out=told.counts[Outcome.LEFT_OUT] + told.counts[Outcome.DELETED],
            failed=told.counts[Outcome.FAILED],
        )
        # What failed for now must be looked at again: the next run begins from where this one did.
        if not told.must_repeat:
            Source.objects.filter(pk=source.pk).update(cursor=told.finished.cursor)
        source.items.filter(outcome=Outcome.REMOVED).exclude(run=run).delete()
        Source.objects.filter(pk=source.pk).update(next_run_at=next_run(source))
        ledger.finish(claim, state=State.SYNCED)


def next_run(source: Source) -> datetime | None:
    """Return when a source is due again, or None where that is only when somebody asks."""
    if not source.is_enabled or not source.every_minutes:
        return None
    return timezone.now() + timedelta(minutes=source.every_minutes)


def _storable(event: Event) -> Event:
    """Return an event, or in place of one whose name cannot be stored what is wrong with it."""
    if isinstance(event, Found | Problem) and "\x00" in event.key + event.path:
        key, path = event.key.replace("\x00", "\ufffd"), event.path.replace("\x00", "\ufffd")
        return Problem(key, path, "Its name holds a character that cannot be stored (NUL). Rename it.")
    return event


@dataclass(slots=True)
class Told:
    """What a pass over a source came to. `must_repeat`: something failed that may work next time."""

    finished: Finished
    counts: Counter[str]
    must_repeat: bool


@dataclass(slots=True)
class _Pass:
    """One pass over a source, with what is known of its items in memory."""

    claim: Claim
    lost: threading.Event
    source: Source
    run: SyncRun
    connector: Connector
    actor: Member
    items: dict[str, SourceItem] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    left_out: list[SourceItem] = field(default_factory=list)
    must_repeat: bool = False
    reported: float = 0.0

    def go(self) -> Told:
        items = self.source.items.select_related("document").only(*_NEEDED)
        self.items = {item.key: item for item in items.iterator()}
        known = {key: Known(one.fingerprint, one.memo) for key, one in self.items.items() if one.fingerprint}
        unsettled = any(
            not item.fingerprint and item.outcome == Outcome.FAILED for item in self.items.values()
        )
        finished: Finished | None = None
        for event in self.connector.changes(cursor="" if unsettled else self.source.cursor, known=known):
            self._progress()
            match _storable(event):
                case Found() as event:
                    self._found(event)
                case Problem() as event:
                    self._problem(event)
                case Removed() as event:
                    self._remove(event.key)
                case Finished() as event:
                    finished = event
        self._remember_left_out()
        if finished is None:
            raise SourceError("The source broke off. Nothing was taken as vanished.")
        if finished.complete:
            for key in self.items.keys() - self.seen:
                self._progress()
                self._remove(key)
        return Told(finished, self.counts, self.must_repeat)

    def _progress(self) -> None:
        if self.lost.is_set():
            raise LeaseLostError
        now = time.monotonic()
        if now - self.reported >= _REPORT_EVERY_SECONDS:
            self.reported = now
            total = max(len(self.items), len(self.seen))
            ledger.report(self.claim, stage=Stage.SYNCING, done=len(self.seen), total=total)

    def _found(self, found: Found) -> None:
        if found.key in self.seen:
            return
        self.seen.add(found.key)
        item = self.items.get(found.key)
        if item and self._is_deleted_here(item):
            kept = Found(found.key, found.path, item.fingerprint, item.memo)
            self._note(kept, item, Outcome.DELETED, _DELETED_HERE)
        elif item and item.fingerprint == found.fingerprint and item.outcome != Outcome.LEFT_OUT:
            self._unchanged(found, item)
        elif is_left_out(found.path or (item.path if item else "")):
            self._leave_out(found, item)
        else:
            self._take_in(found, item)

    def _leave_out(self, found: Found, item: SourceItem | None) -> None:
        """Remember a file that no parser reads: there may be thousands, as in a repository of code."""
        if item is not None:
            self._note(found, item, Outcome.LEFT_OUT, _UNREADABLE)
            return
        self.counts[Outcome.LEFT_OUT] += 1
        self.left_out.append(
            SourceItem(
                source=self.source,
                run=self.run,
                key=found.key,
                path=found.path,
                fingerprint=found.fingerprint,
                memo=found.memo,
                outcome=Outcome.LEFT_OUT,
                message=_UNREADABLE,
            )
        )
        if len(self.left_out) >= _AT_ONCE:
            self._remember_left_out()

    def _remember_left_out(self) -> None:
        with transaction.atomic():
            ledger.lock(self.claim)
            SourceItem.objects.bulk_create(self.left_out)
        self.left_out.clear()

    def _is_deleted_here(self, item: SourceItem) -> bool:
        """Return whether somebody deleted the document in the portal, and nobody restored it."""
        if item.document is not None:
            return item.document.deleted_at is not None
        return item.outcome == Outcome.DELETED or item.outcome in _TAKEN_IN  # purged since

    def _unchanged(self, found: Found, item: SourceItem) -> None:
        """Count it; what an earlier attempt of this run did keeps its name."""
        if item.run_id == self.run.pk or item.outcome == Outcome.FAILED:
            outcome = Outcome(item.outcome)
        else:
            outcome = Outcome.UNCHANGED
        self.counts[outcome] += 1
        if (found.memo and item.memo != found.memo) or item.outcome == Outcome.DELETED:
            SourceItem.objects.filter(pk=item.pk).update(memo=found.memo or item.memo, outcome=outcome)

    def _take_in(self, found: Found, item: SourceItem | None) -> None:
        try:
            with self.connector.fetch(found) as content:
                kept = keep_content(name=document_name(found.path), content=content)
            self._record(found, item, kept)
        except (
            InvalidInputError
        ) as error:  # these bytes cannot be used: not asked for again until they change
            self._note(found, item, Outcome.FAILED, str(error))
        except ItemError as error:
            self._failed_for_now(found.key, found.path, item, str(error))

    def _record(self, found: Found, item: SourceItem | None, kept: Kept) -> None:
        document = item.document if item else None
        with transaction.atomic():
            ledger.lock(self.claim)
            added = record_kept(
                user=self.actor, collection=self.source.collection, document=document, kept=kept
            )
            outcome = Outcome.NEW if document is None else Outcome.CHANGED
            if added.outcome == "unchanged":
                outcome = Outcome.UNCHANGED  # touched, with the same bytes
            self._save(found, item, outcome, document=added.document)
        self.counts[outcome] += 1

    def _note(self, found: Found, item: SourceItem | None, outcome: Outcome, message: str) -> None:
        """Remember how an item fared that is not to be fetched again in this state."""
        self.counts[outcome] += 1
        if item and (item.outcome, item.message, item.fingerprint) == (outcome, message, found.fingerprint):
            return
        with transaction.atomic():
            ledger.lock(self.claim)
            self._save(found, item, outcome, message=message, document=item.document if item else None)

    def _problem(self, problem: Problem) -> None:
        if problem.key not in self.seen:
            self.seen.add(problem.key)
            self._failed_for_now(problem.key, problem.path, self.items.get(problem.key), problem.message)

    def _failed_for_now(self, key: str, path: str, item: SourceItem | None, message: str) -> None:
        self.must_repeat = True
        self.counts[Outcome.FAILED] += 1
        failed = Found(key, path, fingerprint="")
        with transaction.atomic():
            ledger.lock(self.claim)
            document = item.document if item else None
            self._save(failed, item, Outcome.FAILED, message=message, document=document)

    def _save(
        self,
        found: Found,
        item: SourceItem | None,
        outcome: Outcome,
        *,
        document: Document | None,
        message: str = "",
    ) -> None:
        row = item or SourceItem(source=self.source, key=found.key)
        row.path = found.path or row.path or found.key
        row.fingerprint, row.memo = found.fingerprint, found.memo
        row.outcome, row.message, row.document, row.run = outcome, message, document, self.run
        row.save()

    def _remove(self, key: str) -> None:
        """Take what vanished out of the index; an item that is unknown here has nothing to remove."""
        self.seen.add(key)
        item = self.items.get(key)
        if item is None:
            return
        if item.outcome == Outcome.REMOVED:
            self.counts[Outcome.REMOVED] += item.run_id == self.run.pk  # by an earlier attempt of this run
            return
        self.counts[Outcome.REMOVED] += item.document is not None
        with transaction.atomic():
            ledger.lock(self.claim)
            if item.document is not None and item.document.deleted_at is None:
                delete_document(user=self.actor, document=item.document)
            SourceItem.objects.filter(pk=item.pk).update(
                outcome=Outcome.REMOVED, fingerprint="", memo="", message="", document=None, run=self.run
            )
