"""Searches take turns: more at once than there are processors make each other slower, and all late."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from django.db import connection

# One more than there are processors: while one search waits for the database, another computes.
_TURNS = BoundedSemaphore(len(os.sched_getaffinity(0)) + 1)


@contextmanager
def turn() -> Iterator[None]:
    """Wait for a turn. The database connection goes back to the pool meanwhile, for others to come in."""
    if not _TURNS.acquire(blocking=False):
        if not connection.in_atomic_block:
            connection.close()
        _TURNS.acquire()
    try:
        yield
    finally:
        _TURNS.release()
