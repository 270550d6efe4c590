"""A passage counts with those beside it, as far as these are known."""

from collections.abc import Sequence

import pytest

from retrieval._candidates import Candidate, Passage
from retrieval.surroundings import with_surroundings

ONE, TWO, ALONE = (
    Candidate((1, 1, 0), 0.0, 0.0),
    Candidate((1, 1, 1), 0.0, 0.0),
    Candidate((1, 2, 0), 0.0, 0.0),
)


def nothing(passages: Sequence[Passage]) -> list[float]:
    return [0.0 for _ in passages]


def test_a_passage_beside_a_good_one_is_lifted_and_one_alone_stays() -> None:
    ranked = dict(with_surroundings([(ONE, 0.8), (ALONE, 0.5), (TWO, 0.4)], bm25=nothing))
    assert ranked == pytest.approx({ONE: 0.8 - 0.35 * 0.2, ALONE: 0.5, TWO: 0.4 + 0.35 * 0.2})


def test_of_two_alike_the_one_among_its_like_comes_first() -> None:
    far = Candidate((1, 3, 5), 0.0, 0.0)
    ranked = with_surroundings([(far, 0.6), (TWO, 0.6), (ONE, 0.6), (ALONE, 0.1)], bm25=nothing)
    assert [candidate for candidate, _ in ranked] == [ONE, TWO, far, ALONE]


def test_a_passage_that_follows_counts_as_the_last_where_it_has_a_term_of_the_question() -> None:
    def second_of_two(passages: Sequence[Passage]) -> list[float]:
        return [float(passage == (2, 1)) for passage in passages]

    ranked = dict(with_surroundings([(ALONE, 0.9), (ONE, 0.3)], bm25=second_of_two))
    assert ranked == pytest.approx({ALONE: 0.9 - 0.35 * 0.3, ONE: 0.3})
    assert with_surroundings([], bm25=nothing) == []
