"""The process from which readers are forked: ``python -m ingestion.parsing.forkserver SOCKET``.

It has imported what most files need and does nothing but fork, so that a reader costs no start of Python and
begins with a memory in which no file has ever been. It has one thread, no connection and no secrets. It ends
when the other end of its socket is gone, which the kernel closes with the process that holds it.

A packet on the socket is an order (JSON) with three descriptors: standard output, standard error and a
leash. The number of the child comes back on the leash. Whatever is sent on the leash then, or its end, has
the child killed with its whole group; its exit status comes back, and the most KiB of memory that it held.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import tempfile
import traceback
from importlib import import_module

from ingestion.parsing._confine import die_with_parent, name_process

_LONGEST_ORDER = 64 << 10
_DESCRIPTORS = 3
# What PDFs and plain text take. Heavier parsers are imported by the child that needs them.
_PRELOADED = ("child", "_checks", "parsers", "plain", "pdf")


def main(descriptor: int) -> None:
    """Fork a child for each order until the socket ends."""
    for name in _PRELOADED:
        import_module(f"ingestion.parsing.{name}")
    gc.collect()
    gc.freeze()  # a collection in a child would copy the pages that it shares with this process
    control = socket.socket(fileno=descriptor)
    children: dict[socket.socket, int] = {}
    while True:
        for ready in select.select([control, *children], [], [])[0]:
            if ready in children:
                _end(children.pop(ready), ready)
                continue
            order, descriptors, _, _ = socket.recv_fds(control, _LONGEST_ORDER, _DESCRIPTORS)
            if not order:
                for leash, child in children.items():
                    _end(child, leash)
                return
            leash, child = _fork(order, descriptors)
            children[leash] = child


def _fork(order: bytes, descriptors: list[int]) -> tuple[socket.socket, int]:
    parent = os.getpid()
    child = os.fork()
    if not child:
        _become_reader(order, descriptors, parent)
    output, errors, leash = descriptors
    os.close(output)
    os.close(errors)
    held = socket.socket(fileno=leash)
    _tell(held, child)
    return held, child


def _end(child: int, leash: socket.socket) -> None:
    """Kill a child and its group, and tell how it ended. It is not reaped yet, so its number is its own."""
    with contextlib.suppress(ProcessLookupError):  # it may not have a group yet
        os.killpg(child, signal.SIGKILL)
    os.kill(child, signal.SIGKILL)
    _, status, used = os.wait4(child, 0)
    with contextlib.suppress(OSError):
        leash.recv(16, socket.MSG_DONTWAIT)  # what is left unread when it closes takes the answer with it
    _tell(leash, os.waitstatus_to_exitcode(status), used.ru_maxrss)
    leash.close()


def _tell(leash: socket.socket, *numbers: int) -> None:
    with contextlib.suppress(OSError):  # nobody is there any more; its end comes next
        leash.send(" ".join(map(str, numbers)).encode())


def _become_reader(order: bytes, descriptors: list[int], parent: int) -> None:
    """Do in the child what the order says, and end it; nothing is left of the parent's descriptors."""
    status = 1
    try:
        os.setsid()
        die_with_parent(parent)
        os.dup2(descriptors[0], 1)
        os.dup2(descriptors[1], 2)
        for descriptor in [int(name) for name in os.listdir("/proc/self/fd")]:  # noqa: PTH208 - names, not paths
            if descriptor > 2:  # noqa: PLR2004 - standard input, output and error stay
                with contextlib.suppress(OSError):  # the listing's own
                    os.close(descriptor)
        wanted = json.loads(order)
        name_process(f"read {wanted['name']}")
        folder = wanted["folder"]
        os.environ |= {"HOME": folder, "TMPDIR": folder}
        tempfile.tempdir = None
        os.chdir(folder)
        status = import_module(wanted["module"]).main(wanted["argument"])
    except BaseException:  # noqa: BLE001 - the edge of the process: told on standard error, as Python does
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    name_process("fork server")
    main(int(sys.argv[1]))
