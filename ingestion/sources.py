"""What managers do with the sources of their collections: add, change, pause, sync now, delete."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from ingestion import ledger
from ingestion.connectors.kinds import KINDS
from ingestion.connectors.protocol import Field, Kind, SourceError
from ingestion.documents import delete_document
from ingestion.ledger import OPEN
from ingestion.models import IngestionJob, Source, SourceItem
from ingestion.syncing import close_ended_runs, limits, next_run
from retrieval import access
from retrieval.errors import InvalidInputError, NotVisibleError
from retrieval.models import Collection, Role
from retrieval.people import Member
from retrieval.secrets import encrypt

LONGEST_MINUTES = 60 * 24 * 31
_MAX_VALUE = 2000
_MAX_NAME = 120


def managed_sources(*, user: Member) -> QuerySet[Source]:
    """Return the sources of the collections that the person manages; nobody else sees a source."""
    collections = access.visible_collections(user=user, role=Role.MANAGER)
    return Source.objects.filter(collection__in=collections).select_related("collection", "acts_for")


def get_source(*, user: Member, source_id: UUID | str) -> Source:
    """Return a source by its id. Raises NotVisibleError where it is missing or the person may not see it."""
    found = managed_sources(user=user).filter(pk=source_id).first()
    if found is None:
        raise NotVisibleError
    return found


def kind_named(name: str) -> Kind:
    """Return a kind of source by its name. Raises InvalidInputError."""
    if name not in KINDS:
        raise InvalidInputError(f"There is no kind of source “{name[:40]}”. There are: {', '.join(KINDS)}.")
    return KINDS[name]


@transaction.atomic
def add_source(
    *,
    user: Member,
    collection: Collection,
    kind: str,
    name: str,
    configuration: Mapping[str, str],
    secret: str = "",
    every_minutes: int = 60,
) -> Source:
    """Add a source to a collection and queue its first sync; needs the manager role in the collection.

    What it brings is added and deleted with the rights of `user`. Raises InvalidInputError where the
    configuration cannot be meant; whether the source answers is told by the first sync.
    """
    access.require_role(user=user, collection=collection, role=Role.MANAGER)
    chosen = kind_named(kind)
    source = Source(
        collection=collection,
        kind=kind,
        name=_checked_name(name),
        configuration=_checked(chosen, configuration),
        secret=encrypt(secret if chosen.secret_label else ""),
        every_minutes=_checked_minutes(every_minutes),
        acts_for_id=user.pk,
    )
    source.next_run_at = next_run(source)
    _save(source)
    ledger.open_sync(source=source)
    return source


@transaction.atomic
def change_source(
    *,
    user: Member,
    source: Source,
    name: str,
    configuration: Mapping[str, str],
    secret: str | None = None,
    every_minutes: int,
) -> Source:
    """Change a source; it acts for `user` from then on. Needs the manager role in its collection.

    Without `secret` the kept one stays, except where the source would now be sent somewhere else: else
    whoever may change a source could have its secret sent to themselves.
    """
    access.require_role(user=user, collection=source.collection, role=Role.MANAGER)
    locked = Source.objects.select_for_update().get(pk=source.pk)
    kind = kind_named(locked.kind)
    changed = _checked(kind, configuration)
    if secret is None and locked.secret and _leads_elsewhere(kind, locked.configuration, changed):
        raise InvalidInputError(
            f"“{locked.name}” would be asked at another address. Type its {kind.secret_label.lower()} again, "
            "so that it goes only where you mean it to."
        )
    if locked.configuration != changed:
        locked.cursor = ""
    locked.name, locked.configuration = _checked_name(name), changed
    locked.every_minutes = _checked_minutes(every_minutes)
    if secret is not None and kind.secret_label:
        locked.secret = encrypt(secret)
    locked.acts_for_id = user.pk
    locked.next_run_at = next_run(locked)
    _save(locked)
    return locked


def _save(source: Source) -> None:
    try:
        with transaction.atomic():
            source.save()
    except IntegrityError as error:
        raise InvalidInputError(
            f"There is a source “{source.name}” in this collection already. Choose another name."
        ) from error


def _leads_elsewhere(kind: Kind, before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    return any(before.get(one.name) != after.get(one.name) for one in kind.fields if one.is_target)


def _checked_name(name: str) -> str:
    cleaned = " ".join(name.split())
    if not 1 <= len(cleaned) <= _MAX_NAME or not cleaned.isprintable():
        raise InvalidInputError(f"A source needs a name of 1 to {_MAX_NAME} characters.")
    return cleaned


def _checked_minutes(minutes: int) -> int:
    if not 0 <= minutes <= LONGEST_MINUTES:
        raise InvalidInputError(
            f"A source is synced every 1 to {LONGEST_MINUTES:,} minutes, or with 0 never."
        )
    return minutes


def _checked(kind: Kind, configuration: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of a kind, filled in. Raises InvalidInputError for what is missing or unknown."""
    if unknown := set(configuration) - {one.name for one in kind.fields}:
        raise InvalidInputError(
            f"“{min(unknown)[:40]}” is no setting of this kind. "
            f"There are: {', '.join(one.name for one in kind.fields)}."
        )
    filled = {one.name: _filled(one, configuration.get(one.name, "")) for one in kind.fields}
    with tempfile.TemporaryDirectory() as folder:
        try:
            kind.check(filled, limits(Path(folder)))
        except SourceError as error:
            raise InvalidInputError(str(error)) from error
    return filled


def _filled(one: Field, value: str) -> str:
    value = value.strip() or one.default
    if one.required and not value:
        raise InvalidInputError(f"“{one.label}” is missing. Fill it in.")
    if len(value) > _MAX_VALUE or "\x00" in value or (one.shape != "lines" and not value.isprintable()):
        raise InvalidInputError(f"“{one.label}” cannot be used: it is too long or not plain text.")
    if one.choices and value not in dict(one.choices):
        raise InvalidInputError(f"“{one.label}” must be one of: {', '.join(dict(one.choices))}.")
    return value


@transaction.atomic
def sync_now(*, user: Member, source: Source) -> IngestionJob:
    """Queue a sync and return its job, or the one that is open already; needs the manager role."""
    access.require_role(user=user, collection=source.collection, role=Role.MANAGER)
    return request_sync(source=source)


@transaction.atomic
def request_sync(*, source: Source) -> IngestionJob:
    """Return the one open job of a source, made now where there is none: for clock and command line."""
    Source.objects.select_for_update().get(pk=source.pk)
    return source.jobs.filter(state__in=OPEN).first() or ledger.open_sync(source=source)


@transaction.atomic
def cancel_sync(*, user: Member, source: Source) -> None:
    """Stop a sync that waits or runs; what it took in stays. Needs the manager role."""
    access.require_role(user=user, collection=source.collection, role=Role.MANAGER)
    ledger.cancel(jobs=source.jobs.all(), message="Cancelled. What was taken in before stays.")
    close_ended_runs()


@transaction.atomic
def pause_source(*, user: Member, source: Source, is_enabled: bool) -> None:
    """Stop the schedule of a source, or let it go on; needs the manager role."""
    access.require_role(user=user, collection=source.collection, role=Role.MANAGER)
    source.is_enabled = is_enabled
    source.next_run_at = next_run(source)
    source.save(update_fields=["is_enabled", "next_run_at"])


@transaction.atomic
def delete_source(*, user: Member, source: Source, with_documents: bool) -> None:
    """Delete a source; its documents stay as if they had been uploaded, or are deleted with it.

    Needs the manager role in its collection.
    """
    access.require_role(user=user, collection=source.collection, role=Role.MANAGER)
    ledger.cancel(jobs=source.jobs.all(), message="The source was deleted.")
    Source.objects.select_for_update().get(pk=source.pk)
    if with_documents:
        items = source.items.filter(document__deleted_at__isnull=True, document__collection=source.collection)
        for item in items.select_related("document__collection"):
            if item.document is not None:
                delete_document(user=user, document=item.document)
    source.delete()


def open_due_syncs() -> int:
    """Queue every source whose time has come, and end runs that were left behind; return how many."""
    close_ended_runs()
    due = Source.objects.filter(is_enabled=True, every_minutes__gt=0, next_run_at__lte=Now())
    for source in due:
        with transaction.atomic():
            request_sync(source=source)
            Source.objects.filter(pk=source.pk).update(next_run_at=next_run(source))
    return len(due)


def troubled_items(source: Source) -> QuerySet[SourceItem]:
    """Return the items that failed at the last look, each with its reason."""
    return source.items.filter(outcome=SourceItem.Outcome.FAILED).order_by("path", "pk")
