"""A child that misbehaves on purpose: ``main`` is called as that of ``ingestion.parsing.child`` is."""

import ctypes
import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from ingestion.parsing.child import Request, _work, serve


def _spin() -> None:
    while True:
        pass


def _eat_memory() -> None:
    held = []
    while True:
        held.append(bytearray(10 << 20))


def _flood() -> None:
    while True:
        os.write(2, b"x" * 65536)


def _connect() -> None:
    socket.create_connection(("127.0.0.1", 9), timeout=1)


def _connect_natively() -> None:
    libc, address = ctypes.CDLL(None), b"\2\0\0\11\177\0\0\1" + bytes(8)
    if (place := libc.socket(socket.AF_INET, socket.SOCK_STREAM, 0)) < 0 or libc.connect(place, address, 16):
        raise PermissionError


def _read_natively() -> None:
    if ctypes.CDLL(None).open(b"/etc/passwd", 0) < 0:
        raise PermissionError


def _fork_natively() -> None:
    libc = ctypes.CDLL(None)
    while libc.fork() >= 0:
        libc.setsid()
    raise PermissionError


def _fill_disk() -> None:
    for number in range(1000):
        Path(f"junk{number}").write_bytes(bytes(8 << 20))


def _write_outside() -> None:
    Path("/tmp/cited-poison-was-here").write_text("x", encoding="utf-8")  # noqa: S108 - must be refused


DEEDS: dict[str, Callable[[], object]] = {
    "segfault": lambda: ctypes.string_at(0),
    "exit": lambda: os._exit(7),
    "spin": _spin,
    "sleep": lambda: time.sleep(60),
    "eat_memory": _eat_memory,
    "flood": _flood,
    "connect": _connect,
    "connect_natively": _connect_natively,
    "read_natively": _read_natively,
    "fork_natively": _fork_natively,
    "fill_disk": _fill_disk,
    "write_outside": _write_outside,
    "run_program": lambda: subprocess.run(["/bin/true"], check=True),
}


def work(request: Request, progress: Callable[[int, int], None]) -> bytes:
    """Do the deed that the request names, or that the document to parse does; read what is no poison."""
    if request.action == "big_file":
        return b"x" * (request.limits.output_bytes + 1)
    if request.action == "parse":
        marked, _, deed = request.path.read_bytes()[:100].decode("utf-8", "replace").partition(" ")
        if marked != "POISON":
            return _work(request, progress)
        DEEDS[deed.split()[0]]()
    DEEDS[request.action]()
    return b"survived"


def main(argument: str) -> int:
    """Do the deed of a request as the process that was forked for it."""
    if "fork_first" in argument and os.fork() == 0:  # before the fences: what native code could do
        os.execv("/bin/sleep", ["fork_first", "60"])  # noqa: S606 - a name to look for, and no shell
    if "fork_first" in argument:
        os._exit(3)
    return serve(work, argument)
