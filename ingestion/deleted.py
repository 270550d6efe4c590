"""Deleted documents: restored within the retention time, erased for good after it."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from ingestion import ledger
from ingestion.documents import DELETED, free_name, jobs_of, live_documents
from ingestion.ledger import State
from retrieval import access
from retrieval.errors import InvalidInputError, NotVisibleError
from retrieval.family import with_all_below
from retrieval.models import Document, Role
from retrieval.people import Member

log = logging.getLogger(__name__)

_BATCH = 100


def retention() -> timedelta:
    return timedelta(days=settings.DELETED_RETENTION_DAYS)


def erased_after(document: Document) -> datetime | None:
    """Return when a deleted document is erased for good, None for one that is not deleted."""
    return document.deleted_at + retention() if document.deleted_at else None


def restore_document(*, user: Member, document: Document) -> Document:
    """Bring a deleted document back with its versions, and queue what was searchable or still to be read.

    Needs the contributor role. Where its name was given to another document meanwhile, it gets a number.
    Raises NotVisibleError where it was erased or restored meanwhile.
    """
    access.require_role(user=user, collection=document.collection, role=Role.CONTRIBUTOR)
    try:
        _restore_family(document)
    except IntegrityError as error:
        raise InvalidInputError(
            f"Another document took the name “{document.name}” this very moment. Restore it again."
        ) from error
    return Document.objects.select_related("collection").get(pk=document.pk)


@transaction.atomic
def _restore_family(document: Document) -> None:
    deleted = with_all_below(document).filter(deleted_at__isnull=False, deleted_at=document.deleted_at)
    locked = list(deleted.select_related("collection").select_for_update(of=("self",)).order_by("pk"))
    if not locked:
        raise NotVisibleError
    for one in locked:
        _restore(one)


def _restore(document: Document) -> None:
    # What is in another document has its name there, and that comes back with it.
    taken = live_documents(document.collection)
    name = document.name if document.ancestors else free_name(document.name, taken=taken)
    Document.objects.filter(pk=document.pk).update(
        name=name, deleted_at=None, deleted_by=None, updated_at=timezone.now()
    )
    jobs = jobs_of(document).order_by("-version__number")
    served = jobs.filter(version__indexed_at__isnull=False).values_list("pk", flat=True)[:1]
    stopped = jobs.filter(state=State.CANCELLED, message=DELETED).values_list("pk", flat=True)
    ledger.reopen(jobs=jobs_of(document).filter(pk__in=[*served, *stopped]))


def erase_deleted() -> int:
    """Erase the documents whose retention time is over; return how many. Their bytes are collected later."""
    over = Document.objects.filter(deleted_at__lt=timezone.now() - retention()).order_by("deleted_at", "pk")
    erased = 0
    while batch := list(over.values_list("pk", flat=True)[:_BATCH]):
        with transaction.atomic():
            locked = Document.objects.select_for_update().filter(pk__in=batch, deleted_at__isnull=False)
            ids = list(locked.values_list("pk", flat=True))
            Document.objects.filter(pk__in=ids).delete()
        erased += len(ids)
    if erased:
        log.info("erased %s documents that were deleted more than %s ago", erased, retention())
    return erased
