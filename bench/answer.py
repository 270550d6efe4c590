"""How soon an answer begins, in quotes and by a model; and what many at once hold while their words flow.

`make bench-answer`, or `python bench/answer.py [--chunks N] [--questions N] [--streams N]`, runs a portal of
its own with the library of bench/search.py. The model server has fixed delays: 200 ms to the first token,
20 ms between two. The reference is search alone over HTTP; it takes turns with the answers, each with
questions that were not asked before. Then so many answers are read at once, while the connections of the web
process are counted in `pg_stat_activity`; in the middle all readers leave. The last line is one JSON object.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.tools import figures, model_server, passages, stack, streams

TARGET_P95_MS = 400.0
TARGET_BEYOND_SEARCH_MS = 60.0
TARGET_ABORT_SECONDS = 1.0
_FIRST_SECONDS, _BETWEEN_SECONDS = 0.2, 0.02
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


@dataclass(slots=True)
class Turns:
    """Milliseconds to the first words, to refusals, and of searches; `answered` are questions with words."""

    words: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)
    searches: list[float] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)


def ask_in_turns(portal: Portal, questions: Sequence[str]) -> Turns:
    turns = Turns()
    for asked, searched in zip(questions[::2], questions[1::2], strict=False):
        name, milliseconds = portal.first_event(asked)
        (turns.words if name == "delta" else turns.refusals).append(milliseconds)
        if name == "delta":
            turns.answered.append(asked)
        turns.searches.append(portal.search(searched))
    return turns


def measure(chunks: int, questions: int, at_once: int) -> dict[str, Any]:
    material = passages.gather(chunks, questions=4 * questions + 2 * _WARM_UP)
    half = len(material.questions) // 2
    with (
        stack.running() as running,
        model_server.serving(first=_FIRST_SECONDS, between=_BETWEEN_SECONDS) as server,
    ):
        stack.adopt(running)
        from bench.tools import library

        token, _ = library.fill(material)
        portal = Portal(running.base_url, token)
        quoted = _after_warming_up(portal, material.questions[:half])
        model_server.register(server, "quote")
        written = _after_warming_up(portal, material.questions[half:])
        model_server.register(server, "slow-drip")
        asked = (written.answered * (at_once // max(1, len(written.answered)) + 1))[:at_once]
        watched = asyncio.run(streams.watch(running, server, token, asked))
    return {
        "bench": "answer",
        "chunks": chunks,
        "text": material.kind,
        "answered": len(quoted.words),
        "refused": len(quoted.refusals),
        "first_words": figures.spread(quoted.words or [0.0]),
        "refusal": figures.spread(quoted.refusals or [0.0]),
        "reference": figures.spread(quoted.searches),
        "target_p95_ms": TARGET_P95_MS,
        "model": _by_model(written, server),
        "streams": asdict(watched) | {"most_in_work": watched.most_in_work},
    }


def _after_warming_up(portal: Portal, questions: Sequence[str]) -> Turns:
    ask_in_turns(portal, questions[:_WARM_UP])
    return ask_in_turns(portal, questions[_WARM_UP:])


def _by_model(written: Turns, server: model_server.ModelServer) -> dict[str, Any]:
    own = figures.spread([words - server.first * 1000 for words in written.words] or [0.0])
    reference = figures.spread(written.searches)
    return {
        "answered": len(written.words),
        "server_first_ms": server.first * 1000,
        "first_words_beyond_server": own,
        "reference": reference,
        "beyond_search_p50_ms": round(own["p50_ms"] - reference["p50_ms"], 1),
        "beyond_search_p95_ms": round(own["p95_ms"] - reference["p95_ms"], 1),
        "target_beyond_search_p95_ms": TARGET_BEYOND_SEARCH_MS,
    }


def tell(report: dict[str, Any]) -> None:
    model, many = report["model"], report["streams"]
    figures.table(
        {
            f"quotes: first words ({report['answered']})": report["first_words"],
            f"quotes: refused ({report['refused']})": report["refusal"],
            "reference: search alone": report["reference"],
            f"model: first words - its own ({model['answered']})": model["first_words_beyond_server"],
            "reference: search, meanwhile": model["reference"],
        }
    )
    figures.say(f"target p95 of the first words in quotes: {TARGET_P95_MS:g} ms")
    figures.say(
        f"a model's first words, beyond its own {model['server_first_ms']:g} ms and beyond search: p50 "
        f"{model['beyond_search_p50_ms']} ms, p95 {model['beyond_search_p95_ms']} ms "
        f"(target {TARGET_BEYOND_SEARCH_MS:g} ms)"
    )
    figures.say(
        f"{many['streams']} answers at once: connections of the web process by state, at most: "
        f"{many['most']}; in {many['samples_with_work']} of {many['samples']} samples one was not idle"
    )
    figures.say(f"memory {many['mib_a_stream']:.2f} MiB and {many['threads']} threads more, for all together")
    figures.say(
        f"readers left: {many['aborted']} of {many['streams']} requests to the model ended after "
        f"{many['aborted_after_s']:.2f} s (target {TARGET_ABORT_SECONDS:g} s)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--chunks", type=int, default=20_000)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--streams", type=int, default=50)
    options = parser.parse_args()
    report = measure(options.chunks, options.questions, options.streams)
    tell(report)
    figures.finish(report)


if __name__ == "__main__":
    main()
