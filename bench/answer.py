"""How soon an extractive answer begins: from the request to its first words over HTTP, as events.

`python bench/answer.py [--chunks N] [--questions N]` runs a portal of its own with the library of
bench/search.py. The reference is search alone over HTTP; the two take turns, each with questions that were
not asked before. The last line is one JSON object.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.tools import figures, passages, stack

TARGET_P95_MS = 400.0
_WARM_UP = 12


class Portal:
    """The endpoints for answers and search, asked by one person."""

    def __init__(self, base_url: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=base_url, headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False
        )

    def first_event(self, question: str) -> tuple[str, float]:
        """Return `delta` or `refused`, whichever came first, and after how many milliseconds."""
        began = time.perf_counter()
        request = self._client.stream(
            "POST",
            "/api/v1/answers",
            json={"question": question},
            headers={"Accept": "text/event-stream"},
        )
        first = ("nothing", 0.0)
        with request as response:
            response.raise_for_status()
            for line in response.iter_lines():
                name = line.removeprefix("event: ")
                if name in {"delta", "refused"} and first[0] == "nothing":
                    first = (name, (time.perf_counter() - began) * 1000)
        return first

    def search(self, question: str) -> float:
        """Return the milliseconds of a search."""
        began = time.perf_counter()
        self._client.post("/api/v1/search", json={"query": question}).raise_for_status()
        return (time.perf_counter() - began) * 1000


def ask_in_turns(portal: Portal, questions: Sequence[str]) -> tuple[list[float], list[float], list[float]]:
    """Return milliseconds to first words, to refusals, and of searches."""
    words: list[float] = []
    refusals: list[float] = []
    searches: list[float] = []
    for asked, searched in zip(questions[::2], questions[1::2], strict=False):
        name, milliseconds = portal.first_event(asked)
        (words if name == "delta" else refusals).append(milliseconds)
        searches.append(portal.search(searched))
    return words, refusals, searches


def measure(chunks: int, questions: int) -> dict[str, Any]:
    material = passages.gather(chunks, questions=2 * questions + _WARM_UP)
    with stack.running() as running:
        stack.adopt(running)
        from bench.tools import library

        token, _ = library.fill(material.texts)
        portal = Portal(running.base_url, token)
        ask_in_turns(portal, material.questions[:_WARM_UP])
        words, refusals, searches = ask_in_turns(portal, material.questions[_WARM_UP:])
    return {
        "bench": "answer",
        "chunks": chunks,
        "text": material.kind,
        "answered": len(words),
        "refused": len(refusals),
        "first_words": figures.spread(words or [0.0]),
        "refusal": figures.spread(refusals or [0.0]),
        "reference": figures.spread(searches),
        "target_p95_ms": TARGET_P95_MS,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--chunks", type=int, default=20_000)
    parser.add_argument("--questions", type=int, default=200)
    options = parser.parse_args()
    report = measure(options.chunks, options.questions)
    figures.table(
        {
            f"first words ({report['answered']} answers)": report["first_words"],
            f"refused ({report['refused']})": report["refusal"],
            "reference: search alone": report["reference"],
        }
    )
    figures.say(f"target p95 of the first words: {TARGET_P95_MS:g} ms")
    figures.finish(report)


if __name__ == "__main__":
    main()
