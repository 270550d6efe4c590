"""How broadly the index of vectors is searched."""

import pytest

from retrieval._candidates import _breadth


@pytest.mark.parametrize(
    ("vectors", "breadth"), [(-1, 500), (100_000, 500), (200_000, 770), (1_000_000, 1_397), (10**10, 3_000)]
)
def test_a_larger_index_is_searched_more_broadly_as_far_as_it_goes(vectors: float, breadth: int) -> None:
    assert _breadth(vectors) == breadth
