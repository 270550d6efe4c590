"""What people ask of the ledger about documents that they look after: retry, cancel, read again."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from ingestion import ledger
from ingestion.ledger import OPEN, State
from ingestion.models import IngestionJob
from retrieval import access
from retrieval.errors import InvalidInputError
from retrieval.models import Collection, Document, DocumentVersion, Role
from retrieval.people import Member

Action = Literal["retry", "cancel", "reprocess"]

RETRYABLE = (State.FAILED, State.QUARANTINED, State.NO_TEXT, State.CANCELLED)
FAILED = (State.FAILED, State.QUARANTINED, State.NO_TEXT)
_CANCELLED = "Cancelled. Retry it to read it after all."


@dataclass(frozen=True, slots=True)
class Done:
    """How many documents an action was done to, and how many were in no state for it."""

    done: int
    skipped: int


def newest_jobs() -> QuerySet[IngestionJob]:
    """Return the job of the newest version of each document that is not deleted."""
    newer = DocumentVersion.objects.filter(
        document=OuterRef("version__document"), number__gt=OuterRef("version__number")
    )
    jobs = IngestionJob.objects.filter(version__isnull=False, version__document__deleted_at__isnull=True)
    return jobs.filter(~Exists(newer))


def jobs_looked_after(*, user: Member) -> QuerySet[IngestionJob]:
    """Return the newest jobs of the documents that the person sees and may change."""
    documents = access.visible_documents(user=user, role=Role.CONTRIBUTOR)
    return newest_jobs().filter(version__document__in=documents)


@transaction.atomic
def retry_document(*, user: Member, document: Document) -> None:
    """Queue a document again whose newest version did not get into the index.

    Needs the contributor role. Raises InvalidInputError where it did, or is still open.
    """
    if not ledger.reopen(jobs=_job(user, document).filter(state__in=RETRYABLE)):
        raise _not_in_a_state(document, "retry")


@transaction.atomic
def reprocess_document(*, user: Member, document: Document) -> None:
    """Read a document again with the parser and model of today; the old index serves until the new one does.

    Needs the contributor role. Raises InvalidInputError while it waits or is in work.
    """
    if not ledger.reopen(jobs=_job(user, document)):
        raise _not_in_a_state(document, "read again")


@transaction.atomic
def cancel_document(*, user: Member, document: Document) -> None:
    """Stop what is queued or in work for a document; what was searchable before stays so."""
    access.require_role(user=user, collection=document.collection, role=Role.CONTRIBUTOR)
    ledger.cancel(jobs=IngestionJob.objects.filter(version__document=document), message=_CANCELLED)


def _job(user: Member, document: Document) -> QuerySet[IngestionJob]:
    access.require_role(user=user, collection=document.collection, role=Role.CONTRIBUTOR)
    return newest_jobs().filter(version__document=document)


def _not_in_a_state(document: Document, what: str) -> InvalidInputError:
    job = newest_jobs().filter(version__document=document).first()
    word = job.get_state_display() if job else "empty"
    return InvalidInputError(f"“{document.name}” is not in a state to {what}: {word}.")


def act_on(*, user: Member, documents: Iterable[object], action: Action) -> Done:
    """Retry, cancel or read again the documents with these ids that the person looks after.

    Those in no state for it are left as they are and counted as skipped.
    """
    jobs = jobs_looked_after(user=user).filter(version__document__in=list(documents))
    ids = list(jobs.values_list("pk", flat=True))
    done = _ACTIONS[action](IngestionJob.objects.filter(pk__in=ids))
    return Done(done, len(ids) - done)


_ACTIONS: dict[Action, Callable[[QuerySet[IngestionJob]], int]] = {
    "retry": lambda jobs: ledger.reopen(jobs=jobs.filter(state__in=RETRYABLE)),
    "reprocess": lambda jobs: ledger.reopen(jobs=jobs),
    "cancel": lambda jobs: ledger.cancel(jobs=jobs.filter(state__in=OPEN), message=_CANCELLED),
}


def retry_failed(*, user: Member, collection: Collection | None = None) -> int:
    """Queue again everything that failed among what the person looks after; return how many that were."""
    jobs = jobs_looked_after(user=user).filter(state__in=FAILED)
    if collection is not None:
        access.require_role(user=user, collection=collection, role=Role.CONTRIBUTOR)
        jobs = jobs.filter(version__document__collection=collection)
    ids = list(jobs.values_list("pk", flat=True))
    return ledger.reopen(jobs=IngestionJob.objects.filter(pk__in=ids, state__in=FAILED))
