"""The doorbell: a message without content that wakes a worker, which then looks into the ledger."""

import logging

from celery import current_app
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)

WORK = "ingestion.tasks.work"


def ring(times: int = 1) -> None:
    """Wake workers. A broker that is away, or fails in any other way, only delays the work until a sweep.

    What the bell is rung for is committed: whoever asked for it must not be told that it failed.
    """
    try:
        for _ in range(times):
            current_app.send_task(WORK, retry=False, ignore_result=True)
    except OperationalError as error:
        log.warning("the broker is away, the sweeper will ring again: %s", error)
    except Exception:  # transports raise what their libraries do
        log.exception("the broker failed, the sweeper will ring again")
