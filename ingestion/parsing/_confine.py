# ruff: noqa: ANN401 - audit events carry anything
"""Takes away from the running process what a parser does not need. Linux; there is no way back.

Fences behind fences, because each has holes. The kernel's: resource limits; namespaces without a network,
where it allows them; Landlock, by which only the libraries, the document and the temporary folder can be
opened; and a filter of system calls that refuses processes and sockets. And Python's audit hook, which says
in words what was tried, and stands alone on kernels that have none of the others.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.parsing._landlock import restrict_files
from ingestion.parsing._seccomp import refuse_processes_and_sockets, refuse_sockets

if TYPE_CHECKING:
    from ingestion.parsing.limits import Limits

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000

# Address space that is not private memory: libraries, mapped files, guard regions, thread stacks.
_EXTRA_ADDRESS_SPACE = 3 << 30
_MAX_FILES = 256
_MAX_PROCESSES = 64

_SYSTEM = (
    "/usr", "/lib", "/lib64", "/bin", "/opt", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d",
    "/etc/fonts", "/etc/libreoffice", "/etc/mime.types", "/etc/localtime", "/etc/alternatives",
    "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/sys", "/sys/devices/system/cpu", "/sys/fs/cgroup",
    "/dev/urandom", "/dev/zero",
)  # fmt: skip

_OFFICE_SOCKETS = Path("/tmp")  # noqa: S108 - where LibreOffice insists on one, whatever TMPDIR is

_NETWORK_EVENTS = frozenset(
    {
        "socket.connect",
        "socket.bind",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.gethostbyaddr",
        "socket.getnameinfo",
        "socket.sendto",
        "socket.sendmsg",
    }
)
_PROCESS_EVENTS = frozenset(
    {"os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "os.kill", "os.killpg"}
)
# Events with the paths that they change; how many of the first arguments are paths.
_CHANGE_EVENTS = {
    "os.remove": 1,
    "os.rename": 2,
    "os.rmdir": 1,
    "os.mkdir": 1,
    "os.chmod": 1,
    "os.chown": 1,
    "os.link": 2,
    "os.symlink": 2,
    "os.truncate": 1,
    "os.utime": 1,
    "shutil.rmtree": 1,
    "shutil.move": 2,
}
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent dies, even by SIGKILL."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the call above
        os._exit(1)


def name_process(name: str) -> None:
    """Have lists of processes show this name, as much of it as the kernel keeps: 15 bytes."""
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def confine(limits: Limits, *, folder: Path, document: Path, program: str | None = None) -> None:
    """Apply all fences. Files may be written in ``folder`` alone; only ``program`` may be started."""
    isolated = _leave_network()
    _set_limits(limits, isolated=isolated)
    restrict_files(
        readable=[*_libraries(), document, *([Path(program).resolve().parents[1]] if program else [])],
        writable=[folder, Path("/dev/null")],
        sockets=[_OFFICE_SOCKETS] if program and program.endswith("soffice.bin") else [],
    )
    if program is None:
        refuse_processes_and_sockets()
    elif Path(program).name == "tesseract":  # the others' run-time systems have needs of their own
        refuse_sockets()
    sys.addaudithook(_hook(str(folder.resolve()), program))


def _libraries() -> list[Path]:
    """Return what Python, its packages and the C library read: programs and data, never a document."""
    packages = [Path(place) for place in sys.path if place.endswith(("-packages", "lib-dynload"))]
    ours = [Path(__file__).resolve().parents[1]]
    python = [Path(prefix) for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix}]
    return [place.resolve() for place in [*packages, *ours, *python]] + [Path(place) for place in _SYSTEM]


def _leave_network() -> bool:
    """Move into an empty network namespace; False where the kernel does not allow it."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    return bool(libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0)


def _set_limits(limits: Limits, *, isolated: bool) -> None:
    _limit(resource.RLIMIT_CPU, limits.cpu_seconds, grace=2)
    _limit(resource.RLIMIT_DATA, limits.memory_bytes)
    _limit(resource.RLIMIT_AS, limits.memory_bytes + _EXTRA_ADDRESS_SPACE)
    _limit(resource.RLIMIT_FSIZE, max(limits.output_bytes, min(limits.file_bytes, limits.temp_bytes)))
    _limit(resource.RLIMIT_NOFILE, _MAX_FILES)
    _limit(resource.RLIMIT_CORE, 0)
    if isolated:  # otherwise the count is shared with everything that this user runs
        _limit(resource.RLIMIT_NPROC, _MAX_PROCESSES)


def _limit(kind: int, value: int, *, grace: int = 0) -> None:
    _, hard = resource.getrlimit(kind)
    ceiling = value + grace if hard == resource.RLIM_INFINITY else min(value + grace, hard)
    resource.setrlimit(kind, (min(value, ceiling), ceiling))


def _hook(folder: str, program: str | None) -> Any:
    allowed = (folder + os.sep, "/dev/null")

    def inside(path: Any) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return isinstance(path, int)  # a file that is open already
        return f"{os.path.realpath(os.fsdecode(path))}{os.sep}".startswith(allowed)

    def refuse(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            if _writes(*args[1:]) and not inside(args[0]):
                raise PermissionError(f"The parser may not write to {args[0]!r}.")
        elif event in _CHANGE_EVENTS and not all(inside(path) for path in args[: _CHANGE_EVENTS[event]]):
            raise PermissionError("The parser may not change files outside of its folder.")
        elif event in _NETWORK_EVENTS:
            raise PermissionError("The parser may not use the network.")
        elif event in _PROCESS_EVENTS or (event == "subprocess.Popen" and _program_of(args) != program):
            raise PermissionError("The parser may not start or signal processes.")

    return refuse


def _writes(mode: Any, flags: Any) -> bool:
    by_flags = isinstance(flags, int) and bool(flags & _WRITE_FLAGS)
    return by_flags or (isinstance(mode, str) and bool(set(mode) & set("wax+")))


def _program_of(args: tuple[Any, ...]) -> str:
    return os.fsdecode(args[0] or args[1][0])
