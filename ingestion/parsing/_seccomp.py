"""Has the kernel refuse new processes and network sockets, with a filter of system calls (seccomp).

It binds native code as well. Threads stay possible. On processors whose numbers of calls are not listed here
this does nothing, and the other fences stand alone.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

_PR_SET_SECCOMP = 22
_MODE_FILTER = 2
_CLONE_THREAD = 0x00010000
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_UNIX_SOCKETS = 1

# Of each processor: its mark, the calls clone, clone3 and socket, those that start processes, and those that
# trace or signal them.
_CALLS = {
    "x86_64": (0xC000003E, 56, 435, 41, (57, 58, 59, 322), (101, 62, 200, 234)),
    "aarch64": (0xC00000B7, 220, 435, 198, (221, 281), (117, 129, 130, 131)),
}


def refuse_processes_and_sockets() -> bool:
    """Refuse fork, exec, kill, ptrace and all but local sockets from now on; False where that cannot be."""
    return _refuse(processes=True)


def refuse_sockets() -> bool:
    """Refuse kill, ptrace and all but local sockets, in what is started too; False where that cannot be."""
    return _refuse(processes=False)


def _refuse(*, processes: bool) -> bool:
    known = _CALLS.get(platform.machine())
    if known is None:
        return False
    architecture, clone, clone3, socket, starting, meddling = known
    program = [_load(_ARCHITECTURE), _jump(_EQUAL, architecture, 1, 0), _give(_KILL), _load(_NUMBER)]
    if processes:
        program += [
            # Without clone3 the C library falls back to clone; only its flags can be seen here.
            _jump(_EQUAL, clone3, 0, 1), _give(_ERROR | errno.ENOSYS),
            _jump(_EQUAL, clone, 0, 4), _load(_FIRST_ARGUMENT), _jump(_ANY_BIT, _CLONE_THREAD, 1, 0),
            _give(_ERROR | errno.EPERM), _give(_ALLOW),
        ]  # fmt: skip
    program += [
        _jump(_EQUAL, socket, 0, 4), _load(_FIRST_ARGUMENT), _jump(_EQUAL, _UNIX_SOCKETS, 1, 0),
        _give(_ERROR | errno.EPERM), _give(_ALLOW),
    ]  # fmt: skip
    for call in (*starting, *meddling) if processes else meddling:
        program += [_jump(_EQUAL, call, 0, 1), _give(_ERROR | errno.EPERM)]
    return _install([*program, _give(_ALLOW)])


def _load(offset: int) -> bytes:
    return struct.pack("<HBBI", _LOAD, 0, 0, offset)


def _jump(test: int, value: int, if_so: int, if_not: int) -> bytes:
    return struct.pack("<HBBI", test, if_so, if_not, value)


def _give(action: int) -> bytes:
    return struct.pack("<HBBI", _RETURN, 0, 0, action)


def _install(program: list[bytes]) -> bool:
    code = ctypes.create_string_buffer(b"".join(program))
    header = struct.pack("@HP", len(program), ctypes.addressof(code))  # struct sock_fprog
    libc = ctypes.CDLL(None, use_errno=True)
    failed = libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.c_char_p(header), 0, 0)
    return not failed
