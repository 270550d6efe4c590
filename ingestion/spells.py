"""Spells of work in a worker process: a message begins one, or the process's own look into the ledger.

A message makes it immediate. A broker that is away, or has forgotten this process, only makes it slower.
"""

import logging
import threading

from celery.signals import worker_shutdown, worker_shutting_down
from django.conf import settings
from django.db import DatabaseError, close_old_connections

from ingestion import ledger, pipeline

log = logging.getLogger(__name__)

_SPELL_SECONDS = 8.0  # which a stop and a sweep may wait for, besides the document in work

_free = threading.BoundedSemaphore(settings.WORKER_CONCURRENCY)
_is_stopping = threading.Event()


def work_a_spell() -> bool:
    """Do due jobs for a while; True where more are due then. False at once where all threads are at it."""
    if not _free.acquire(blocking=False):
        return False
    try:
        return pipeline.work_through(seconds=_SPELL_SECONDS) and ledger.due_jobs().exists()
    finally:
        _free.release()


def keep_looking() -> None:
    """Look every `SWEEP_SECONDS` from now on, in a thread of its own, until the worker stops."""
    thread = threading.Thread(target=_look, name="look-for-work", daemon=True)

    def stop(**_: object) -> None:
        _is_stopping.set()

    def wait(**_: object) -> None:
        thread.join()

    worker_shutting_down.connect(stop, weak=False)
    worker_shutdown.connect(wait, weak=False)
    thread.start()


def _look() -> None:
    while not _is_stopping.wait(settings.SWEEP_SECONDS):
        try:
            while work_a_spell() and not _is_stopping.is_set():
                pass
        except DatabaseError as error:
            log.warning("could not look for work: %s", error)
        except Exception:  # the thread's edge: nobody would look any more
            log.exception("could not look for work")
        close_old_connections()
