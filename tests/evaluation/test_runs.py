"""Kept runs: what is stored of a report, and two of them side by side."""

import pytest

from portal.evaluation.comparing import compare_runs
from portal.evaluation.judging import Result
from portal.evaluation.runs import get_run, keep_run, results_of
from portal.evaluation.services import Report
from retrieval.errors import InvalidInputError, NotVisibleError
from tests import factories

pytestmark = pytest.mark.django_db


def result(key: str, worth: float | None, *, state: str = "", is_right: bool | None = None) -> Result:
    return Result(
        key=key,
        question=f"{key}?",
        tags=("short",),
        wanted={"a.txt": 1},
        found=("a.txt",),
        figures={} if worth is None else {"hybrid": {"ndcg@10": worth}},
        state=state,
        answer="Yes.",
        cited=(("a.txt", 1),),
        is_right=is_right,
        search_ms=5,
        answer_ms=None,
    )


def report(*results: Result) -> Report:
    return Report(
        name="small",
        fingerprint="f" * 64,
        model="a model",
        settings={"BM25_B": 0.75},
        documents=1,
        chunks=1,
        questions=len(results),
        ingest_seconds=0.5,
        not_indexed={},
        results=list(results),
    )


def test_a_run_is_kept_with_every_question() -> None:
    kept = keep_run(
        report=report(result("q1", 0.5), result("q2", None, state="refused", is_right=True)),
        config={"BM25_B": 0.75},
    )
    run = get_run(kept.pk)
    assert (run.name, run.model, run.settings, run.config) == (
        "small",
        "a model",
        {"BM25_B": 0.75},
        {"BM25_B": 0.75},
    )
    assert [(row.key, row.wanted, row.cited) for row in results_of(run)] == [
        ("q1", {"a.txt": 1}, [["a.txt", 1]]),
        ("q2", {"a.txt": 1}, [["a.txt", 1]]),
    ]


def test_wrong_answers_and_poor_rankings_come_first() -> None:
    run = keep_run(
        report=report(
            result("good", 1.0, state="answered", is_right=True),
            result("poor", 0.1, state="answered", is_right=True),
            result("wrong", 1.0, state="answered", is_right=False),
        ),
        config={},
    )
    assert [row.key for row in results_of(run)] == ["wrong", "poor", "good"]


def test_two_runs_are_compared_by_the_ids_of_questions() -> None:
    before = keep_run(report=report(result("q1", 1.0), result("q2", 0.2), result("gone", 0.2)), config={})
    after = keep_run(report=report(result("q2", 0.7), result("q1", 0.9)), config={})
    compared = compare_runs(before=before, after=after)
    assert [(one.before.key, one.difference) for one in compared.questions] == [("q1", -0.1), ("q2", 0.5)]
    assert (compared.better, compared.worse, compared.equal, compared.only_in_one) == (1, 1, 0, 1)
    assert compared.is_same_set
    assert compared.chance == 1


def test_an_answer_that_became_wrong_is_a_change_even_with_the_same_documents() -> None:
    before = keep_run(report=report(result("q1", 1.0, state="answered", is_right=True)), config={})
    after = keep_run(report=report(result("q1", 1.0, state="answered", is_right=False)), config={})
    assert [one.is_changed for one in compare_runs(before=before, after=after).questions] == [True]
    assert [one.is_changed for one in compare_runs(before=before, after=before).questions] == [False]


def test_what_cannot_be_compared_or_is_missing_is_said() -> None:
    with pytest.raises(NotVisibleError):
        get_run(999_999)
    with pytest.raises(InvalidInputError, match="no question in common"):
        compare_runs(before=factories.evaluation_run(worth=()), after=factories.evaluation_run())
