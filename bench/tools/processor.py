"""How much processor time a process and all that it started have taken: other programs change it little."""

import os
from pathlib import Path

from bench.tools.memory import family

_TICKS = os.sysconf("SC_CLK_TCK")
_OWN_AND_OF_ENDED = slice(11, 15)  # of /proc/PID/stat, counted from the state


def processor_seconds(pid: int) -> float:
    """Return the seconds of a process with its children, those that have ended included."""
    return sum(map(_ticks, family(pid))) / _TICKS


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[_OWN_AND_OF_ENDED]))
