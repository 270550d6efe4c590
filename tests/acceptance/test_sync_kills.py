"""A sync in a process of its own, killed with -9 again and again: nothing is lost, nothing comes twice."""

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from ingestion import ledger, sources
from ingestion.models import IngestionJob, SourceItem
from retrieval.models import Document, DocumentVersion
from tests import factories

pytestmark = [pytest.mark.slow, pytest.mark.worker, pytest.mark.timeout(240)]

_FILES = 60
_KILLS = 6
_SEED = 20
# The first job alone, over and over: documents that the sync brings are not read here.
_WORKER = """
import django
django.setup()
from django.db import connection
from ingestion import ledger, pipeline
ledger.release_lost_claims()
print("ready", flush=True)
syncs_alone = ledger._NEXT.replace("AND (job.source_id IS NULL OR", "AND (job.source_id IS NOT NULL AND")
assert syncs_alone != ledger._NEXT
ledger._NEXT = syncs_alone
while pipeline.work_on_next():
    pass
"""


def test_kills_in_the_middle_lose_and_double_nothing(
    process_env: dict[str, str], tmp_path: Path, settings: Any
) -> None:
    shared = tmp_path / "shared"
    for number in range(_FILES):
        (shared / f"part {number % 3}").mkdir(parents=True, exist_ok=True)
        (shared / f"part {number % 3}" / f"{number // 3}.txt").write_text(f"File {number}. " * 2000)
    settings.SOURCE_FOLDERS = [shared]
    alice = factories.user("alice@example.com")
    plans = factories.collection("Plans", owner=factories.team("Blue", managers=[alice]))
    source = sources.add_source(
        user=alice, collection=plans, kind="folder", name="Share", configuration={"path": str(shared)}
    )
    env = process_env | {
        "SOURCE_FOLDERS": str(shared),
        "VAR_DIR": str(settings.VAR_DIR),
        "JOB_LEASE_SECONDS": "4",
    }
    kills = _sync_with_kills(env)
    assert kills >= _KILLS / 2, "the machine was too quick for the kills"
    job, run = source.jobs.get(), source.runs.get()
    assert (job.state, run.state) == ("synced", "done"), job.message
    assert (run.new, run.changed, run.unchanged, run.failed) == (_FILES, 0, 0, 0)
    assert Document.objects.count() == DocumentVersion.objects.count() == _FILES
    assert SourceItem.objects.values("document").distinct().count() == _FILES
    assert IngestionJob.objects.filter(version__isnull=False, state="queued").count() == _FILES
    assert job.losses == kills


def _sync_with_kills(env: dict[str, str]) -> int:
    """Run the worker until the sync has ended, killing it while it takes in items; return how often."""
    chance, kills = random.Random(_SEED), 0  # noqa: S311 - repeatable, not secret
    while IngestionJob.objects.filter(source__isnull=False, state__in=ledger.OPEN).exists():
        before = SourceItem.objects.count()
        wanted = before + chance.randint(1, _FILES // _KILLS)
        worker = subprocess.Popen(
            [sys.executable, "-c", _WORKER], cwd=settings.BASE_DIR, env=env, stdout=subprocess.PIPE
        )
        assert worker.stdout
        worker.stdout.readline()
        while worker.poll() is None and (kills >= _KILLS or SourceItem.objects.count() < wanted):
            time.sleep(0.002)
        if worker.poll() is None:
            worker.kill()
            kills += 1
        worker.wait()
        worker.stdout.close()
    return kills
