"""How true the board's estimates are: what was told while many files went through, beside what it took.

`python bench/estimates.py [--files 200]` runs a portal of its own, uploads made files over HTTP and asks
twice a second how long it will still take. From the first quarter on, each answer is compared with what came
true; below five seconds the page says "a few seconds", so nothing is compared more finely. The last line is
one JSON object.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import httpx
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.tools import figures, stack
from bench.tools.stack import Stack
from bench.tools.uploads import Uploader, made_files

WITHIN = 2.0
_SOON = 5.0
_PAUSE = 0.5
_PATIENCE = 1800.0


class Told(NamedTuple):
    """What the portal said at one moment: `left` seconds, None for "not known"; `done` files of all."""

    at: float
    done: int
    left: float | None


def measure(files: int) -> dict[str, object]:
    with stack.running() as portal, tempfile.TemporaryDirectory(prefix="uploads-") as folder:
        uploads = Path(folder) / "uploads"
        uploads.mkdir()
        token = json.loads(portal.run("-m", "bench.tools.load", str(uploads)))["token"]
        uploader = Uploader(portal.base_url, token, uploads.name)
        uploader.begin(list(made_files(files, seed=1))).join()
        told = _watched(portal, token, uploads.name, files)
    end = told[-1].at
    spoken = [one for one in told if files / 4 <= one.done < files]
    factors = [_factor(one.left, end - one.at) for one in spoken if one.left is not None]
    return {
        "bench": "estimates",
        "files": files,
        "told": len(spoken),
        "unknown": len(spoken) - len(factors),
        "factor_p50": _percentile(factors, 50),
        "factor_p95": _percentile(factors, 95),
        "factor_worst": _percentile(factors, 100),
        "share_within_two": round(sum(factor <= WITHIN for factor in factors) / max(len(factors), 1), 3),
    }


def _watched(portal: Stack, token: str, collection: str, files: int) -> list[Told]:
    told: list[Told] = []
    deadline = time.monotonic() + _PATIENCE
    with httpx.Client(
        base_url=portal.base_url, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
    ) as client:
        while not told or told[-1].done < files:
            if time.monotonic() > deadline:
                sys.exit(f"After {_PATIENCE:g} s only {told[-1].done} of {files} files were indexed.")
            page = client.get("/api/v1/jobs", params={"collection": collection, "page_size": 1})
            page.raise_for_status()
            seen = page.json()
            told.append(Told(time.monotonic(), seen["counts"]["indexed"], seen["ready_in"]))
            time.sleep(_PAUSE)
    return told


def _factor(left: float, took: float) -> float:
    """Return by which factor an estimate was off, 1 for a true one."""
    left, took = max(left, _SOON), max(took, _SOON)
    return max(left / took, took / left)


def _percentile(values: list[float], percent: float) -> float | None:
    return round(float(np.percentile(values, percent)), 2) if values else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=200)
    report = measure(parser.parse_args().files)
    figures.say(f"{report['told']} estimates from the first quarter of {report['files']} files on,")
    figures.say(f"{report['unknown']} of them unknown; off by a factor of {report['factor_p50']} (p50),")
    figures.say(f"{report['factor_p95']} (p95), {report['factor_worst']} (worst); target {WITHIN:g}")
    figures.finish(report)


if __name__ == "__main__":
    main()
