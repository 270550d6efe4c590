"""Two runs side by side, question by question."""

from collections.abc import Sequence
from dataclasses import dataclass

from portal.evaluation import metrics
from portal.evaluation.judging import HYBRID, LEADING, Figures
from portal.evaluation.models import EvaluatedQuestion, EvaluationRun
from retrieval.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class FigureChange:
    """A figure of both runs; `difference` is None where one of them lacks it."""

    group: str
    name: str
    before: float | None
    after: float | None

    @property
    def difference(self) -> float | None:
        if self.before is None or self.after is None:
            return None
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class QuestionChange:
    """A question of both runs; `difference` is that of its ndcg@10, 0 where it has none."""

    before: EvaluatedQuestion
    after: EvaluatedQuestion
    difference: float

    @property
    def is_changed(self) -> bool:
        """Whether anything that a reader sees is different: documents, the answer's state or its worth."""
        first, second = self.before, self.after
        return (
            self.difference != 0
            or first.found != second.found
            or (first.state, first.is_right) != (second.state, second.is_right)
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, the questions that both have in the order lost, gained, equal, and what else differs.

    `chance` is how often as uneven a split into better and worse questions comes about by chance alone.
    """

    before: EvaluationRun
    after: EvaluationRun
    figures: tuple[FigureChange, ...]
    questions: tuple[QuestionChange, ...]
    only_in_one: int
    settings: tuple[tuple[str, object, object], ...]

    @property
    def is_same_set(self) -> bool:
        return self.before.fingerprint == self.after.fingerprint

    @property
    def better(self) -> int:
        return sum(one.difference > 0 for one in self.questions)

    @property
    def worse(self) -> int:
        return sum(one.difference < 0 for one in self.questions)

    @property
    def equal(self) -> int:
        return len(self.questions) - self.better - self.worse

    @property
    def chance(self) -> float:
        return metrics.sign_test(self.better, self.worse)


def compare_runs(*, before: EvaluationRun, after: EvaluationRun) -> Comparison:
    """Return two runs side by side, question by question. Raises InvalidInputError without a common one."""
    first, second = (
        {row.key: row for row in EvaluatedQuestion.objects.filter(run=run).order_by("ordinal")}
        for run in (before, after)
    )
    common = [
        QuestionChange(row, second[key], _difference(row, second[key]))
        for key, row in first.items()
        if key in second
    ]
    if not common:
        raise InvalidInputError(
            f"{before} and {after} have no question in common. Choose two runs of the same set."
        )
    return Comparison(
        before=before,
        after=after,
        figures=tuple(_figures(before, after)),
        questions=tuple(sorted(common, key=_lost_first)),
        only_in_one=len(first.keys() ^ second.keys()),
        settings=tuple(_settings(before, after)),
    )


def _difference(before: EvaluatedQuestion, after: EvaluatedQuestion) -> float:
    first, second = (row.figures.get(HYBRID, {}).get(LEADING) for row in (before, after))
    return 0.0 if first is None or second is None else round(second - first, 6)


def _lost_first(change: QuestionChange) -> tuple[int, bool, float, int]:
    group = 0 if change.difference < 0 else 1 if change.difference > 0 else 2
    return group, not change.is_changed, -abs(change.difference), change.before.ordinal


def _figures(before: EvaluationRun, after: EvaluationRun) -> list[FigureChange]:
    groups: Sequence[tuple[str, Figures, Figures]] = [
        *((name, before.search.get(name, {}), figures) for name, figures in after.search.items()),
        ("answers", before.answers, after.answers),
        *((f"{name}, ms", before.timings.get(name, {}), spread) for name, spread in after.timings.items()),
    ]
    return [
        FigureChange(group, name, first.get(name), second.get(name))
        for group, first, second in groups
        for name in dict.fromkeys([*first, *second])
    ]


def _settings(before: EvaluationRun, after: EvaluationRun) -> list[tuple[str, object, object]]:
    first, second = ({"model": run.model} | run.settings for run in (before, after))
    return [
        (name, first.get(name), second.get(name))
        for name in sorted(first.keys() | second.keys())
        if first.get(name) != second.get(name)
    ]
