import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion.connectors.network import Network
from ingestion.connectors.protocol import SourceError
from tests.ingestion.connectors import servers
from tests.ingestion.connectors.reading import LOOPBACK, Reading, limits, read
from tests.ingestion.connectors.servers import Forge


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    with servers.forge(tmp_path) as running:
        running.commit(
            README_dot_md="# Handbook", travel__rules_dot_md="Go by train.", food__rules_dot_md="Eat."
        )
        yield running


def look(
    forge: Forge, tmp_path: Path, before: Reading | None = None, secret: str = "", **more: str
) -> Reading:
    return read("git", {"url": forge.url} | more, limits(tmp_path), before=before, secret=secret)


def test_files_of_the_main_branch(forge: Forge, tmp_path: Path) -> None:
    assert look(forge, tmp_path).by_path == {
        "README.md": b"# Handbook",
        "travel/rules.md": b"Go by train.",
        "food/rules.md": b"Eat.",
    }


def test_only_what_changed_is_fetched(forge: Forge, tmp_path: Path) -> None:
    first = look(forge, tmp_path)
    forge.commit(README_dot_md="# The handbook", food__rules_dot_md=None)
    second = look(forge, tmp_path, first)
    assert second.by_path == {"README.md": b"# The handbook"}
    assert set(first.known) - set(second.known) == {"food/rules.md"}


def test_the_same_commit_is_not_downloaded(forge: Forge, tmp_path: Path) -> None:
    first = look(forge, tmp_path)
    forge.asked.clear()
    assert look(forge, tmp_path, first).known == first.known
    assert forge.asked, "the server was asked for its newest commit"
    assert not any("git-upload-pack" in path and "info" not in path for path in forge.asked[1:-1])


def test_one_commit_deep(forge: Forge, tmp_path: Path) -> None:
    for number in range(5):
        forge.commit(README_dot_md=f"# Handbook {number}")
    bounds = limits(tmp_path)
    counted: list[int] = []

    def count(_: object) -> None:
        shallow = bounds.work_dir / "repository.git" / "shallow"
        counted.append(len(shallow.read_text().split()))

    read("git", {"url": forge.url}, bounds, meanwhile=count)
    assert counted[0] == 1


def test_one_folder_of_one_branch(forge: Forge, tmp_path: Path) -> None:
    servers.git(forge.copy, "push", "--quiet", "origin", "HEAD:refs/heads/draft")
    forge.commit(travel__rules_dot_md="Go by bicycle.")
    told = look(forge, tmp_path, branch="draft", folder="travel/")
    assert told.by_path == {"rules.md": b"Go by train."}


def test_links_and_submodules_are_left_out(forge: Forge, tmp_path: Path) -> None:
    (forge.copy / "link.md").symlink_to("/etc/passwd")
    forge.commit(more_dot_md="More.", _dot_github__notes_dot_md="Hidden.")
    assert set(look(forge, tmp_path).known) == {"README.md", "travel/rules.md", "food/rules.md", "more.md"}


def test_no_hook_runs(forge: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of a template on this machine nor of its settings."""
    hooks = tmp_path / "template" / "hooks"
    hooks.mkdir(parents=True)
    ran = tmp_path / "ran"
    for name in ("post-checkout", "post-merge", "reference-transaction", "pre-auto-gc"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (hooks / name).chmod(0o755)
    (tmp_path / ".gitconfig").write_text(
        f"[core]\nhooksPath={hooks}\n[init]\ntemplateDir={tmp_path}/template\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(tmp_path / "template"))
    assert look(forge, tmp_path).fetched
    assert not ran.exists()


def test_large_files_are_told(forge: Forge, tmp_path: Path) -> None:
    forge.commit(large_dot_md="x" * 5000)
    told = read("git", {"url": forge.url}, limits(tmp_path, max_item_bytes=4000))
    assert list(told.problems) == ["large.md"]
    assert len(told.known) == 3


def test_a_repository_that_is_too_large_is_refused(forge: Forge, tmp_path: Path) -> None:
    forge.commit(noise_dot_md=base64.b64encode(os.urandom(3 << 20)).decode())
    with pytest.raises(SourceError, match="larger than the 1 MB") as caught:
        read("git", {"url": forge.url}, limits(tmp_path, max_repository_bytes=1 << 20))
    assert caught.value.permanent


def test_a_token_opens_and_is_told_to_nobody(forge: Forge, tmp_path: Path) -> None:
    pair = base64.b64encode(b"me:sesame").decode()
    forge.password = f"Basic {pair}"
    assert look(forge, tmp_path, secret="sesame", username="me").fetched
    with pytest.raises(SourceError, match="token") as caught:
        look(forge, tmp_path, secret="wrong-sesame", username="me")
    assert "sesame" not in str(caught.value)


def test_addresses_lead_only_where_sources_may_go(forge: Forge, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="SOURCE_PRIVATE_NETWORKS"):
        read("git", {"url": forge.url}, limits(tmp_path, network=Network()))
    assert forge.asked == []


def test_git_connects_to_the_address_that_was_checked(forge: Forge, tmp_path: Path) -> None:
    """The name exists nowhere: git gets there only by the address that it is told."""
    network = Network(LOOPBACK.private, resolve=lambda host, port: ["127.0.0.1"])
    url = f"http://forge.invalid:{forge.port}/handbook.git"
    assert read("git", {"url": url}, limits(tmp_path, network=network)).fetched


def test_redirects_are_not_followed(forge: Forge, tmp_path: Path) -> None:
    with servers.site() as site:
        path = "/handbook.git/info/refs?service=git-upload-pack"
        site.pages[path] = servers.Page(status=302, location=f"{forge.url}/info/refs?service=git-upload-pack")
        with pytest.raises(SourceError):
            read("git", {"url": f"{site.url}/handbook.git"}, limits(tmp_path))
    assert forge.asked == []


@pytest.mark.parametrize(
    "configuration",
    [
        {"url": "ext::sh -c touch% /tmp/x"},
        {"url": "file:///etc"},
        {"url": "ssh://git@example.com/x"},
        {"url": "--upload-pack=touch"},
        {"url": "https://me:secret@example.com/x.git"},
        {"url": "https://example.com/x.git", "branch": "--upload-pack=x"},
        {"url": "https://example.com/x.git", "branch": "a:b"},
        {"url": "https://example.com/x.git", "folder": "../x"},
    ],
)
def test_what_cannot_be_meant_is_refused(configuration: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        read("git", configuration, limits(tmp_path))
    assert caught.value.permanent


def test_a_branch_that_is_not_there(forge: Forge, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="branch"):
        look(forge, tmp_path, branch="nothing")
