"""Two lists become one: convex or by reciprocal ranks, with a weight that may differ by collection."""

import pytest
from django.test import override_settings

from retrieval._candidates import Candidate
from retrieval.fusion import DenseWeight, fuse

BOTH, WORDS, MEANING = (
    Candidate((1, 1, 0), 8.0, 0.7),
    Candidate((1, 2, 0), 10.0, 0.1),
    Candidate((2, 3, 0), 0.0, 0.9),
)
HALF = DenseWeight(0.5)


def scores(weight: DenseWeight = HALF) -> dict[Candidate, float]:
    return {one: round(score, 4) for one, score in fuse([WORDS, BOTH, MEANING], weight=weight)}


def test_convex_is_a_share_of_both_normalised_scores() -> None:
    assert scores() == {BOTH: 0.775, WORDS: 0.5, MEANING: 0.5}
    assert list(scores(DenseWeight(0.2)))[:2] == [WORDS, BOTH]
    assert list(scores(DenseWeight(0.0))) == [WORDS, BOTH, MEANING]
    assert fuse([], weight=HALF) == []


def test_words_count_less_where_no_passage_has_most_of_them() -> None:
    ranked = dict(fuse([WORDS, BOTH, MEANING], weight=HALF, upper_bound=20.0))
    assert ranked == pytest.approx({MEANING: 0.5, BOTH: 0.5 * 8 / 20 + 0.375, WORDS: 0.25})
    assert dict(fuse([WORDS, BOTH, MEANING], weight=HALF, upper_bound=5.0))[WORDS] == 0.5, "never over 1"


def test_a_collection_may_have_a_weight_of_its_own() -> None:
    assert scores(DenseWeight(0.5, {2: 0.0}))[MEANING] == 0.0
    assert scores(DenseWeight(0.5, {2: 1.0}))[MEANING] == 1.0


@override_settings(SEARCH_FUSION="rrf", SEARCH_RRF_K=60)
def test_reciprocal_ranks() -> None:
    first, second, third = 1.0, 61 / 62, 61 / 63
    assert scores() == pytest.approx(
        {BOTH: (second + second) / 2, WORDS: (first + third) / 2, MEANING: first / 2}, abs=1e-4
    )
    assert list(scores()) == [WORDS, BOTH, MEANING]
    assert list(scores(DenseWeight(1.0))) == [MEANING, BOTH, WORDS]


@override_settings(SEARCH_FUSION="rrf", SEARCH_RRF_K=0)
def test_reciprocal_ranks_go_as_far_as_the_lists() -> None:
    many = [Candidate((1, 1, number), 200.0 - number, number / 200) for number in range(200)]
    ranked = dict(fuse(many, weight=HALF))
    assert ranked[many[0]] == ranked[many[199]] == 0.5, "each is in one list alone, and its first"
    assert ranked[many[99]] == pytest.approx((1 / 100) / 2)
    assert all(0 < score <= 1 for score in ranked.values())
