"""Documents that take their parser down, on a real worker: quarantined, and nobody else waits for them."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # ships no types
import pytest
from django.conf import settings

from ingestion.documents import add_document
from ingestion.ledger import State
from ingestion.models import IngestionJob
from portal.accounts.models import User
from retrieval.generations import ensure_first_generation
from retrieval.models import Collection
from tests import factories

pytestmark = [
    pytest.mark.slow,
    pytest.mark.worker,
    pytest.mark.timeout(600),
    pytest.mark.django_db(transaction=True),
]

DEEDS = ["segfault", "exit", "spin", "sleep", "eat_memory", "flood", "fill_disk", "fork_natively"]


@pytest.fixture
def alice() -> User:
    ensure_first_generation()
    return factories.user("alice@example.com")


@pytest.fixture
def worker(process_env: dict[str, str], tmp_path: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """Run a worker of two threads that is quick to lose patience; it is rung by the sweep of beat alone."""
    environment = process_env | {
        "VAR_DIR": str(settings.VAR_DIR),
        "PARSE_WALL_SECONDS": "5",
        "PARSE_CPU_SECONDS": "4",
        "PARSE_MEMORY_MB": "512",
        "PARSE_MAX_TEMP_MB": "64",
        "SWEEP_SECONDS": "1",
        "JOB_LEASE_SECONDS": "5",
    }
    worker = [
        sys.executable,
        "-m",
        "tests.acceptance.poison_worker",
        "-A",
        "portal",
        "worker",
        "--pool",
        "threads",
    ]
    worker += ["--concurrency", "2", "--without-gossip", "--without-mingle", "--loglevel", "INFO"]
    beat = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "portal",
        "beat",
        "--scheduler",
        "portal.beat:TickingScheduler",
    ]
    with (tmp_path / "log").open("wb") as log:
        running = [
            subprocess.Popen(command, env=environment, cwd=settings.BASE_DIR, stdout=log, stderr=log)
            for command in (worker, [*beat, "--pidfile="])
        ]
        try:
            yield running[0]
        finally:
            for process in running:
                process.kill()
                process.wait()


def wait(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, list(
            IngestionJob.objects.values_list("version__document__name", "state", "attempts", "reason")
        )
        time.sleep(0.05)


def upload(user: User, collection: Collection, name: str, content: str) -> IngestionJob:
    added = add_document(user=user, collection=collection, name=name, content=BytesIO(content.encode()))
    assert added.job is not None
    return added.job


def state_of(job: IngestionJob) -> str:
    return IngestionJob.objects.get(pk=job.pk).state


def time_of_healthy_upload(user: User, collection: Collection, number: int) -> float:
    """Return the seconds from an upload to its last word in the index."""
    began = time.monotonic()
    job = upload(user, collection, f"{number}.txt", f"Pump number {number} is checked every week. " * 20)
    wait(lambda: state_of(job) == State.INDEXED)
    return time.monotonic() - began


@contextmanager
def poisoned(user: User, collection: Collection, deed: str) -> Iterator[IngestionJob]:
    job = upload(user, collection, f"{deed}.txt", f"POISON {deed} ")
    wait(lambda: state_of(job) == State.WORKING or IngestionJob.objects.get(pk=job.pk).attempts > 0)
    yield job
    wait(lambda: state_of(job) == State.QUARANTINED)


def test_poison_is_quarantined_and_healthy_uploads_go_on(
    alice: User, worker: "subprocess.Popen[bytes]"
) -> None:
    team = factories.team("Blue", managers=[alice])
    bad, good = factories.collection("Bad", owner=team), factories.collection("Good", owner=team)
    time_of_healthy_upload(alice, good, 0)  # loads the model
    alone = [time_of_healthy_upload(alice, good, number) for number in range(1, 6)]
    beside = []
    for number, deed in enumerate(DEEDS, 10):
        with poisoned(alice, bad, deed) as job:
            beside.append(time_of_healthy_upload(alice, good, number))
        ended = IngestionJob.objects.get(pk=job.pk)
        assert ended.attempts <= settings.JOB_MAX_ATTEMPTS
        assert ended.reason in {"crashed", "timed_out", "out_of_memory", "too_much_output"}, deed
        assert f"{deed}.txt" in ended.message
    ratio = statistics.median(beside) / statistics.median(alone)
    sys.stdout.write(
        f"alone {statistics.median(alone):.2f} s, beside {statistics.median(beside):.2f} s: {ratio:.2f}\n"
    )
    assert ratio <= 2
    assert worker.poll() is None, "the worker is the same one that began"
    assert not IngestionJob.objects.filter(losses__gt=0).exists()
    left = [process.name() for process in psutil.Process(worker.pid).children(recursive=True)]
    assert left == ["fork server"], "nothing of the poison lives on"
