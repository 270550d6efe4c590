"""A real Celery worker and beat, started as `make up` starts them, on the embedded broker and on Redis."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.db.models.functions import Now

from ingestion.models import IngestionJob, Source
from portal.stack import processes, up
from portal.stack.config import StackConfig
from retrieval.generations import ensure_first_generation
from retrieval.models import Document
from tests import factories
from tests.api.live import free_port
from tests.factories import Cast

pytestmark = [pytest.mark.slow, pytest.mark.worker, pytest.mark.timeout(300)]
Environment = dict[str, str]


@pytest.fixture
def env(process_env: Environment, tmp_path: Path) -> Environment:
    """Return the environment of processes that share the test's database and are quick to notice."""
    return process_env | {
        "VAR_DIR": str(settings.VAR_DIR),
        "EMBEDDING_THREADS": "1",
        "JOB_LEASE_SECONDS": "4",
        "SWEEP_SECONDS": "2",
        "WORKER_CONCURRENCY": "2",
    }


@pytest.fixture
def cast(env: Environment) -> Cast:
    ensure_first_generation()
    cast = factories.cast()
    cast.papers.documents.all().delete()
    return cast


@pytest.fixture
def redis_port(tmp_path: Path) -> int:
    if shutil.which("redis-server") is None:
        pytest.skip("needs redis-server, which is not installed here: apt-get install redis-server")
    return free_port()


class _Programs:
    """The stack's own worker and beat, without the rest of the stack."""

    def __init__(self, env: Environment, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        config = StackConfig(
            python=sys.executable,
            base_dir=str(settings.BASE_DIR),
            var_dir=env["VAR_DIR"],
            host="127.0.0.1",
            port=1,
            base_url="http://127.0.0.1:1",
            admin_email="admin@example.com",
            socket_dir="",
            worker_concurrency=2,
            log_level="INFO",
        )
        self._programs = {program.name: program for program in up.programs(config)}
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @contextmanager
    def running(self, name: str) -> Iterator["subprocess.Popen[bytes]"]:
        with self._log(name).open("ab") as output:
            process = self._running[name] = self._programs[name].start(output.fileno())
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def told(self) -> str:
        """Return the states of all jobs, the ends of the logs, and where the threads of the worker are."""
        text = [str(_states())]
        for name, process in self._running.items():
            if name == "worker" and process.poll() is None:
                process.send_signal(signal.SIGUSR1)  # Celery writes the stacks of all threads
                time.sleep(3)
            text.append(f"--- {name}, exit status {process.poll()}\n{self._log(name).read_text()[-12000:]}")
        return "\n".join(text)

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"


@pytest.fixture
def programs(env: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Programs:
    return _Programs(env, tmp_path, monkeypatch)


@contextmanager
def _redis(port: int) -> Iterator["redis.Redis"]:
    """Run a Redis that keeps nothing on disk."""
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    client = redis.Redis(port=port)
    try:
        assert _wait(lambda: _answers(client), 10), "redis-server did not start"
        yield client
    finally:
        client.close()
        server.kill()
        server.wait()


def _answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def _wait(condition: Callable[[], bool], seconds: float = 90) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _ingest(env: Environment, *files: Path) -> None:
    """Add files in a process of its own, which rings the real broker."""
    command = [sys.executable, "manage.py", "ingest", *map(str, files), "--collection", "blueprints"]
    done = subprocess.run(
        [*command, "--user", "alice@example.com"],
        env=env,
        check=False,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _states() -> dict[str, str]:
    rows = IngestionJob.objects.values_list("version__document__name", "state")
    return dict(rows)


def _all_indexed() -> bool:
    return set(_states().values()) == {"indexed"}


def _texts(folder: Path, *names: str) -> list[Path]:
    folder.mkdir(exist_ok=True)
    files = [folder / f"{name}.txt" for name in names]
    for file in files:
        file.write_text(f"The {file.stem} pump is checked every {len(file.stem)} weeks by its keeper.")
    return files


@contextmanager
def _readers_killed(name: str) -> Iterator[None]:
    """End each child that reads a file as soon as it begins, as a file does that crashes its parser."""
    is_over = threading.Event()

    def kill() -> None:
        while not is_over.wait(0.01):
            for pid in processes.running():
                with suppress(OSError):
                    if Path(f"/proc/{pid}/comm").read_text().strip() == f"read {name}"[:15]:
                        os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        is_over.set()
        killer.join()


def test_uploads_are_indexed_and_a_poison_is_quarantined(
    cast: Cast, env: Environment, programs: _Programs, tmp_path: Path
) -> None:
    poison = tmp_path / "poison.pdf"
    poison.write_bytes(factories.pdf(*["A line of text.\n" * 40] * 300))

    def settled() -> bool:
        return set(_states().values()) <= {"indexed", "quarantined"}

    with _readers_killed(poison.name), programs.running("worker") as worker, programs.running("beat"):
        _ingest(env, *_texts(tmp_path / "texts", "north", "south"), poison)
        assert _wait(settled), programs.told()
        worker.terminate()
        assert worker.wait(timeout=20) == 0, "an idle worker stops cleanly"
    assert _states() == {"north.txt": "indexed", "south.txt": "indexed", "poison.pdf": "quarantined"}
    job = IngestionJob.objects.get(version__document__name="poison.pdf")
    assert (job.attempts - job.losses, bool(job.reason), bool(job.message)) == (3, True, True)


def test_what_a_killed_worker_had_is_taken_over(
    cast: Cast, env: Environment, programs: _Programs, tmp_path: Path
) -> None:
    long = tmp_path / "long.pdf"
    long.write_bytes(factories.pdf(*["A line of text about pumps.\n" * 40] * 60))
    with programs.running("worker") as worker:
        _ingest(env, long)
        assert _wait(lambda: _states() == {"long.pdf": "working"}), programs.told()
        worker.kill()
        worker.wait()
    with programs.running("worker"):
        assert _wait(_all_indexed), programs.told()
    assert IngestionJob.objects.get().attempts == 2


def test_a_folder_is_synced_when_its_time_comes(
    cast: Cast, env: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _texts(tmp_path / "share", "north", "south")
    source = factories.source(
        cast.papers, acts_for=cast.alice, configuration={"path": str(tmp_path / "share")}
    )
    Source.objects.filter(pk=source.pk).update(next_run_at=Now())
    programs = _Programs(env | {"SOURCE_FOLDERS": str(tmp_path / "share")}, tmp_path, monkeypatch)

    def indexed() -> int:
        return Document.objects.filter(current_version__isnull=False, deleted_at__isnull=True).count()

    def synced() -> int:
        return IngestionJob.objects.filter(source=source, state="synced").count()

    with programs.running("worker"), programs.running("beat"):
        assert _wait(lambda: indexed() == 2), programs.told()
        (tmp_path / "share" / "south.txt").unlink()
        Source.objects.filter(pk=source.pk).update(next_run_at=Now())
        assert _wait(lambda: indexed() == 1 and synced() == 2), programs.told()


def test_nothing_is_lost_or_waits_when_redis_loses_everything(
    cast: Cast,
    env: Environment,
    redis_port: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    env |= {"CELERY_BROKER_URL": f"redis://127.0.0.1:{redis_port}/0"}
    programs = _Programs(env, tmp_path, monkeypatch)
    with ExitStack() as stack:
        with _redis(redis_port) as first:
            _ingest(env, *_texts(tmp_path / "flushed", "east", "west"))
            assert first.llen("celery"), "the upload rang"
            first.flushall()
            stack.enter_context(programs.running("worker"))
            stack.enter_context(programs.running("beat"))
            assert _wait(_all_indexed), programs.told()
        _ingest(env, *_texts(tmp_path / "away", "up", "down"))
        assert _wait(_all_indexed), f"nobody rang, the worker looks itself\n{programs.told()}"
        with _redis(redis_port):
            _ingest(env, *_texts(tmp_path / "back", "left", "right"))
            assert _wait(_all_indexed), programs.told()
    assert Document.objects.filter(current_version__isnull=False).count() == 6
