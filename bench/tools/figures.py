"""How figures are told: a table for people, one JSON object for programs."""

import json
import sys
from collections.abc import Mapping, Sequence

import numpy as np


def say(text: str) -> None:
    """Print a line now, also into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def spread(milliseconds: Sequence[float]) -> dict[str, float]:
    """Return median, 95th percentile and maximum."""
    p50, p95 = np.quantile(milliseconds, (0.5, 0.95))
    return {
        "p50_ms": round(float(p50), 1),
        "p95_ms": round(float(p95), 1),
        "max_ms": round(max(milliseconds), 1),
    }


def table(rows: Mapping[str, Mapping[str, float]]) -> None:
    """Print a row for each measured thing; all of them have the same columns."""
    columns = list(next(iter(rows.values())))
    say(f"{'':<34}" + "".join(f"{name:>12}" for name in columns))
    for name, figures in rows.items():
        say(f"{name:<34}" + "".join(f"{figures[column]:>12,.1f}" for column in columns))


def finish(report: Mapping[str, object]) -> None:
    """Print the last line: everything as one JSON object."""
    say(json.dumps(report))
