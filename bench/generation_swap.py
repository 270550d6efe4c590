"""The change of the embedding model under load: failed questions, mixed answers, seconds of a flip.

`python bench/generation_swap.py [--chunks N] [--dimension N]` runs a portal of its own, publishes the
chunks and asks over HTTP without a pause, in two threads, while a second model (tiny, with random weights)
is added, fills, is flipped to, back from, and dropped. An answer that is neither the first model's nor the
second's is mixed. The last line is one JSON object.
"""

import argparse
import json
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.ingest import wait_until_done
from bench.tools import figures, passages, stack

TARGET_FLIP_SECONDS = 1.0
_THREADS = 2
_QUESTIONS = 24
_TOP = 10
_BESIDE = 4.0  # seconds of questions after each step

Answer = tuple[tuple[str, float], ...]


class Askers:
    """Threads that ask the same questions in turn; every answer with when it came and what it took."""

    def __init__(self, base_url: str, token: str, questions: list[str]) -> None:
        self._address, self._questions = base_url, questions
        self._headers = {"Authorization": f"Bearer {token}"}
        self._over = threading.Event()
        self.answers: list[tuple[str, Answer]] = []
        self.milliseconds: list[float] = []
        self.failures: list[str] = []

    def references(self) -> dict[str, Answer]:
        """Return what each question is answered with now."""
        with self._client() as client:
            return {question: self._ask(client, question) for question in self._questions}

    @contextmanager
    def asking(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._run, args=(number,)) for number in range(_THREADS)]
        for one in threads:
            one.start()
        try:
            yield
        finally:
            self._over.set()
            for one in threads:
                one.join()

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self._address, headers=self._headers, timeout=30, trust_env=False)

    def _run(self, number: int) -> None:
        with self._client() as client:
            while not self._over.is_set():
                question = self._questions[number % len(self._questions)]
                number += _THREADS
                began = time.perf_counter()
                try:
                    self.answers.append((question, self._ask(client, question)))
                except (httpx.HTTPError, ValueError, KeyError) as error:
                    self.failures.append(repr(error))
                self.milliseconds.append((time.perf_counter() - began) * 1000)

    def _ask(self, client: httpx.Client, question: str) -> Answer:
        response = client.post("/api/v1/search", json={"query": question, "limit": _TOP, "arrange": False})
        response.raise_for_status()
        return tuple((hit["text"], round(hit["score"], 3)) for hit in response.json()["hits"])


class Operator:
    """Who changes the model, by commands in processes of their own."""

    def __init__(self, running: stack.Stack) -> None:
        self._running = running

    def add(self, folder: str) -> int:
        self._command("add", folder)
        return int(self.newest()["id"])

    def newest(self) -> dict[str, int]:
        newest: dict[str, int] = json.loads(self._command("list", "--json"))["generations"][-1]
        return newest

    def wait_until_ready(self) -> float:
        """Return the chunks that were filled in a second."""
        began, total = time.perf_counter(), 0
        while (state := self.newest())["filled"] < state["total"]:
            total = state["total"]
            time.sleep(1)
        return total / (time.perf_counter() - began)

    def flip(self, number: int) -> float:
        """Return how many seconds the flip took, as the command tells it."""
        told = re.search(r"after ([\d.]+) s", self._command("flip", str(number)))
        return float(told[1]) if told else float("inf")

    def drop(self, number: int) -> None:
        self._command("drop", str(number))

    def _command(self, *arguments: str) -> str:
        return self._running.run("manage.py", "generations", *arguments)


def measure(chunks: int, dimension: int) -> dict[str, object]:
    from tests.fakes.embedding_model import write_model

    material = passages.gather(chunks, questions=_QUESTIONS)
    with tempfile.TemporaryDirectory(prefix="cited-model-") as folder, stack.running() as running:
        wait_until_done(running)  # the handbook counts in BM25
        stack.adopt(running)
        from bench.tools import library

        model = write_model(Path(folder), words=" ".join(material.texts[:2000]), dimension=dimension)
        token, _ = library.fill(material)
        figures.say(f"{chunks} chunks ({material.kind}) published")
        askers, operator = Askers(running.base_url, token, material.questions), Operator(running)
        references = [askers.references()]
        with askers.asking():
            made = operator.add(model)
            figures.say(f"generation {made} of {dimension} dimensions was added")
            rate = operator.wait_until_ready()
            figures.say(f"filled, {rate:.0f} chunks a second")
            seconds = [operator.flip(made)]
            time.sleep(_BESIDE)
            references.append(askers.references())
            seconds += [_flip_and_wait(operator, number) for number in (1, made, 1)]
            operator.drop(made)
            time.sleep(_BESIDE)
    known = [{known[question] for known in references} for question, _ in askers.answers]
    mixed = sum(answer not in fitting for (_, answer), fitting in zip(askers.answers, known, strict=True))
    seen = [sum(answer == known[question] for question, answer in askers.answers) for known in references]
    return {
        "bench": "generation_swap",
        "chunks": chunks,
        "dimension": dimension,
        "questions": len(askers.milliseconds),
        "failed": len(askers.failures),
        "mixed": mixed,
        "answers_by_model": seen,
        "flip_seconds": seconds,
        "fill_chunks_per_s": round(rate, 1),
        "search": figures.spread(askers.milliseconds),
        "target_flip_s": TARGET_FLIP_SECONDS,
        "failures": sorted(set(askers.failures))[:3],
    }


def _flip_and_wait(operator: Operator, number: int) -> float:
    seconds = operator.flip(number)
    time.sleep(_BESIDE)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--chunks", type=int, default=1_000)
    parser.add_argument("--dimension", type=int, default=1024)
    options = parser.parse_args()
    report = measure(options.chunks, options.dimension)
    figures.say(
        f"{report['questions']} questions: {report['failed']} failed, {report['mixed']} mixed; "
        f"flips in {report['flip_seconds']} s"
    )
    figures.finish(report)


if __name__ == "__main__":
    main()
