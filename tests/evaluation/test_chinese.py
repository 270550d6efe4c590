"""A set in Chinese through the real pipeline: words without gaps are found by their pairs of characters."""

from pathlib import Path

import pytest

from portal.evaluation.evalset import read_evalset
from portal.evaluation.services import evaluate
from retrieval.generations import ensure_first_generation

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
SET = Path(__file__).parents[1] / "evalsets" / "qinghe"


def test_chinese_is_found_even_where_the_model_knows_little_of_it() -> None:
    ensure_first_generation()
    report = evaluate(evalset=read_evalset(SET), with_answers=False, on_progress=lambda *_: None)
    assert (report.documents, report.not_indexed) == (13, {})
    hybrid, words = report.search["hybrid"], report.search["BM25 alone"]
    assert (words["ndcg@10"] or 0) > 0.9
    assert (hybrid["ndcg@10"] or 0) > 0.8
    assert (hybrid["recall@10"] or 0) > 0.95
    assert (hybrid["evidence_recall@5"] or 0) > 0.8
