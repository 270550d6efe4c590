"""The pulse of worker processes, so that people see whether anybody is there to do the work."""

import logging
import os
import socket
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, close_old_connections
from django.db.models.functions import Now

from ingestion.ledger import is_alive, worker_name
from ingestion.models import WorkerPulse

log = logging.getLogger(__name__)

PULSE_SECONDS = 5.0
_ALIVE = timedelta(seconds=6 * PULSE_SECONDS)  # a machine under load beats late
_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker process that gave a sign of life lately."""

    name: str
    threads: int
    beat_at: datetime


def alive_workers() -> list[Worker]:
    """Return the workers that gave a sign of life in the last 30 seconds."""
    rows = WorkerPulse.objects.filter(beat_at__gt=Now() - _ALIVE).order_by("name")
    return [Worker(row.name, row.threads, row.beat_at) for row in rows]


def start_pulse(*, threads: int) -> None:
    """Tell every few seconds from now on that this process lives, from a thread of its own."""
    threading.Thread(target=_pulse, args=(threads,), name="pulse", daemon=True).start()


def _pulse(threads: int) -> None:
    while True:
        try:
            beat(threads=threads)
        except DatabaseError as error:
            log.warning("could not write the pulse of this worker: %s", error)
        close_old_connections()
        time.sleep(PULSE_SECONDS)


def beat(*, threads: int) -> None:
    """Write a sign of life of this process, and forget dead processes of this machine."""
    WorkerPulse.objects.update_or_create(
        name=worker_name(), defaults={"threads": threads, "beat_at": Now()}, create_defaults=None
    )
    forget_dead_workers()


def forget_dead_workers() -> None:
    """Delete the rows of dead processes of this machine, and of workers that were silent for a day."""
    WorkerPulse.objects.filter(beat_at__lt=Now() - _KEPT).delete()
    ours = WorkerPulse.objects.filter(name__startswith=f"{socket.gethostname()}:")
    dead = [row.name for row in ours if not is_alive(row.name)]
    WorkerPulse.objects.filter(name__in=dead).exclude(name__endswith=f":{os.getpid()}").delete()
