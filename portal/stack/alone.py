"""One stack per folder, one program per port: said clearly where it is not so."""

import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portal.stack.errors import StackError

_LEAVING_SECONDS = 10.0


@contextmanager
def holding(lock: Path, *, url: str) -> Iterator[bool]:
    """Hold the folder's lock; gives True when the last holder ended without letting go (a kill -9).

    Raises StackError when a running stack holds it, with that one's address and number.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(_already(lock, os.read(descriptor, 1000).decode())) from None
        was_killed = os.fstat(descriptor).st_size > 0
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()} {url}\n".encode())
        yield was_killed
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def check_port(host: str, port: int, *, patient: bool = False) -> None:
    """Raise StackError when the port cannot be listened on; a leaving program is given time when patient."""
    deadline = time.monotonic() + (_LEAVING_SECONDS if patient else 0)
    while (error := _bind_error(host, port)) is not None:
        if error != errno.EADDRINUSE:
            raise StackError(
                f"Port {port} on {host} cannot be opened: {os.strerror(error)}. {_another(port)}"
            )
        if time.monotonic() >= deadline:
            raise StackError(f"Port {port} on {host} is taken by another program. {_another(port)}")
        time.sleep(0.1)


def _bind_error(host: str, port: int) -> int | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror:
        return errno.EADDRNOTAVAIL
    except OSError as error:
        return error.errno or errno.EINVAL
    return None


def _another(port: int) -> str:
    return f"Choose another: PORT={port + 1 if port > 1023 else 8000} make up"  # noqa: PLR2004 - privileged ports


def _already(lock: Path, written: str) -> str:
    pid, _, url = written.strip().partition(" ")
    where = f" at {url} (pid {pid})" if url else ""
    return (
        f"Cited is running already{where}, with its data in {lock.parent}. "
        "Stop it with Ctrl-C in its terminal, or start another one: VAR_DIR=... PORT=... make up"
    )
