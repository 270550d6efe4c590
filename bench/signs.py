"""What the signs of the query language cost: a search in this process for each kind of question.

`python bench/signs.py [--chunks N] [--questions N]` runs a portal of its own, publishes the chunks and asks
as one person. Phrases and beginnings are taken from the passages. The last line is one JSON object.
"""

import argparse
import random
import re
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.tools import figures, passages, stack

_WARM_UP = 5
_WORD = re.compile(r"[A-Za-z]{4,}")
_FREQUENT = "United States"
_NO_WORDS = ("annual", "leave")


def kinds(questions: Sequence[str], texts: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each kind of question with its examples."""
    rng = random.Random(7)  # noqa: S311 - a seeded choice, not a secret
    words = [_WORD.findall(text) for text in rng.sample(list(texts), len(questions))]
    pairs = [rng.choice(list(pairwise(row))) if len(row) > 1 else _NO_WORDS for row in words]
    yield "plain question", list(questions)
    yield "with a filter", [f"{one} type:text after:2020" for one in questions]
    longest = [max(row, key=len, default=_NO_WORDS[0]) for row in words]
    yield "without a word", [f"{one} -{word}" for one, word in zip(questions, longest, strict=True)]
    yield "two words quoted", [f'"{one} {other}"' for one, other in pairs]
    yield "frequent words quoted", [f'{one} "{_FREQUENT}"' for one in questions[: len(questions) // 4]]
    yield "stop words quoted", [f'{one} "of the"' for one in questions[:2]]
    yield "beginning of five letters", [f"{one[:5]}*" for one, _ in pairs]
    yield "beginning of two letters", [f"{one[:2]}*" for one, _ in pairs[: len(pairs) // 4]]


def measure(chunks: int, questions: int) -> dict[str, object]:
    material = passages.gather(chunks, questions=questions)
    with stack.running() as running:
        stack.adopt(running)
        from bench.tools import library
        from portal.accounts.models import User
        from retrieval.diversity import first_page
        from retrieval.search import search

        library.fill(material)
        reader = User.objects.get(email="reader@example.com")

        def timed(asked: Sequence[str], **more: Any) -> dict[str, float]:
            times = []
            for query in [*asked[:_WARM_UP], *asked]:
                began = time.perf_counter()
                search(user=reader, query=query, **more)
                times.append((time.perf_counter() - began) * 1000)
            return figures.spread(times[len(asked[:_WARM_UP]) :])

        def compared(asked: Sequence[str]) -> dict[str, dict[str, float]]:
            """Ask again, when every question is in the cache of the model, by turns as it is and laid out."""
            layouts = {"plain, asked again": None, "plain, laid out for a page": first_page()}
            times: dict[str, list[float]] = {name: [] for name in layouts}
            for query in asked:
                for name, layout in layouts.items():
                    began = time.perf_counter()
                    search(user=reader, query=query, arrangement=layout)
                    times[name].append((time.perf_counter() - began) * 1000)
            return {name: figures.spread(measured) for name, measured in times.items()}

        rows = {name: timed(asked) for name, asked in kinds(material.questions, material.texts)}
        rows |= compared(material.questions)
        rows["plain question with facets"] = timed(material.questions, with_facets=True)
    return {"bench": "signs", "chunks": chunks, "questions": questions, "text": material.kind} | {"ms": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--chunks", type=int, default=20_000)
    parser.add_argument("--questions", type=int, default=60)
    options = parser.parse_args()
    report = measure(options.chunks, options.questions)
    rows: dict[str, dict[str, float]] = report["ms"]  # type: ignore[assignment]
    figures.table(rows)
    figures.finish(report)


if __name__ == "__main__":
    main()
