"""Celery beat's scheduler, with a sign of life: a file whose age tells a health check that beat ticks."""

from pathlib import Path
from typing import Any

from celery.beat import Scheduler
from django.conf import settings

SIGN_OF_LIFE = "beat.alive"


class TickingScheduler(Scheduler):
    """Keeps no schedule on disk: the tasks are few and idempotent, and a kill -9 has no file to spoil."""

    max_interval = 30

    def tick(self, *args: Any, **kwargs: Any) -> float:
        (Path(settings.VAR_DIR) / SIGN_OF_LIFE).touch()
        seconds: float = super().tick(*args, **kwargs)
        return seconds
