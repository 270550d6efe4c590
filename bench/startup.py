"""How long until the portal is ready, and what the idle stack weighs.

`python bench/startup.py` measures a first start in a new folder and a later one; with `--clone` it begins
at a `git clone` of this repository and `make up`, installs included. The last line is one JSON object.
"""

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_READY = "Cited is ready"
_IDLE_SECONDS = 20.0
_TARGETS = {"clone_to_ready_s": 360.0, "later_start_s": 15.0, "idle_pss_mib": 1536.0}


@dataclass
class Figures:
    """Seconds, and MiB of proportional set size; None for what was not measured."""

    clone_to_ready_s: float | None = None
    first_start_s: float | None = None
    later_start_s: float | None = None
    stop_s: float | None = None
    idle_pss_mib: float | None = None


class Stack:
    """A `make up` of a checkout, in a folder of its own."""

    def __init__(self, checkout: Path, var_dir: Path) -> None:
        self.began = time.monotonic()
        environment = {name: os.environ[name] for name in os.environ if not name.startswith("MAKE")}
        self.process = subprocess.Popen(
            ["make", "up"],
            cwd=checkout,
            env=environment | {"VAR_DIR": str(var_dir), "PORT": str(_free_port())},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def seconds_until_ready(self) -> float:
        """Read what it says until it is ready. Raises SystemExit with what it said when it ends before."""
        said = []
        for line in self.process.stdout or []:
            said.append(line)
            if _READY in line:
                return time.monotonic() - self.began
        raise SystemExit("make up ended before it was ready:\n" + "".join(said[-40:]))

    def stop(self) -> float:
        """Stop it as Ctrl-C does; return the seconds that it took."""
        began = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.communicate(timeout=60)
        return time.monotonic() - began

    def memory(self) -> dict[str, float]:
        """Return the MiB of every process of the stack: each page counted once, shared among its users."""
        processes = {pid: _parent(pid) for pid in _pids()}
        ours = {self.process.pid}
        while more := {pid for pid, parent in processes.items() if parent in ours} - ours:
            ours |= more
        return {f"{pid} {_name(pid)}": _pss(pid) for pid in sorted(ours)}


def measure(*, clone: bool) -> tuple[Figures, dict[str, float]]:
    """Return the figures, and the memory by process."""
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="cited-startup-") as folder:
        checkout, var_dir = ROOT, Path(folder) / "var"
        began = time.monotonic()
        if clone:
            checkout = Path(folder) / "clone"
            subprocess.run(["git", "clone", "--quiet", str(ROOT), str(checkout)], check=True)
        first = Stack(checkout, var_dir)
        figures.first_start_s = first.seconds_until_ready()
        figures.clone_to_ready_s = time.monotonic() - began if clone else None
        figures.stop_s = first.stop()
        later = Stack(checkout, var_dir)
        figures.later_start_s = later.seconds_until_ready()
        time.sleep(_IDLE_SECONDS)
        memory = later.memory()
        figures.idle_pss_mib = sum(memory.values())
        later.stop()
    return figures, memory


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _parent(pid: int) -> int:
    found = re.search(r"^PPid:\s+(\d+)", _read(pid, "status"), re.MULTILINE)
    return int(found[1]) if found else 0


def _name(pid: int) -> str:
    return _read(pid, "cmdline").replace("\0", " ").strip()[:60]


def _pss(pid: int) -> float:
    found = re.search(r"^Pss:\s+(\d+) kB", _read(pid, "smaps_rollup"), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _table(figures: Figures, memory: dict[str, float]) -> str:
    rows = [f"{mib:9.1f} MiB  {name}" for name, mib in memory.items() if mib >= 1]
    for name, value in asdict(figures).items():
        target = f"at most {_TARGETS[name]:g}" if name in _TARGETS else ""
        rows.append(f"{name:18} {'-' if value is None else f'{value:9.2f}'}  {target}")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clone", action="store_true", help="begin at git clone, with a new .venv")
    figures, memory = measure(clone=parser.parse_args().clone)
    print(_table(figures, memory))
    print(json.dumps({"bench": "startup", **asdict(figures), "targets": _TARGETS}))


if __name__ == "__main__":
    main()
