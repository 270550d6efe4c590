"""Starting, finding and signalling processes, with nothing that a child could survive its supervisor by."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from portal.stack.account import Account

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def spawn(
    command: list[str],
    *,
    on_parent_death: str,
    account: Account | None = None,
    stdin: int | IO[bytes] | None = None,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own that gets `on_parent_death` when this process is gone.

    A session of its own keeps the terminal's Ctrl-C away from it: the supervisor decides the order of a stop.
    """
    return subprocess.Popen(  # noqa: S603 - callers pass fixed commands
        command,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        cwd=cwd,
        env=env,
        start_new_session=True,
        preexec_fn=_die_with_parent(on_parent_death),  # noqa: PLW1509 - the callers have one thread
        **as_account(account),
    )


def as_account(account: Account | None) -> dict[str, Any]:
    """Return the arguments of Popen and run that make the child this account's."""
    return {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}


def send(pid: int, sign: str) -> None:
    """Send a signal; a process that is gone already needs none."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.Signals[sign])


def send_group(pid: int, sign: str) -> None:
    """Send a signal to a child and to what it has started in its own session."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.Signals[sign])


def give_way(pid: int, niceness: int) -> None:
    """Let a child of `spawn` have less of a busy processor than others, by so many steps of nice.

    Where the kernel groups processes by session (sched(7), autogroup), nice alone counts within one only.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness))


def running() -> list[int]:
    """Return the numbers of all processes, in ascending order; none where there is no /proc."""
    try:
        return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208 - names, not paths
    except FileNotFoundError:
        return []


def link(pid: int, name: str) -> str:
    """Return where /proc/PID/`name` points, or "" for a process that is gone or not ours to see."""
    with suppress(OSError):
        return os.readlink(f"/proc/{pid}/{name}")  # noqa: PTH115 - "(deleted)" must stay in the text
    return ""


def _die_with_parent(sign: str) -> Callable[[], None]:
    """Return what runs in the child between fork and exec; it may not import or allocate much."""
    number, parent = int(signal.Signals[sign]), os.getpid()

    def ask() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
            if os.getppid() != parent:  # the parent died before the kernel was asked
                os.kill(os.getpid(), signal.SIGKILL)

    return ask
