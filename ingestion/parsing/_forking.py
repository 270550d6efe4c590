"""This process's fork server: started at the first need, and again where it is gone; it dies with us."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from ingestion.parsing.errors import ParseError, Reason

_ROOT = Path(__file__).resolve().parents[2]
_SERVER = "ingestion.parsing.forkserver"
_START_SECONDS = 60.0  # on a busy machine; two imports of a second are usual
_END_SECONDS = 20.0
_ATTEMPTS = 3
_LOST = 1  # the status of a child whose server is gone: it is dead, and how it died is not known


@dataclass(frozen=True, slots=True)
class Order:
    """What a child is to do: call ``main`` of a module with the argument, at home in the folder."""

    module: str
    argument: str
    folder: str
    name: str


class Child:
    """A process that was forked for an order. ``pid`` is its own until ``end`` returns.

    ``peak_kib`` is then the most memory that it, or a program that it started, held; 0 where nobody knows.
    """

    def __init__(self, pid: int, leash: socket.socket) -> None:
        self.pid, self.peak_kib = pid, 0
        self._leash = leash

    def has_ended(self) -> bool:
        """Whether it is over, by itself or with its server."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii", errors="replace")
        except OSError:
            return True
        return "\nState:\tZ" in status or "\nState:\tX" in status

    def end(self) -> int:
        """Kill it with its whole group, and return its exit status, or minus the number of a signal."""
        with self._leash:
            self._leash.settimeout(_END_SECONDS)
            with contextlib.suppress(OSError):
                self._leash.send(b"end")
                if told := self._leash.recv(32):
                    status, self.peak_kib = map(int, told.split())
                    return status
        # The server is gone, and the kernel killed the child with it. What the child started may be left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        return _LOST


class ForkServer:
    """The server and the socket to it. Threads may fork at the same time."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def pid(self) -> int:
        """The number of the server's process, 0 where there is none."""
        return self._process.pid if self._process else 0

    def fork(self, order: Order, *, output: int, errors: int) -> Child:
        """Start a child that writes to the two descriptors; raises ParseError where none can be."""
        packet = json.dumps(asdict(order)).encode()
        for _ in range(_ATTEMPTS):
            control = self._running()
            leash, other_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            leash.settimeout(_START_SECONDS)
            with other_end, contextlib.suppress(OSError):  # the server is gone
                socket.send_fds(control, [packet], [output, errors, other_end.fileno()])
            with contextlib.suppress(OSError):  # as above, or it hangs
                if told := leash.recv(32):
                    return Child(int(told), leash)
            leash.close()
            self._give_up(control)
        message = (
            f"No reader could be started for {order.name}. Retry; where that fails too, tell your admin."
        )
        raise ParseError(Reason.CRASHED, message)

    def _running(self) -> socket.socket:
        with self._guard:
            if self._process is None or self._control is None or self._process.poll() is not None:
                self._control = self._start()
            return self._control

    def _start(self) -> socket.socket:
        self._stop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module; no shell
                [sys.executable, "-P", "-s", "-m", _SERVER, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd="/",
                env=_ENVIRONMENT,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        return ours

    def _give_up(self, control: socket.socket) -> None:
        """Let go of the server behind a socket, unless another thread has done so."""
        with self._guard:
            if control is self._control:
                self._stop()

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._control is not None:
            self._control.close()
        self._process = self._control = None


# All that a child has of an environment: no secrets of ours, no calls home, one thread.
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONPATH": str(_ROOT),
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUTF8": "1",
    "DO_NOT_TRACK": "true",
    "SCARF_NO_ANALYTICS": "true",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "OMP_THREAD_LIMIT": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}

fork_server = ForkServer()
