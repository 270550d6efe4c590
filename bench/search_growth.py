"""Whole hybrid search over HTTP as a library grows, and under load, beside numpy and bm25s in one process.

`make bench-search ARGS="[--sizes 10000 100000] [--questions N] [--seconds N] [--vectors FILE]"` runs a portal
of its own and writes passages up to each size in turn (add 1000000 where 8 GB of memory and an hour
are there). At each size one person asks each question once, the query embedded by the portal, and then twenty
people ask thirty questions a second together. Those are sent on time whatever the answers take, and counted
from the time at which they were due. The reference embeds, scans and ranks without permissions, text or HTTP;
past 200,000 passages it is left out. The nearest vectors are looked for one by one and through the index, for
where the latter becomes quicker. From 100,000 passages on, people who see all, a tenth, a hundredth and a
thousandth of them have their words and vectors timed alone, and the nearest vectors compared with an exact
scan. Most vectors are only likely (`bench/tools/mixtures.py`); with `--vectors` they are the model's own,
which are written to the file where it is missing: a quarter of an hour or more for 100,000 passages. The last
line is one JSON object.
"""

import argparse
import sys
import threading
import time
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.search import Portal, Reference, timed
from bench.tools import figures, passages, stack
from llm.embedding import EmbedderSpec, load_embedder

RATE, RATE_P95_MS = 30, 900.0
TARGET_P95_MS = {4_000: 40.0, 100_000: 80.0}
WANTED_BY_SHARE = {
    100_000: {"recall_at_10": 0.99, "vectors_p95_ms": 30, "eight_words_p95_ms": [15, 3]},
    1_000_000: {"recall_at_10": 0.98, "vectors_p95_ms": 80, "eight_words_p95_ms": [60]},
}
_SHARES_FROM = 100_000
_REFERENCE_UP_TO = 200_000
_WARM_UP = 12
_MOST_QUESTIONS = 2_000


class Crowd:
    """People who send questions at a steady rate together, each over a connection of their own."""

    def __init__(self, base_url: str, tokens: Sequence[str]) -> None:
        self._url, self._tokens = base_url, tokens
        self._lock = threading.Lock()
        self.milliseconds: list[float] = []
        self.failed = 0

    def ask(self, questions: Sequence[str]) -> None:
        """Send each question once. Latencies count from when one was due, not from when it left."""
        begin = time.monotonic() + 1
        threads = [
            threading.Thread(
                target=self._one_person,
                args=(
                    token,
                    [
                        (begin + turn / RATE, questions[turn])
                        for turn in range(number, len(questions), len(self._tokens))
                    ],
                ),
            )
            for number, token in enumerate(self._tokens)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _one_person(self, token: str, turns: Sequence[tuple[float, str]]) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=self._url, headers=headers, timeout=60, trust_env=False) as client:
            for due, question in turns:
                time.sleep(max(0.0, due - time.monotonic()))
                self._send(client, due, question)

    def _send(self, client: httpx.Client, due: float, question: str) -> None:
        try:
            client.post("/api/v1/search", json={"query": question}).raise_for_status()
        except httpx.HTTPError:
            with self._lock:
                self.failed += 1
            return
        with self._lock:
            self.milliseconds.append((time.monotonic() - due) * 1000)


def measure(
    sizes: Sequence[int], questions: int, seconds: float, own_vectors: Path | None = None
) -> dict[str, Any]:
    """Return the figures; `own_vectors` is a file with the model's own, written where it is missing."""
    material = passages.gather(max(sizes), questions=_MOST_QUESTIONS)
    # The model's answers to recent questions are kept: they come round again when those have been forgotten.
    asked = cycle(material.questions)
    rows = []
    with stack.running() as running:
        stack.adopt(running)
        from django.conf import settings

        from bench.tools import shares
        from bench.tools.growing import Library
        from bench.tools.mixtures import own_vectors_of, vectors_of
        from portal.accounts.models import User

        vectors = vectors_of(material) if own_vectors is None else own_vectors_of(material, own_vectors)
        grown = Library(running, material.texts, vectors)
        for size in sorted(sizes):
            began = time.perf_counter()
            grown.grow(size, index_above=settings.SEARCH_EXACT_LIMIT // 10)
            filled = round(time.perf_counter() - began, 1)
            figures.say(f"{size:,} passages ({material.kind}) after {filled} s")
            own = list(islice(asked, questions + _WARM_UP))
            crowd = list(islice(asked, int(RATE * seconds)))
            row = _row(running.base_url, grown.tokens, own, crowd)
            row["crossover"] = shares.crossover(User.objects.get(email="reader0@example.com"), own)
            reference = _reference(material.texts[:size], vectors[:size], own)
            rows.append({"passages": size, "fill_seconds": filled} | row | reference)
            _show(rows[-1])
            if size >= _SHARES_FROM:
                rows[-1]["by_share"] = shares.measure(own, material.texts[:size])
                shares.show(rows[-1]["by_share"])
    first, last = rows[0], rows[-1]
    return {
        "bench": "search_growth",
        "text": material.kind,
        "vectors": "mixtures" if own_vectors is None else "the model's own",
        "questions": questions,
        "rows": rows,
        "wanted_by_share": WANTED_BY_SHARE,
        "growth_of_p95": round(last["one"]["p95_ms"] / first["one"]["p95_ms"], 2),
        "growth_of_passages": round(last["passages"] / first["passages"], 1),
        "target_p95_ms": TARGET_P95_MS,
        "target_p95_ms_under_load": RATE_P95_MS,
    }


def _row(base_url: str, tokens: Sequence[str], own: Sequence[str], others: Sequence[str]) -> dict[str, Any]:
    portal = Portal(base_url, tokens[0])
    timed(portal.search, own[:_WARM_UP])
    portal.laps.clear()
    times, _ = timed(portal.search, own[_WARM_UP:])
    crowd = Crowd(base_url, tokens)
    crowd.ask(others)
    return {
        "one": figures.spread(times),
        "crowd": figures.spread(crowd.milliseconds or [0.0]),
        "crowd_failed": crowd.failed,
        "mean_ms_by_step": {name: round(total / len(times), 1) for name, total in portal.laps.items()},
    }


def _reference(texts: Sequence[str], vectors: NDArray[np.float32], own: Sequence[str]) -> dict[str, Any]:
    if len(texts) > _REFERENCE_UP_TO:
        return {}
    reference = Reference(texts, vectors, load_embedder(EmbedderSpec()))
    timed(reference.search, own[:_WARM_UP])
    return {"reference": figures.spread(timed(reference.search, own[_WARM_UP:])[0])}


def _show(row: dict[str, Any]) -> None:
    shown = {
        "one person, over HTTP": row["one"],
        f"20 people, {RATE} questions a second": row["crowd"],
    }
    if "reference" in row:
        shown["reference: numpy and bm25s"] = row["reference"]
    shown["nearest vectors, one by one"] = row["crossover"]["exact"]
    shown["nearest vectors, through the index"] = row["crossover"]["index"]
    figures.table(shown)
    figures.say(f"the index finds {row['crossover']['recall_at_10']} of the ten nearest")
    figures.say(f"mean ms by step: {row['mean_ms_by_step']}; failed under load: {row['crowd_failed']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--questions", type=int, default=150)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--vectors", type=Path, help=".npy file of the model's own, written where missing")
    options = parser.parse_args()
    report = measure(options.sizes, options.questions, options.seconds, options.vectors)
    figures.say(
        f"p95 grew {report['growth_of_p95']} times while passages grew {report['growth_of_passages']} times; "
        f"targets: {TARGET_P95_MS[100_000]:g} ms for one person, {RATE_P95_MS:g} ms under load"
    )
    figures.finish(report)


if __name__ == "__main__":
    main()
