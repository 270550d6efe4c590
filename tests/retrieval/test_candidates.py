"""How broadly the index of vectors is searched, and where codes are compared instead."""

import pytest

from retrieval._candidates import _are_coded, _breadth
from retrieval.models import Generation


@pytest.mark.parametrize(
    ("vectors", "breadth"), [(-1, 500), (100_000, 500), (200_000, 770), (1_000_000, 1_397), (10**10, 3_000)]
)
def test_a_larger_index_is_searched_more_broadly_as_far_as_it_goes(vectors: float, breadth: int) -> None:
    assert _breadth(vectors) == breadth


@pytest.mark.parametrize(
    ("vectors", "dimension", "are_coded"),
    [(0, 384, True), (-1, 384, True), (90_000, 384, True), (80_000, 384, False), (90_000, 255, False)],
)
def test_codes_are_for_people_who_see_less_than_half(vectors: float, dimension: int, are_coded: bool) -> None:
    generation = Generation(dimension=dimension)
    generation.vectors_about = vectors
    assert _are_coded(generation, 40_000) is are_coded
    assert not _are_coded(generation, 300_001)
