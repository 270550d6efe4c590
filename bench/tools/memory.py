"""How much memory a process and its children hold: proportional set size, so that shared pages count once."""

import threading
from pathlib import Path

from portal.stack import processes

_EVERY_SECONDS = 0.25


class PeakMemory(threading.Thread):
    """Watches a process with all its children; `peak_mib` is the most that they held together.

    `at_peak` says how much of it each held, the largest first.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._ended = threading.Event()
        self.peak_mib = 0.0
        self.at_peak: list[float] = []

    def __enter__(self) -> "PeakMemory":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        while not self._ended.wait(_EVERY_SECONDS):
            held = sorted(map(pss_mib, family(self._pid)), reverse=True)
            if sum(held) > self.peak_mib:
                self.peak_mib, self.at_peak = sum(held), held


def family(pid: int) -> set[int]:
    """Return a process and all that came out of it, by their numbers."""
    parents = {child: _parent(child) for child in processes.running()}
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return family


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def pss_mib(pid: int) -> float:
    """Return what a process holds, or 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)
