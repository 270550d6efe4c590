"""Is the process alive, and is it ready to answer questions? Each part that is not ready is named."""

import logging
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ingestion.models import IngestionJob
from portal.answers import support
from retrieval import warm
from retrieval.generations import NoGenerationError, serving_generation

log = logging.getLogger(__name__)
READY = "ready"
_WORKER_PATIENCE = timedelta(minutes=1)
_WITHOUT = {"worker"}  # questions are answered without it; documents wait


class _Known:
    """What is not asked for each time: `migrated` stays true, and `model` is told by who loads it."""

    model = "is being loaded"
    migrated = False


def load_model_in_background() -> None:
    """Keep the embedding models loaded, so that no question waits for one, after a flip either."""
    warm.keep_models_loaded(_note_model, also={"loading the support model": support.warm_up})


def _note_model(fault: str) -> None:
    _Known.model = f"cannot be used: {fault}" if fault else READY


@require_safe
@never_cache
def livez(request: HttpRequest) -> HttpResponse:
    """Answer as long as the process can: touches neither database nor model nor disk."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Name every part and its state; 503 until questions can be answered."""
    parts = {name: _state(check) for name, check in _CHECKS.items()}
    is_ready = all(state == READY for name, state in parts.items() if name not in _WITHOUT)
    response = JsonResponse({"ready": is_ready, "parts": parts}, status=200 if is_ready else 503)
    # Django's own mark: it logs every 5xx as an error, and this one is asked for many times a minute.
    setattr(response, "_has_been_logged", True)  # noqa: B010 - not an attribute that the type declares
    return response


def _state(check: Callable[[], str]) -> str:
    try:
        return check()
    except (DatabaseError, OSError) as error:
        log.warning("not ready: %s", error)
        return "cannot be reached"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return READY


def _migrations() -> str:
    if not _Known.migrated:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        _Known.migrated = not missing
        if missing:
            return f"{len(missing)} to apply: run `manage.py migrate --database owner`"
    return READY


def _model() -> str:
    return _Known.model


def _generation() -> str:
    try:
        serving_generation()
    except NoGenerationError as error:
        return str(error)
    return READY


def _blobs() -> str:
    folder = Path(settings.MEDIA_ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        return READY


def _worker() -> str:
    """Judge by the ledger: a document that has been due for a minute and is not taken has no worker."""
    late = timezone.now() - _WORKER_PATIENCE
    queued = IngestionJob.objects.filter(state=IngestionJob.State.QUEUED, generation__isnull=True)
    waiting = queued.filter(due_at__lt=late).exists()
    working = IngestionJob.objects.filter(heartbeat_at__gt=late).exists()
    if waiting and not working:  # no number: this page is open to everyone
        return "does not answer: documents wait to be read"
    return READY


_CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "generation": _generation,
    "model": _model,
    "blobs": _blobs,
    "worker": _worker,
}
