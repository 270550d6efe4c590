import io
import threading
import time
from pathlib import Path
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from ingestion.models import IngestionJob
from portal.management.folders import find_files
from portal.management.progress import Progress
from retrieval.models import Document
from tests import factories
from tests.factories import Cast


@pytest.fixture
def cast(db: None) -> Cast:
    return factories.cast()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two texts, one in a folder of its own, and things that are not to be taken."""
    root = tmp_path / "root"
    for name in ("b.txt", "sub/a.md", ".hidden.txt", ".git/config.txt"):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"This is {name}.")
    (tmp_path / "outside.txt").write_text("secret")
    (root / "link.txt").symlink_to(tmp_path / "outside.txt")
    (root / "loop").symlink_to(root)
    return root


def _ingest(*paths: Path, **options: object) -> str:
    out = io.StringIO()
    options = {"collection": "blueprints", "user": "alice@example.com"} | options
    call_command("ingest", *map(str, paths), stdout=out, **options)
    return out.getvalue()


def _summary(out: str) -> dict[str, int]:
    rows = [
        line.rsplit(maxsplit=1)
        for line in out.splitlines()
        if line.split()[-1:] and line.split()[-1].isdigit()
    ]
    return {name: int(number) for name, number in rows}


def test_a_folder(cast: Cast, folder: Path) -> None:
    summary = _summary(_ingest(folder))
    assert summary == {"files": 2, "created": 2, "replaced": 0, "unchanged": 0, "refused": 0}
    assert set(cast.papers.documents.values_list("name", flat=True)) == {"warranty.txt", "b.txt", "a.md"}
    assert Document.objects.get(name="b.txt").created_by == cast.alice


def test_again(cast: Cast, folder: Path) -> None:
    _ingest(folder)
    (folder / "b.txt").write_text("Changed.")
    assert _summary(_ingest(folder)) == {
        "files": 2,
        "created": 0,
        "replaced": 1,
        "unchanged": 1,
        "refused": 0,
    }


def test_refusals_are_told_and_fail_the_command(cast: Cast, folder: Path) -> None:
    (folder / "empty.txt").touch()
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 of 3 files") as error:
        call_command("ingest", str(folder), collection="blueprints", user="bob@example.com", stdout=out)
    assert error.value.returncode == 1
    assert "refused: empty.txt" in out.getvalue()
    assert _summary(out.getvalue())["created"] == 2


def test_who_may_not_add(cast: Cast, folder: Path) -> None:
    with pytest.raises(CommandError, match="sees no collection") as hidden:
        _ingest(folder, user="charlie@example.com")
    with pytest.raises(CommandError) as missing:
        _ingest(folder, user="charlie@example.com", collection="missing")
    assert str(hidden.value).replace("blueprints", "missing") == str(missing.value)
    factories.grant(cast.papers, team=cast.red)
    with pytest.raises(CommandError, match="contributor"):
        _ingest(folder, user="charlie@example.com")
    assert Document.objects.count() == 1


def test_what_is_not_there(cast: Cast, folder: Path) -> None:
    with pytest.raises(CommandError, match="does not exist"):
        _ingest(folder / "nothing")
    with pytest.raises(CommandError, match="no active account"):
        _ingest(folder, user="nobody@example.com")


def test_files_of_the_same_name_do_not_replace_each_other(folder: Path) -> None:
    (folder / "sub/b.txt").write_text("Another b.")
    assert [one.name for one in find_files([folder])] == [
        "b.txt",
        "a.md",
        "sub - b.txt",
    ]


def test_links_and_hidden_files_are_left_out(folder: Path) -> None:
    assert [one.path.name for one in find_files([folder])] == ["b.txt", "a.md"]


def test_a_file_that_is_named_twice_is_taken_once(folder: Path) -> None:
    assert [one.name for one in find_files([folder / "b.txt", folder])] == ["b.txt", "a.md"]


@pytest.mark.django_db(transaction=True)
def test_wait_follows_the_jobs_to_their_end(tmp_path: Path) -> None:
    factories.cast()
    for name in ("good.txt", "bad.txt", "scan.txt"):
        (tmp_path / name).write_text(f"This is {name}.")
    worker = threading.Thread(
        target=_end_jobs, args=({"good.txt": "indexed", "bad.txt": "failed", "scan.txt": "no_text"},)
    )
    worker.start()
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 of 3 files"):
        call_command(
            "ingest", str(tmp_path), collection="blueprints", user="alice@example.com", wait=True, stdout=out
        )
    worker.join()
    summary = _summary(out.getvalue())
    assert (summary["indexed"], summary["no text"], summary["failed"]) == (1, 1, 1)
    assert "failed: bad.txt: It is broken." in out.getvalue()


def _end_jobs(states: dict[str, str]) -> None:
    """Play the worker: end each job as told, as soon as it is there."""
    try:
        while states:
            for job in IngestionJob.objects.filter(state="queued", version__document__name__in=states):
                state = states.pop(job.document_version.document.name)
                IngestionJob.objects.filter(pk=job.pk).update(state=state, message="It is broken.")
            time.sleep(0.05)
    finally:
        connection.close()


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_of_a_terminal_moves_in_place() -> None:
    out = _Terminal()
    progress = Progress(out, "Adding", 2)
    for done in (1, 2):
        progress.show(done, "file.txt")
    progress.end()
    assert out.getvalue().count("\r") == 2
    assert "[" + "#" * 30 + "] 2/2" in out.getvalue()
    assert out.getvalue().endswith("\n")


def test_names_do_not_steer_the_terminal(cast: Cast, tmp_path: Path) -> None:
    (tmp_path / "a\x1b[2Jb.txt").touch()
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("ingest", str(tmp_path), collection="blueprints", user="alice@example.com", stdout=out)
    assert "\x1b" not in out.getvalue()


def test_whoever_stops_waiting_stops_nothing_else(cast: Cast, folder: Path) -> None:
    with (
        patch("portal.management.commands.ingest.time.sleep", side_effect=KeyboardInterrupt),
        pytest.raises(CommandError, match="goes on") as error,
    ):
        _ingest(folder, wait=True)
    assert error.value.returncode == 130
    assert IngestionJob.objects.filter(state="queued").count() == 2


def test_tags(cast: Cast, folder: Path) -> None:
    _ingest(folder, tag=["Leave", "a, b"])
    assert Document.objects.get(name="b.txt").tags == ["a", "b", "leave"]
    with pytest.raises(CommandError, match="at most 40"):
        _ingest(folder, tag=["x" * 41])
