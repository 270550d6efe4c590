"""Hybrid search over HTTP among 20,000 chunks, beside an exact scan with numpy and bm25s in one process.

`python bench/search.py [--chunks N] [--questions N]` runs a portal of its own, publishes the chunks and
asks each question once as one person. The reference embeds the same questions, scans all vectors and ranks
with bm25s, without permissions, text or HTTP. The last line is one JSON object.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.tools import figures, passages, stack
from llm.embedding import Embedder, load_embedder

Found = TypeVar("Found")

TARGET_P95_MS = 100.0
_WARM_UP = 12
_TOP = 10
_DEPTH = 100


class Reference:
    """Vectors and BM25 in memory, fused like the portal's: a convex combination of normalised scores."""

    def __init__(self, texts: Sequence[str], vectors: NDArray[np.float32], embedder: Embedder) -> None:
        import bm25s
        import Stemmer

        self._bm25s, self._stemmer = bm25s, Stemmer.Stemmer("english")
        self._index = bm25s.BM25(k1=1.2, b=0.75)
        self._index.index(self._tokens(texts), show_progress=False)
        self._vectors, self._embedder = vectors, embedder

    def _tokens(self, texts: Sequence[str]) -> object:
        return self._bm25s.tokenize(
            list(texts), stopwords="en", stemmer=self._stemmer, show_progress=False, return_ids=True
        )

    def search(self, question: str) -> list[int]:
        """Return the numbers of the best texts, best first."""
        similarity = self._vectors @ self._embedder.embed_query(question)
        dense = np.argpartition(-similarity, _DEPTH)[:_DEPTH]
        tokens = self._bm25s.tokenize(
            [question], stopwords="en", stemmer=self._stemmer, show_progress=False, return_ids=False
        )
        lexical = self._index.get_scores(tokens[0]) if tokens[0] else np.zeros(len(similarity))
        best = np.union1d(dense, np.argpartition(-lexical, _DEPTH)[:_DEPTH])
        spread = np.ptp(similarity[best]) or 1.0
        scores = lexical[best] / (lexical.max() or 1.0) + (similarity[best] - similarity[best].min()) / spread
        return [int(best[at]) for at in np.argsort(-scores, kind="stable")[:_TOP]]


class Portal:
    """The search endpoint, asked by one person."""

    def __init__(self, base_url: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=base_url, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
        )
        self.laps: Counter[str] = Counter()

    def ranked(self, question: str) -> list[str]:
        """Return the texts of the best passages, each by itself, as the reference ranks them."""
        return self.search(question, arrange=False)

    def search(self, question: str, *, arrange: bool = True) -> list[str]:
        """Return the texts that were found, best first."""
        body = {"query": question, "limit": _TOP, "arrange": arrange}
        response = self._client.post("/api/v1/search", json=body)
        response.raise_for_status()
        found = response.json()
        self.laps.update(found.get("timings", {}))
        return [hit["text"] for hit in found["hits"]]


def timed(ask: Callable[[str], Found], questions: Sequence[str]) -> tuple[list[float], list[Found]]:
    """Return the milliseconds of each question, and what was found."""
    times: list[float] = []
    found: list[Found] = []
    for question in questions:
        began = time.perf_counter()
        found.append(ask(question))
        times.append((time.perf_counter() - began) * 1000)
    return times, found


def measure(chunks: int, questions: int) -> dict[str, object]:
    material = passages.gather(chunks, questions=questions + _WARM_UP)
    with stack.running() as running:
        stack.adopt(running)
        from bench.tools import library

        began = time.perf_counter()
        token, vectors = library.fill(material)
        figures.say(f"{chunks} chunks ({material.kind}) published in {time.perf_counter() - began:.0f} s")
        portal = Portal(running.base_url, token)
        timed(portal.search, material.questions[:_WARM_UP])
        portal.laps.clear()
        times, _ = timed(portal.search, material.questions[_WARM_UP:])
        laps = dict(portal.laps)
        found = [portal.ranked(question) for question in material.questions[_WARM_UP:]]
    reference = Reference(material.texts, vectors, load_embedder(stack.EMBEDDING))
    timed(reference.search, material.questions[:_WARM_UP])
    reference_times, reference_found = timed(reference.search, material.questions[_WARM_UP:])
    overlap = [
        len({material.texts[at] for at in theirs} & set(ours)) / _TOP
        for ours, theirs in zip(found, reference_found, strict=True)
    ]
    return {
        "bench": "search",
        "chunks": chunks,
        "questions": len(times),
        "text": material.kind,
        "portal": figures.spread(times),
        "reference": figures.spread(reference_times),
        "overlap_at_10": round(float(np.mean(overlap)), 3),
        "mean_ms_by_step": {name: round(total / len(times), 1) for name, total in laps.items()},
        "target_p95_ms": TARGET_P95_MS,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--chunks", type=int, default=20_000)
    parser.add_argument("--questions", type=int, default=250)
    options = parser.parse_args()
    report: dict[str, Any] = measure(options.chunks, options.questions)
    figures.table(
        {
            "portal: hybrid search over HTTP": report["portal"],
            "reference: numpy and bm25s": report["reference"],
        }
    )
    figures.say(
        f"target p95 {TARGET_P95_MS:g} ms; share of the reference's top 10: {report['overlap_at_10']}"
    )
    figures.say(f"mean ms by step: {report['mean_ms_by_step']}")
    figures.finish(report)


if __name__ == "__main__":
    main()
