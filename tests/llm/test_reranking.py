"""Rerankers, local and remote: their numbers in the order of the texts, in time, or a typed error."""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from llm.breaker import Breaker
from llm.errors import RerankError
from llm.providers.local_reranker import LocalReranker
from llm.providers.rerank_server import RerankServer
from llm.reranking import Reranker, RerankerSpec, load_reranker
from tests.fakes.rerank_server import FakeRerankServer
from tests.fakes.reranker_model import write_reranker

TEXTS = ["Soup is served at noon.", "The kettle has a warranty of two years.", "A warranty", "soup " * 700]
QUERY = "warranty of the kettle"


class Slow(Reranker):
    """Takes as long as it is told to."""

    seconds = 0.0

    def _score(self, query: str, texts: Sequence[str], *, deadline: float) -> Sequence[float]:
        time.sleep(self.seconds)
        return [1.0] * len(texts)


@pytest.fixture
def fake() -> Iterator[FakeRerankServer]:
    with FakeRerankServer().running() as running:
        yield running


def server(fake: FakeRerankServer, key: str = "") -> RerankServer:
    return RerankServer(RerankerSpec("server", "fake", base_url=fake.base_url, api_key=key))


def test_a_cross_encoder_gives_each_text_its_number(tmp_path: Path) -> None:
    spec = RerankerSpec("local", write_reranker(tmp_path, words=" ".join(TEXTS)))
    model = load_reranker(spec)
    assert isinstance(model, LocalReranker)
    scores = model.score(QUERY, TEXTS, seconds=60)
    assert len(set(scores)) == len(TEXTS)
    alone = [model.score(QUERY, [text], seconds=60)[0] for text in TEXTS]
    assert scores == pytest.approx(alone, abs=1e-4)
    assert load_reranker(spec) is model
    assert model.score(QUERY, [], seconds=60) == []
    with pytest.raises(RerankError, match="in time") as caught:
        model._score(QUERY, TEXTS, deadline=0.0)
    assert caught.value.late


def test_a_model_that_is_no_reranker_is_refused(tmp_path: Path) -> None:
    two = write_reranker(tmp_path / "two", labels=2)
    with pytest.raises(RerankError, match="2 numbers"):
        LocalReranker(RerankerSpec("local", two)).score(QUERY, TEXTS, seconds=60)
    (tmp_path / "none").mkdir()
    with pytest.raises(RerankError, match="could not be loaded") as caught:
        LocalReranker(RerankerSpec("local", str(tmp_path / "none"))).score(QUERY, TEXTS, seconds=60)
    assert caught.value.permanent


def test_a_server_is_asked_once_and_answers_in_any_order(fake: FakeRerankServer) -> None:
    scores = server(fake, key="secret").score(QUERY, TEXTS, seconds=10)
    assert scores == [0.0, 1.0, 0.25, 0.0]
    assert fake.requests == [{"model": "fake", "query": QUERY, "documents": TEXTS, "top_n": 4}]
    assert (fake.paths, fake.keys) == (["/v1/rerank"], {"Bearer secret"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"results": null}',
        b'{"results": []}',
        b'{"results": [{"index": 0}]}',
        json.dumps({"results": [{"index": 0, "relevance_score": 1}]}).encode(),
        json.dumps({"results": [{"index": place, "relevance_score": "x"} for place in range(4)]}).encode(),
        json.dumps({"results": [{"index": place, "relevance_score": 1e999} for place in range(4)]}).encode(),
        b'{"results": "' + b"x" * (9 << 20) + b'"}',
    ],
    ids=range(10),
)
def test_an_answer_that_is_not_the_protocol(fake: FakeRerankServer, body: bytes) -> None:
    fake.body = body
    with pytest.raises(RerankError, match=r"protocol|a number each|more than numbers") as caught:
        server(fake).score(QUERY, TEXTS, seconds=10)
    assert not caught.value.late


@pytest.mark.parametrize(("status", "permanent"), [(500, False), (429, False), (401, True), (404, True)])
def test_an_error_of_the_server(fake: FakeRerankServer, status: int, *, permanent: bool) -> None:
    fake.status = status
    with pytest.raises(RerankError, match=f"status {status}") as caught:
        server(fake).score(QUERY, TEXTS, seconds=10)
    assert caught.value.permanent == permanent


@pytest.mark.parametrize("drips", [False, True])
def test_a_server_that_is_slow_costs_no_more_than_the_budget(fake: FakeRerankServer, *, drips: bool) -> None:
    fake.delay, fake.drips = 0.08 if drips else 6.0, drips
    began = time.monotonic()
    with pytest.raises(RerankError, match="in time") as caught:
        server(fake).score(QUERY, TEXTS, seconds=0.2)
    assert caught.value.late
    assert time.monotonic() - began < 4


def test_a_server_that_is_away() -> None:
    away = RerankServer(RerankerSpec("server", "away", base_url="http://127.0.0.1:9/v1"))
    with pytest.raises(RerankError, match="cannot be reached"):
        away.score(QUERY, TEXTS, seconds=10)


def test_what_fails_repeatedly_is_left_alone_and_tried_again() -> None:
    clock = [0.0]
    slow = Slow(RerankerSpec("local", "slow"), Breaker(failures=2, cool_down=5, clock=lambda: clock[0]))
    slow.seconds = 0.3
    for _ in range(2):
        with pytest.raises(RerankError, match="in time"):
            slow.score(QUERY, TEXTS, seconds=0.02)
    with pytest.raises(RerankError, match="left alone"):
        slow.score(QUERY, TEXTS, seconds=5)
    slow.seconds, clock[0] = 0.0, 6.0
    assert slow.score(QUERY, TEXTS, seconds=5) == [1.0] * 4
    assert slow.score(QUERY, TEXTS, seconds=5) == [1.0] * 4
