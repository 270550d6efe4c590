"""An evaluation through the real pipeline, search and engine."""

from pathlib import Path

import pytest

from portal.evaluation.evalset import read_evalset
from portal.evaluation.services import evaluate
from retrieval.generations import ensure_first_generation
from tests.evaluation.sets import QUESTIONS, write_set

pytestmark = pytest.mark.django_db(transaction=True)


def test_search_and_answers_are_measured(tmp_path: Path) -> None:
    ensure_first_generation()
    steps: list[tuple[str, int, int]] = []
    report = evaluate(
        evalset=read_evalset(write_set(tmp_path / "set")),
        with_answers=True,
        on_progress=lambda label, done, total: steps.append((label, done, total)),
    )
    assert (report.documents, report.chunks, report.questions, report.not_indexed) == (2, 2, 2, {})
    assert list(report.search) == ["hybrid", "BM25 alone", "vectors alone"]
    assert report.search["hybrid"] == {
        "ndcg@10": 1,
        "mrr@10": 1,
        "recall@10": 1,
        "hit@1": 1,
        "evidence_recall@5": 1,
        "evidence_recall@10": 1,
    }
    assert report.answers["answer_hit"] == report.answers["refusal_f1"] == 1
    assert report.answers["answer_hit@2"] == report.answers["cited_document_precision"] == 1
    assert (report.answers["cited_retrieved"], report.answers["answerable_refused"]) == (1, 0)
    assert set(report.timings) == {"search", "answer"}
    assert steps[-1] == ("Asking", 2, 2)
    first, second = report.results
    assert (first.key, first.state, first.is_right) == ("q1", "answered", True)
    assert (second.key, second.state, second.is_right, second.cited) == ("q2", "refused", True, ())
    assert report.tags["warranty"]["questions"] == 1


def test_what_misses_counts_against_it(tmp_path: Path) -> None:
    """A question whose grades name the other document and whose answer stands nowhere."""
    ensure_first_generation()
    wrong = QUESTIONS[0] | {
        "documents": {"travel.txt": 1},
        "answers": ["36 months"],
        "evidence": ["Never said."],
    }
    report = evaluate(
        evalset=read_evalset(write_set(tmp_path / "set", [wrong])),
        with_answers=True,
        on_progress=lambda *_: None,
    )
    assert report.search["hybrid"]["mrr@10"] == 0.5
    assert report.search["hybrid"]["evidence_recall@10"] == 0
    assert report.answers["answer_hit"] == report.answers["cited_document_precision"] == 0
    assert "refusal_f1" not in report.answers


def test_a_document_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    ensure_first_generation()
    folder = write_set(tmp_path / "set")
    (folder / "documents" / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing more")
    (folder / "documents" / "empty.txt").write_bytes(b"")
    report = evaluate(evalset=read_evalset(folder), with_answers=False, on_progress=lambda *_: None)
    assert set(report.not_indexed) == {"broken.pdf", "empty.txt"}
    assert report.answers == {}
