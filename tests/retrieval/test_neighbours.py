"""What stands beside the best hits is read through the access rule, and only what was not found anyway."""

import pytest

from retrieval.neighbours import neighbours_of
from retrieval.search import search
from tests import factories

PASSAGES = [f"Chapter {number} is about the number {number} and nothing else." for number in range(1, 7)]


@pytest.mark.django_db
def test_neighbours_of_the_best() -> None:
    alice, charlie = factories.user(), factories.user()
    shelf = factories.collection(owner=factories.team(managers=[alice]))
    factories.searchable_document(shelf, passages=PASSAGES)
    hits = [hit for hit in search(user=alice, query="chapter 3", limit=20).hits if hit.ordinal in {2, 3}]
    beside = neighbours_of(user=alice, hits=hits)
    assert sorted(hit.ordinal for hit in beside) == [1, 4]
    assert [hit.text for hit in beside if hit.ordinal == 1] == [PASSAGES[1]]
    assert all(hit.score == 0 for hit in beside)
    assert neighbours_of(user=charlie, hits=hits) == ()
