"""A search with a reranker: its order where it answers, the search's own order and a notice where not."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from portal.accounts.models import User
from retrieval.models import Collection
from retrieval.reranking import DOWN, LATE, warm_up
from retrieval.search import SearchResults, search
from tests import factories
from tests.fakes.rerank_server import FakeRerankServer

pytestmark = pytest.mark.django_db

PASSAGES = [f"Rule {number} of the travel policy is about {word}." for number, word in enumerate("abcdef")]
QUERY = "travel policy about e."


@pytest.fixture
def reranker(settings: Settings) -> Iterator[FakeRerankServer]:
    with FakeRerankServer().running() as server:
        settings.RERANKER_MODEL, settings.RERANKER_BASE_URL = "fake", server.base_url
        yield server


def found(user: User, limit: int = 10) -> SearchResults:
    return search(user=user, query=QUERY, limit=limit)


def texts(results: SearchResults) -> list[str]:
    return [hit.text for hit in results.hits]


def test_the_reranker_decides_the_order(
    people: tuple[User, User], handbook: Collection, reranker: FakeRerankServer
) -> None:
    results = found(people[0])
    assert results.hits[0].text == PASSAGES[4]
    assert results.notice == ""
    (asked,) = reranker.requests
    assert asked["query"] == QUERY
    assert sorted(asked["documents"]) == [f"Staff handbook\n{text}" for text in PASSAGES]
    scores = [hit.score for hit in results.hits]
    assert scores == sorted(scores, reverse=True)
    assert 0.5 <= scores[-1] < scores[0] == 1.0
    assert "rank" in results.timings


def test_nothing_hidden_is_sent_to_the_reranker(
    people: tuple[User, User], handbook: Collection, reranker: FakeRerankServer
) -> None:
    hidden = factories.collection("Hidden", owner=people[1].memberships.get().team)
    factories.searchable_document(hidden, passages=["A secret travel policy about e."])
    factories.searchable_document(handbook, passages=["Narrowed travel policy about e."], narrowed_to=[])
    found(people[0])
    assert len(reranker.requests[0]["documents"]) == len(PASSAGES)
    reranker.requests.clear()
    assert [hit.text for hit in found(people[1]).hits] == ["A secret travel policy about e."]
    assert len(reranker.requests[0]["documents"]) == 1


def test_without_the_reranker_the_order_is_the_searchs_own_and_it_is_said(
    people: tuple[User, User], handbook: Collection, reranker: FakeRerankServer, settings: Settings
) -> None:
    settings.RERANKER_MODEL = ""
    plain = found(people[0])
    settings.RERANKER_MODEL = "fake"
    reranker.status = 500
    down = found(people[0])
    assert (texts(down), down.notice) == (texts(plain), DOWN)
    assert [hit.score for hit in down.hits] == [hit.score for hit in plain.hits]
    reranker.status, reranker.body = 200, b'{"results": "nonsense"}'
    assert found(people[0]).notice == DOWN
    reranker.body, reranker.delay, settings.RERANKER_BUDGET_MS = None, 1.0, 50
    assert found(people[0]).notice == LATE
    asked = len(reranker.requests)
    reranker.delay = 0.0
    assert found(people[0]).notice == DOWN, "three failures open the breaker"
    assert len(reranker.requests) == asked


def test_it_is_loaded_before_anybody_waits_for_it(reranker: FakeRerankServer) -> None:
    warm_up()
    warm_up()
    assert [asked["query"] for asked in reranker.requests] == ["ready"]


def test_what_is_beyond_the_top_stays_below(
    people: tuple[User, User],
    handbook: Collection,
    reranker: FakeRerankServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("retrieval.reranking.TOP", 3)
    results = found(people[0])
    assert len(reranker.requests[0]["documents"]) == 3
    assert len(results.hits) == len(PASSAGES)
    assert results.hits[2].score >= 0.5 >= results.hits[3].score
