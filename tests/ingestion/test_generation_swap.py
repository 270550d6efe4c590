"""Questions all the time, while a generation is added, filled, flipped to, flipped back from and dropped."""

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from django.db import connections

from ingestion import generations, pipeline
from ingestion.documents import add_document
from llm.embedding import Embedder
from portal.accounts.models import User
from retrieval.generations import embedder_of, ensure_first_generation, serving_generation
from retrieval.models import Chunk, Generation
from retrieval.search import SearchResults, search
from tests import factories
from tests.fakes.embedding_server import FakeEmbeddings

pytestmark = pytest.mark.django_db(transaction=True)
QUESTIONS = [f"Where is part {number} of the kettle kept?" for number in range(7)]
_ROUNDING = 0.005  # half floats, and the model's bfloat16 in batches of other sizes
_MOST_SECONDS = 1.0


class Askers:
    """Threads that ask without a pause; what each answer was, and what went wrong."""

    def __init__(self, user: User) -> None:
        self._user = user
        self._over = threading.Event()
        self.answers: list[tuple[str, SearchResults]] = []
        self.failures: list[str] = []

    @contextmanager
    def asking(self, threads: int = 3) -> Iterator[None]:
        running = [threading.Thread(target=self._ask, args=(number,)) for number in range(threads)]
        for one in running:
            one.start()
        try:
            yield
        finally:
            self._over.set()
            for one in running:
                one.join()

    def _ask(self, number: int) -> None:
        while not self._over.is_set():
            question = QUESTIONS[number % len(QUESTIONS)]
            number += 1
            try:
                self.answers.append((question, search(user=self._user, query=question)))
            except Exception as error:  # noqa: BLE001 - whatever it is, the test tells it
                self.failures.append(repr(error))
        connections.close_all()

    def wait_for(self, generation: Generation) -> None:
        """Return when some answers have come from a generation."""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            if [one.generation_id for _, one in self.answers[-6:]] == [generation.pk] * 6:
                return
            time.sleep(0.02)
        raise AssertionError(f"no answers from {generation}")

    def mixed(self, models: dict[int, Embedder], context: dict[str, str]) -> list[str]:
        """Return the hits whose similarity is not what one model says of question and passage."""
        texts = sorted({hit.text for _, one in self.answers for hit in one.hits})
        wrong = []
        for generation_id, model in models.items():
            vectors = model.embed_passages([f"{context[text]}\n{text}".lstrip() for text in texts])
            passages = dict(zip(texts, vectors, strict=True))
            questions = {one: model.embed_query(one) for one in QUESTIONS}
            for question, results in self.answers:
                for hit in results.hits if results.generation_id == generation_id else ():
                    told = float(np.dot(questions[question], passages[hit.text]))
                    if abs(told - hit.similarity) > _ROUNDING:
                        wrong.append(f"{question} {hit.text}: {hit.similarity} instead of {told}")
        return wrong


@pytest.mark.parametrize("dimension", [384, 1024])
def test_no_question_fails_and_no_answer_is_mixed(dimension: int) -> None:
    first = ensure_first_generation()
    alice = factories.user("alice@example.com")
    plans = factories.collection("Plans", owner=factories.team("Blue", managers=[alice]))
    passages = [f"Part {number} of the kettle is kept on shelf {number * 7}." for number in range(150)]
    factories.searchable_document(plans, passages=passages, name="parts.txt")
    askers = Askers(alice)
    with FakeEmbeddings(dimension).running() as server:
        with askers.asking():
            made = generations.add_generation(model="fake", base_url=server.base_url, max_tokens=4000)
            content = io.BytesIO(b"The lid of the kettle is kept on shelf 1.")
            add_document(user=alice, collection=plans, name="lid.txt", content=content)
            while pipeline.work_on_next():
                pass
            models = {one.pk: embedder_of(one) for one in (first, made)}
            seconds = [flip(made)]
            askers.wait_for(made)
            seconds.append(flip(first))
            askers.wait_for(first)
            seconds += [flip(one) for one in (made, first, made, first)]
            generations.drop_generation(generation=made)
            before = len(askers.answers)
            askers.wait_for(first)
            while len(askers.answers) < before + 20:
                time.sleep(0.02)
        context = dict(Chunk.objects.values_list("text", "context"))
        mixed = askers.mixed(models, context)
    assert askers.failures == []
    assert mixed == []
    assert all(results.hits for _, results in askers.answers)
    assert {results.generation_id for _, results in askers.answers} == {first.pk, made.pk}
    assert max(seconds) < _MOST_SECONDS
    assert serving_generation() == first


def flip(generation: Generation) -> float:
    began = time.monotonic()
    generations.flip_to(generation=generation)
    return time.monotonic() - began
