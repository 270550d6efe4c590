"""Celery's side of the ledger: one line each. A lost or doubled message changes nothing."""

from celery import shared_task
from celery.signals import worker_ready
from django.conf import settings

from ingestion import bell, housekeeping, ledger, sources, spells, workers
from retrieval import segments, warm

_RINGS_PER_SWEEP = 8
_MERGE_SECONDS = 20.0


@shared_task(name=bell.WORK)
def work() -> None:
    """Do due jobs for a while, and ring again while more are due."""
    if spells.work_a_spell():
        bell.ring()


@shared_task
def sweep() -> None:
    """Queue the sources whose time has come, and ring for every due job that no message may have told of."""
    sources.open_due_syncs()
    bell.ring(min(ledger.due_jobs().count(), _RINGS_PER_SWEEP))


@shared_task
def tidy() -> None:
    """Throw away what nothing refers to any more."""
    housekeeping.tidy()


@shared_task
def merge_segments() -> None:
    """Join posting lists, so that a search reads few long ones; what is left when the time is over, later."""
    segments.merge_segments(seconds=_MERGE_SECONDS)


@worker_ready.connect
def _take_up_work(**_: object) -> None:
    """Take over what a killed worker of this machine left, and load the models before they are needed."""
    ledger.release_lost_claims()
    workers.start_pulse(threads=settings.WORKER_CONCURRENCY)
    warm.keep_models_loaded(for_batches=True)
    spells.keep_looking()
    sweep.apply_async(retry=False)
