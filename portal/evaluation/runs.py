"""Runs that are kept. They tell of no document of the portal; their pages are for admins all the same."""

from collections.abc import Mapping
from dataclasses import asdict

from django.db import transaction
from django.db.models import QuerySet

from portal.evaluation.judging import HYBRID, LEADING
from portal.evaluation.models import EvaluatedQuestion, EvaluationRun
from portal.evaluation.services import Report
from retrieval.errors import NotVisibleError

_OF_RUN = {field.name for field in EvaluationRun._meta.concrete_fields} - {"id", "created_at", "config"}
_OF_QUESTION = {field.name for field in EvaluatedQuestion._meta.concrete_fields}


@transaction.atomic
def keep_run(*, report: Report, config: Mapping[str, object]) -> EvaluationRun:
    """Store a run with every question, and return it."""
    parts = {name: getattr(report, name) for name in _OF_RUN}
    run = EvaluationRun.objects.create(**parts, config=dict(config))
    EvaluatedQuestion.objects.bulk_create(
        [
            EvaluatedQuestion(
                run=run,
                ordinal=number,
                **{name: value for name, value in row.items() if name in _OF_QUESTION},
            )
            for number, row in enumerate(map(asdict, report.results))
        ],
        batch_size=500,
    )
    return run


def kept_runs() -> QuerySet[EvaluationRun]:
    """Return the runs, the newest first."""
    return EvaluationRun.objects.order_by("-created_at", "-pk")


def get_run(number: int) -> EvaluationRun:
    """Return a run by its number. Raises NotVisibleError where there is none."""
    found = EvaluationRun.objects.filter(pk=number).first()
    if found is None:
        raise NotVisibleError
    return found


def delete_run(*, run: EvaluationRun) -> None:
    """Remove a run with its questions and answers."""
    EvaluationRun.objects.filter(pk=run.pk).delete()


def results_of(run: EvaluationRun) -> list[EvaluatedQuestion]:
    """Return the questions of a run, the worst first, in the set's order where they are alike."""
    rows = list(EvaluatedQuestion.objects.filter(run=run).order_by("ordinal"))
    return sorted(rows, key=lambda row: (row.is_right is not False, _worth(row), row.ordinal))


def _worth(row: EvaluatedQuestion) -> float:
    return float(row.figures.get(HYBRID, {}).get(LEADING, 1.0))
