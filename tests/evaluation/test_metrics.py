"""The figures, against values worked out by hand."""

import math

import pytest

from portal.evaluation import metrics

GRADES = {"a": 3.0, "b": 1.0}


def test_ndcg_has_linear_gain() -> None:
    assert metrics.ndcg(["a", "b"], GRADES) == 1
    ideal = 3 + 1 / math.log2(3)
    assert metrics.ndcg(["b", "x", "a"], GRADES) == pytest.approx((1 + 3 / 2) / ideal)
    assert metrics.ndcg(["x"] * 10 + ["a"], GRADES) == 0
    assert metrics.ndcg(["a"], {}) == 0


def test_reciprocal_rank_is_of_the_first_relevant_document() -> None:
    assert metrics.reciprocal_rank(["x", "b", "a"], GRADES) == 0.5
    assert metrics.reciprocal_rank(["x"], GRADES) == 0


def test_recall_is_a_share_of_the_relevant_documents() -> None:
    assert metrics.recall(["x", "b"], GRADES) == 0.5
    assert metrics.recall(["x"] * 10 + ["a"], GRADES) == 0


def test_sentences_are_found_whatever_their_case_and_white_space() -> None:
    assert metrics.share_found(["One  two", "three"], ["zero ONE\ntwo."]) == 0.5
    assert metrics.share_found([], ["x"]) == 0


def test_f1_and_percentiles_of_nothing_are_zero() -> None:
    assert metrics.harmonic(0.5, 1) == pytest.approx(2 / 3)
    assert metrics.harmonic(0, 0) == 0
    assert metrics.percentiles([]) == {"p50_ms": 0.0, "p95_ms": 0.0}
    assert metrics.percentiles([10, 20, 30])["p50_ms"] == 20


def test_a_split_that_chance_makes_often_is_told_from_one_that_it_seldom_makes() -> None:
    assert metrics.sign_test(0, 0) == metrics.sign_test(5, 5) == 1
    assert metrics.sign_test(10, 0) == pytest.approx(2 / 1024)
    assert metrics.sign_test(3, 1) == pytest.approx(10 / 16)
