"""The thread that keeps the leases of a worker process alive while its other threads work."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import DatabaseError, close_old_connections

from ingestion import ledger

log = logging.getLogger(__name__)

# A job that takes longer than this is not kept alive: its lease lapses and the attempt counts as lost.
MAX_JOB_SECONDS = 2 * 3600


class _Held:
    def __init__(self, claim: ledger.Claim) -> None:
        self.claim = claim
        self.lost = threading.Event()
        self.since = time.monotonic()


_held: set[_Held] = set()
_guard = threading.Lock()
_thread: threading.Thread | None = None


@contextmanager
def keep_alive(claim: ledger.Claim) -> Iterator[threading.Event]:
    """Renew a claim's lease until the block ends; the event is set once the claim no longer holds."""
    held = _Held(claim)
    with _guard:
        _held.add(held)
        _start()
    try:
        yield held.lost
    finally:
        with _guard:
            _held.discard(held)


def _start() -> None:
    global _thread  # noqa: PLW0603 - one thread per process, restarted should it ever die
    if _thread is None or not _thread.is_alive():
        _thread = threading.Thread(target=_beat, name="heartbeat", daemon=True)
        _thread.start()


def _beat() -> None:
    while True:
        time.sleep(settings.JOB_LEASE_SECONDS / 4)
        with _guard:
            current = list(_held)
        for held in current:
            _renew(held)
        close_old_connections()


def _renew(held: _Held) -> None:
    if time.monotonic() - held.since > MAX_JOB_SECONDS:
        held.lost.set()
        return
    try:
        if not ledger.renew(held.claim):
            held.lost.set()
    except DatabaseError as error:
        log.warning("could not renew the lease of job %s: %s", held.claim.job_id, error)
