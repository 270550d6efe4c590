"""A whole portal for a bench: `manage.py up` in a folder of its own, which is thrown away afterwards."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from urllib.error import URLError

import psycopg

from llm.embedding import EmbedderSpec
from portal.stack import processes

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT.parent / "shared" / "corpora" / "us-public"
EMBEDDING = EmbedderSpec(cache=str(ROOT / ".model_cache"))  # as the portal runs it
_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "VIRTUAL_ENV")
_READY_SECONDS = 180.0
_WORDS = {"web": "uvicorn", "worker": " worker ", "beat": " beat ", "database": "bin/postgres"}


class Stack:
    """A running portal; `environment` is what its programs have, and what a helper of it needs."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.var_dir = folder / "var"
        port = str(_free_port())
        self.base_url = f"http://127.0.0.1:{port}"
        self.environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "ENV_FILE": os.devnull,
            "VAR_DIR": str(self.var_dir),
            "MODEL_CACHE": EMBEDDING.cache,
            "PORT": port,
            "BASE_URL": self.base_url,
            **settings,
        }
        self._log = folder / "up.log"
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up"],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace")

    @cached_property
    def database_url(self) -> str:
        """The address of its database, as the owner."""
        return self.run("-c", "from portal.settings import DATABASE_OWNER_URL as url; print(url, end='')")

    def wait_until_ready(self) -> None:
        """Raises RuntimeError with what the portal said when it ends, or is not ready in three minutes."""
        deadline = time.monotonic() + _READY_SECONDS
        while not self.answers("/readyz"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The portal did not get ready:\n{self.said[-4000:]}")
            time.sleep(0.2)

    def answers(self, path: str) -> bool:
        """Return whether the web process answers this path with a success within two seconds."""
        try:
            with urllib.request.urlopen(self.base_url + path, timeout=2) as response:  # noqa: S310 - our own address
                return bool(response.status < 400)  # noqa: PLR2004 - HTTP's first error status
        except (URLError, OSError):
            return False

    def child(self, name: str) -> int:
        """Return the number of web, worker, beat or database, or 0 while it is away."""
        ours = [pid for pid in processes.running() if _parent(pid) == self.process.pid]
        return next((pid for pid in ours if _WORDS[name] in _command(pid)), 0)

    def parse_child(self) -> int:
        """Return the number of a process that reads a document for this portal's worker, or 0."""
        return next((pid for pid in _children(self.fork_server()) if _name(pid).startswith("read ")), 0)

    def fork_server(self) -> int:
        """Return the number of the process from which the worker's readers are forked, or 0."""
        return next((pid for pid in _children(self.child("worker")) if _name(pid) == "fork server"), 0)

    def backends(self) -> list[int]:
        """Return the database's processes that serve a connection."""
        return [pid for pid in _children(self.child("database")) if "[local]" in _command(pid)]

    def run(self, *arguments: str) -> str:
        """Run Python in the portal's environment and return what it printed."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments[:3])} failed:\n{done.stderr[-4000:]}")
        return done.stdout

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextmanager
def running(**settings: str) -> Iterator[Stack]:
    """Run a portal until the block ends; nothing of it stays."""
    with tempfile.TemporaryDirectory(prefix="cited-bench-", ignore_cleanup_errors=True) as folder:
        stack = Stack(Path(folder), **settings)
        try:
            stack.wait_until_ready()
            yield stack
        finally:
            stack.stop()


def adopt(stack: Stack) -> None:
    """Make this process one of the portal's own: its settings and its database through Django."""
    os.environ |= stack.environment
    import django

    django.setup()


def connect(stack: Stack) -> "psycopg.Connection[tuple[object, ...]]":
    """Return a connection to the portal's database as its owner; what it reads is always fresh."""
    return psycopg.connect(stack.database_url, autocommit=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _children(parent: int) -> list[int]:
    return [pid for pid in processes.running() if parent and _parent(pid) == parent]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        return ""


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0
