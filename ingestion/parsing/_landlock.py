"""Keeps a process to the files that it was given, with Linux's Landlock: native code is bound as well.

What is not under one of the given paths can be neither read nor written nor run, and no TCP connection can be
made, from the call on and for good. Kernels before 5.13 have no Landlock; there this does nothing.
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# The numbers of these calls are the same on every architecture.
_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_PATH_BENEATH = 1
_VERSION_QUERY = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_READ = _EXECUTE | _READ_FILE | _READ_DIR
# File rights by version of the interface: removing and making files; then moving; truncating; devices.
_FILES = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_MAKE_SOCKET = 1 << 9
_ON_PLAIN_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | (1 << 14)
_NETWORK = 3  # bind and connect
_NETWORK_SINCE, _SCOPES_SINCE = 4, 6
_SCOPES = 3  # abstract sockets and signals of others


def restrict_files(
    *, readable: Iterable[Path], writable: Iterable[Path], sockets: Iterable[Path] = ()
) -> bool:
    """Restrict this process and those it starts to the given files and folders; False without Landlock.

    In ``sockets`` local sockets can be made, and nothing be read, changed or removed.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE, None, 0, _VERSION_QUERY)
    if version < 1:
        return False
    files = _FILES[min(version, 5)]
    attributes = struct.pack(
        "<QQQ",
        files,
        _NETWORK if version >= _NETWORK_SINCE else 0,
        _SCOPES if version >= _SCOPES_SINCE else 0,
    )
    size = 24 if version >= _SCOPES_SINCE else 16 if version >= _NETWORK_SINCE else 8
    rules = libc.syscall(_CREATE, attributes, size, 0)
    if rules < 0:
        return False
    try:
        for path in readable:
            _allow(libc, rules, path, files & _READ)
        for path in writable:
            _allow(libc, rules, path, files)
        for path in sockets:
            _allow(libc, rules, path, _MAKE_SOCKET)
        return bool(libc.syscall(_RESTRICT, rules, 0) == 0)
    finally:
        os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, path: Path, rights: int) -> None:
    """Add a rule; a path that does not exist needs none."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights = rights if path.is_dir() else rights & _ON_PLAIN_FILES
        libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, struct.pack("<Qi", rights, place), 0)
    finally:
        os.close(place)
