"""A Git repository over HTTP, read by the `git` program: one commit deep, never checked out, no hooks.

`git` runs as a process of its own with a time limit, a file size limit, an environment without the server's
settings, and the address of the server pinned to the one that was checked.
"""

import base64
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlsplit

from ingestion.connectors.network import BlockedAddressError, UnknownHostError
from ingestion.connectors.protocol import (
    Configuration,
    Event,
    Field,
    Finished,
    Found,
    ItemError,
    Known,
    Limits,
    Problem,
    SourceError,
    too_large,
    too_many,
)

_SECONDS = 900
_MEMORY_KILOBYTES = 4 << 20
_OLDEST = (2, 37)  # the first that can be told which address to connect to
_FILE_MODES = {"100644", "100755"}  # not links (120000), not submodules (160000)
_PLAIN = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "protocol.allow": "never",
    "protocol.http.allow": "always",
    "protocol.https.allow": "always",
    "http.followRedirects": "false",
    "http.proxy": "",
    "http.userAgent": "CitedConnector/1.0 git",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
    "credential.helper": "",
    "transfer.fsckObjects": "true",
    "fetch.fsck.missingSpaceBeforeDate": "ignore",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
    "pack.threads": "1",
    "index.threads": "1",
}


class Repository:
    """Tells files apart by the hash of their content, which Git knows; the cursor is the commit."""

    def __init__(self, configuration: Configuration, secret: str, limits: Limits) -> None:
        self._url = configuration["url"]
        self._branch = configuration.get("branch", "")
        self._folder = configuration.get("folder", "").strip("/")
        self._limits = limits
        self._at = limits.work_dir / "repository.git"
        _require_git()
        self._environment = _environment(configuration, secret, limits)

    def close(self) -> None:
        shutil.rmtree(self._at, ignore_errors=True)

    def changes(self, *, cursor: str, known: Mapping[str, Known]) -> Iterator[Event]:
        commit = self._newest_commit()
        if cursor == f"{commit} {self._folder}":
            for key, kept in known.items():
                yield Found(key, key, kept.fingerprint)
            yield Finished(cursor=cursor)
            return
        self._download(commit)
        for count, (key, blob, size) in enumerate(self._files(), start=1):
            if count > self._limits.max_items:
                yield Finished(complete=False, notice=too_many(self._limits))
                return
            message = too_large(size, self._limits)
            yield Problem(key, key, message) if message else Found(key, key, blob, size=size)
        yield Finished(cursor=f"{commit} {self._folder}")

    def _newest_commit(self) -> str:
        wanted = f"refs/heads/{self._branch}" if self._branch else "HEAD"
        told = self._run("ls-remote", "--exit-code", "--", self._url, wanted).decode("ascii", "replace")
        commit = told.split()[0] if told.split() else ""
        if not (commit.isalnum() and len(commit) in {40, 64}):
            raise SourceError(f"{self._url} has no branch “{self._branch or 'HEAD'}”.", permanent=True)
        return commit

    def _download(self, commit: str) -> None:
        if not (self._at / "objects").exists():
            self._run("init", "--quiet", "--bare", "--template=", str(self._at), inside=False)
        self._run(
            "fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head",
            "--", self._url, f"{self._branch or 'HEAD'}:refs/cited/newest",
        )  # fmt: skip
        del commit

    def _files(self) -> Iterator[tuple[str, str, int]]:
        where = f"refs/cited/newest:{self._folder}"
        listed = self._run("ls-tree", "-r", "-z", "-l", "--full-tree", where)
        for line in listed.split(b"\0"):
            head, _, raw = line.partition(b"\t")
            if not raw or head.split()[0].decode() not in _FILE_MODES:
                continue
            _, _, blob, size = head.decode().split()
            name = raw.decode("utf-8", "replace")
            if not any(part.startswith(".") for part in name.split("/")):
                yield name, blob, int(size)

    @contextmanager
    def fetch(self, found: Found) -> Iterator[IO[bytes]]:
        with tempfile.TemporaryFile(dir=self._limits.work_dir) as file:
            try:
                self._run("cat-file", "blob", found.fingerprint, output=file)
            except SourceError as error:
                raise ItemError("Git could not give its content.") from error
            file.seek(0)
            yield file

    def _run(self, *arguments: str, inside: bool = True, output: IO[bytes] | None = None) -> bytes:
        """Run git and return what it printed. Raises SourceError with what git said, without the secret."""
        place = [f"--git-dir={self._at}"] if inside and self._at.exists() else []
        command = [*_limited(self._limits), *place, *arguments]
        try:
            done = _bounded(command, self._environment, self._limits, output)
        except subprocess.TimeoutExpired as error:
            raise SourceError(f"{self._url} was not read within {_SECONDS} seconds.") from error
        if done.returncode:
            raise _told(self._url, done, self._limits)
        return done.stdout or b""


def _require_git() -> None:
    """Raise SourceError where there is no git that connects to the address that it is told."""
    advice = (
        f"An admin installs the package git, version {'.'.join(map(str, _OLDEST))} or newer, on the server."
    )
    if shutil.which("git") is None:
        raise SourceError(f"Git is not installed. {advice}", permanent=True)
    told = subprocess.run(["git", "version"], capture_output=True, check=False, timeout=30).stdout.decode()  # noqa: S607 - from the PATH
    found = re.search(r"(\d+)\.(\d+)", told)
    if found is None or (int(found[1]), int(found[2])) < _OLDEST:
        raise SourceError(f"Git is too old here ({told.strip()}). {advice}", permanent=True)


def _limited(limits: Limits) -> list[str]:
    """Return the beginning of a git command whose helpers have limits too, from their first moment."""
    blocks = limits.max_repository_bytes // 512
    return ["/bin/sh", "-c", f'ulimit -f {blocks}; ulimit -v {_MEMORY_KILOBYTES}; exec git "$@"', "git"]


def _bounded(
    command: Sequence[str], environment: dict[str, str], limits: Limits, output: IO[bytes] | None
) -> "subprocess.CompletedProcess[bytes]":
    """Run a command in a session of its own, so that its helpers end with it."""
    with subprocess.Popen(  # noqa: S603 - the program is fixed, no shell reads the arguments
        command,
        env=environment,
        cwd=limits.work_dir,
        stdin=subprocess.DEVNULL,
        stdout=output or subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=_SECONDS)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def _told(url: str, done: "subprocess.CompletedProcess[bytes]", limits: Limits) -> SourceError:
    said = " ".join((done.stderr or b"").decode("utf-8", "replace").split())[-300:]
    if "File too large" in said or f"signal {signal.SIGXFSZ:d}" in said:
        return SourceError(
            f"{url} is larger than the {limits.max_repository_bytes >> 20} MB that are taken.", permanent=True
        )
    refused = any(word in said for word in ("Authentication failed", "could not read Username", "403", "401"))
    advice = "Check the address, the user name and the token." if refused else "Check the address and branch."
    return SourceError(f"{url} cannot be read. {advice} Git says: {said or done.returncode}")


def _environment(configuration: Configuration, secret: str, limits: Limits) -> dict[str, str]:
    """Return an environment that holds the settings, so that no secret stands in a list of processes."""
    url = urlsplit(configuration["url"])
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    try:
        address = limits.network.address_of(host, port)
    except (BlockedAddressError, UnknownHostError) as error:
        raise SourceError(str(error), permanent=isinstance(error, BlockedAddressError)) from error
    bracketed = f"[{address}]" if ":" in address else address
    settings = _PLAIN | {"http.curloptResolve": f"{host}:{port}:{bracketed}"}
    if secret:
        pair = f"{configuration.get('username') or 'x-access-token'}:{secret}".encode()
        settings["http.extraHeader"] = f"Authorization: Basic {base64.b64encode(pair).decode()}"
    numbered = {
        name: value
        for number, (key, setting) in enumerate(settings.items())
        for name, value in ((f"GIT_CONFIG_KEY_{number}", key), (f"GIT_CONFIG_VALUE_{number}", setting))
    }
    own = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(limits.work_dir),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_COUNT": str(len(settings)),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "LC_ALL": "C",
    }
    trusted = {name: os.environ[name] for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if name in os.environ}
    return own | numbered | trusted


@dataclass(frozen=True, slots=True)
class RepositoryKind:
    name: str = "git"
    label: str = "Git repository"
    about: str = "Files of one branch of a Git repository, over HTTPS."
    secret_label: str = "Access token or password"  # noqa: S105 - a label
    fields: tuple[Field, ...] = (
        Field(
            "url",
            "Address of the repository",
            "For example https://git.example.com/handbook.git.",
            required=True,
            is_target=True,
        ),
        Field("branch", "Branch", "Empty means the repository's main one."),
        Field("folder", "Folder", "Only files below it. Empty means all."),
        Field("username", "User name", "Where the server asks for one."),
    )

    def check(self, configuration: Configuration, limits: Limits) -> None:
        del limits
        url = urlsplit(configuration["url"])
        if url.scheme not in {"http", "https"} or not url.hostname:
            raise SourceError("The address must begin with https:// or http://.", permanent=True)
        if "@" in url.netloc:
            raise SourceError(
                "Put user name and token into their fields, not into the address.", permanent=True
            )
        branch = configuration.get("branch", "")
        if branch.startswith("-") or any(one in branch for one in (" ", "..", ":", "*", "^", "~", "\\")):
            raise SourceError(f"“{branch}” is not the name of a branch.", permanent=True)
        if ".." in configuration.get("folder", "").split("/"):
            raise SourceError("The folder must lie in the repository.", permanent=True)

    def open(self, configuration: Configuration, *, secret: str, limits: Limits) -> Repository:
        self.check(configuration, limits)
        return Repository(configuration, secret, limits)


KIND = RepositoryKind()
