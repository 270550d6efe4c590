import os
from pathlib import Path

import pytest

from ingestion.connectors.protocol import ItemError, Limits, SourceError
from tests.ingestion.connectors.reading import Reading, limits, read


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    (folder / "travel").mkdir(parents=True)
    (folder / "rules.txt").write_text("Be kind.")
    (folder / "travel" / "rules.txt").write_text("Go by train.")
    return folder


@pytest.fixture
def bounds(tmp_path: Path, shared: Path) -> Limits:
    return limits(tmp_path, folders=(shared,))


def look(shared: Path, bounds: Limits, before: Reading | None = None) -> Reading:
    return read("folder", {"path": str(shared)}, bounds, before=before)


def test_files_of_all_folders(shared: Path, bounds: Limits) -> None:
    assert look(shared, bounds).by_path == {"rules.txt": b"Be kind.", "travel/rules.txt": b"Go by train."}


def test_only_what_changed_is_read_again(shared: Path, bounds: Limits) -> None:
    first = look(shared, bounds)
    assert look(shared, bounds, first).fetched == {}
    (shared / "rules.txt").write_text("Be very kind.")
    (shared / "travel" / "rules.txt").unlink()
    second = look(shared, bounds, first)
    assert second.by_path == {"rules.txt": b"Be very kind."}
    assert set(first.known) - set(second.known) == {"travel/rules.txt"}
    assert second.finished
    assert second.finished.complete


def test_links_lead_nowhere(shared: Path, bounds: Limits, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.txt").write_text("hidden")
    (shared / "link.txt").symlink_to(secret / "key.txt")
    (shared / "folder").symlink_to(secret)
    os.mkfifo(shared / "pipe.txt")
    (shared / ".hidden.txt").write_text("hidden")
    assert set(look(shared, bounds).known) == {"rules.txt", "travel/rules.txt"}


def test_a_link_put_in_place_of_a_file_is_not_followed(shared: Path, bounds: Limits, tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_text("hidden")

    def swap(_: object) -> None:
        (shared / "rules.txt").unlink(missing_ok=True)
        (shared / "rules.txt").symlink_to(tmp_path / "key.txt")

    with pytest.raises(ItemError):
        read("folder", {"path": str(shared)}, bounds, meanwhile=swap)


def test_only_folders_that_an_admin_opened(shared: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="SOURCE_FOLDERS"):
        look(shared, limits(tmp_path))
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(SourceError, match="SOURCE_FOLDERS"):
        look(shared / ".." / "other", limits(tmp_path, folders=(shared,)))
    (shared / "out").symlink_to(other)
    with pytest.raises(SourceError, match="SOURCE_FOLDERS"):
        look(shared / "out", limits(tmp_path, folders=(shared,)))


def test_a_missing_folder_removes_nothing(shared: Path, bounds: Limits) -> None:
    first = look(shared, bounds)
    shared.rename(shared.with_name("elsewhere"))
    with pytest.raises(SourceError, match="Nothing was removed"):
        look(shared, bounds, first)


def test_an_empty_folder_in_its_place_removes_nothing(shared: Path, bounds: Limits) -> None:
    """As an unmounted share looks."""
    first = look(shared, bounds)
    shared.rename(shared.with_name("elsewhere"))
    shared.mkdir()
    with pytest.raises(SourceError, match="is it mounted"):
        look(shared, bounds, first)


def test_a_folder_that_was_emptied_is_empty(shared: Path, bounds: Limits) -> None:
    first = look(shared, bounds)
    (shared / "rules.txt").unlink()
    (shared / "travel" / "rules.txt").unlink()
    second = look(shared, bounds, first)
    assert second.known == {}
    assert second.finished
    assert second.finished.complete


def test_odd_files_do_not_stop_the_rest(shared: Path, tmp_path: Path) -> None:
    (shared / "large.txt").write_bytes(b"x" * 2000)
    Path(os.fsdecode(os.fsencode(shared) + b"/caf\xe9.txt")).write_text("Latin name")
    told = look(shared, limits(tmp_path, folders=(shared,), max_item_bytes=1000))
    assert set(told.known) == {"rules.txt", "travel/rules.txt"}
    assert sorted(told.problems) == ["caf?.txt", "large.txt"]


def test_a_limit_of_items_removes_nothing(shared: Path, tmp_path: Path) -> None:
    told = look(shared, limits(tmp_path, folders=(shared,), max_items=1))
    assert told.finished
    assert not told.finished.complete
    assert "first 1 items" in told.finished.notice
