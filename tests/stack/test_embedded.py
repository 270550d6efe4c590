"""The embedded PostgreSQL survives what its machine does to it."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from portal.stack import embedded, processes
from portal.stack.errors import StackError

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster() -> Iterator[embedded.Cluster]:
    with tempfile.TemporaryDirectory(prefix="cited-embedded-") as folder:
        cluster = embedded.Cluster(Path(folder) / "deep" / "postgres", Path(folder) / "s", durable=False)
        yield cluster
        embedded.end_leftovers(cluster)


def started(cluster: embedded.Cluster) -> "subprocess.Popen[bytes]":
    server = embedded.start(cluster, output=subprocess.DEVNULL, say=lambda _: None)
    embedded.wait_until_ready(cluster, server)
    return server


def run(cluster: embedded.Cluster, statement: str) -> object:
    with psycopg.connect(cluster.url()) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchone() if cursor.description else None


def test_starts_with_vectors_checksums_and_no_network(cluster: embedded.Cluster) -> None:
    server = started(cluster)
    run(cluster, "CREATE EXTENSION vector")
    assert run(cluster, "SELECT '[1,2]'::vector <-> '[1,2]'") == (0.0,)
    assert run(cluster, "SHOW data_checksums") == ("on",)
    assert run(cluster, "SHOW listen_addresses") == ("",)
    assert run(cluster, "SELECT lower('ÄÖ')") == ("äö",)
    assert cluster.socket_dir.stat().st_mode & 0o777 == 0o700
    embedded.stop(server)
    assert server.returncode == 0


def test_data_survives_a_kill_of_the_server(cluster: embedded.Cluster) -> None:
    server = started(cluster)
    run(cluster, "CREATE TABLE kept AS SELECT 42 AS answer")
    run(cluster, "CHECKPOINT")
    idle = psycopg.connect(cluster.url())  # a backend that lingers when its postmaster is gone
    server.kill()
    server.wait()
    again = started(cluster)
    assert run(cluster, "SELECT answer FROM kept") == (42,)
    idle.close()
    embedded.stop(again)


def test_a_lock_file_with_the_number_of_another_process_is_no_obstacle(cluster: embedded.Cluster) -> None:
    embedded.stop(started(cluster))
    pid_file = cluster.data_dir / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{cluster.data_dir}\n0\n5432\n{cluster.socket_dir}\n\n  1 1\nready\n")
    server = started(cluster)
    assert run(cluster, "SELECT 1") == (1,)
    embedded.stop(server)


def test_a_server_that_outlived_its_supervisor_is_ended_first(cluster: embedded.Cluster) -> None:
    orphan = started(cluster)
    server = started(cluster)
    assert orphan.wait(5) is not None
    assert run(cluster, "SELECT 1") == (1,)
    embedded.stop(server)


def test_a_failed_first_attempt_leaves_nothing_in_the_way(
    cluster: embedded.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = embedded.binaries()
    cluster.data_dir.parent.mkdir(parents=True)
    (cluster.data_dir.parent / ".postgres-new-abandoned").mkdir()
    broken = _with_broken_initdb(cluster.data_dir.parent, real)
    with monkeypatch.context() as patch:
        patch.setattr(embedded, "binaries", lambda: broken)
        with pytest.raises(StackError, match="the disk is full"):
            embedded.start(cluster, say=lambda _: None)
    assert not cluster.data_dir.exists()
    embedded.stop(started(cluster))
    assert [path.name for path in cluster.data_dir.parent.glob(".postgres-new-*")] == []


def test_a_cluster_of_another_release_is_refused_with_what_to_do(cluster: embedded.Cluster) -> None:
    cluster.data_dir.mkdir(parents=True)
    (cluster.data_dir / "PG_VERSION").write_text("16\n")
    with pytest.raises(StackError, match="made by PostgreSQL 16; this release runs 18"):
        embedded.start(cluster, say=lambda _: None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make folders that belong to others")
def test_a_socket_folder_of_another_user_is_refused(cluster: embedded.Cluster) -> None:
    cluster.socket_dir.mkdir(parents=True)
    os.chown(cluster.socket_dir, 12345, 12345)
    with pytest.raises(StackError, match="belongs to another user"):
        embedded.start(cluster, say=lambda _: None)


@pytest.mark.skipif(os.geteuid() != 0, reason="as root alone the server runs as somebody else")
def test_root_runs_the_server_as_an_unprivileged_account(cluster: embedded.Cluster) -> None:
    server = started(cluster)
    status = Path(f"/proc/{server.pid}/status").read_text()
    (uids,) = (line for line in status.splitlines() if line.startswith("Uid:"))
    assert "0" not in uids.split()[1:]
    embedded.stop(server)


def test_the_server_stops_with_the_process_that_started_it(cluster: embedded.Cluster) -> None:
    embedded.stop(started(cluster))
    code = (
        "import sys, time; from pathlib import Path; from portal.stack import embedded\n"
        f"c = embedded.Cluster(Path({str(cluster.data_dir)!r}), Path({str(cluster.socket_dir)!r}))\n"
        "p = embedded.start(c); embedded.wait_until_ready(c, p); print(p.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert parent.stdout is not None
    server = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 10
    while processes.link(server, "exe") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not processes.link(server, "exe"), "the server outlived its parent"


def _with_broken_initdb(folder: Path, real: Path) -> Path:
    """Return a folder of binaries whose initdb fails after it has written something."""
    broken = folder / "bin"
    broken.mkdir()
    (broken / "postgres").symlink_to(real / "postgres")
    (broken / "initdb").write_text('#!/bin/sh\ntouch "$2/PG_VERSION"; echo the disk is full >&2; exit 1\n')
    (broken / "initdb").chmod(0o755)
    return broken
