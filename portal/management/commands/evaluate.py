"""Measure search and answers on an evaluation set."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.evaluation.evalset import EvalSetError, read_evalset
from portal.evaluation.scratch import scratch_portal
from portal.evaluation.services import Report, evaluate
from portal.management.progress import Progress, table


class Command(BaseCommand):
    help = "Add a set's documents to a throw-away portal, ask its questions, and print how good that was."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="an evaluation set; docs/admin-guide.md has the format")
        parser.add_argument("--search-only", action="store_true", help="do not answer the questions")
        parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
        parser.add_argument(
            "--rows", type=Path, metavar="FILE", help="write a line of JSON for each question"
        )

    def handle(self, *, folder: Path, search_only: bool, rows: Path | None, **options: Any) -> None:
        try:
            evalset = read_evalset(folder)
        except EvalSetError as error:
            raise CommandError(str(error)) from error
        with scratch_portal():
            report = evaluate(evalset=evalset, with_answers=not search_only, on_progress=self._progress())
        if rows is not None:
            rows.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in report.rows))
        self.stdout.write(_as_text(report))
        if options["json"]:
            self.stdout.write(json.dumps({"bench": "evaluate"} | _figures(report)))

    def _progress(self) -> Callable[[str, int, int], None]:
        bars: dict[str, Progress] = {}

        def show(label: str, done: int, total: int) -> None:
            bar = bars.setdefault(label, Progress(sys.stderr, label, total))
            bar.show(done)
            if done == total:
                bar.end()

        return show


def _figures(report: Report) -> dict[str, Any]:
    figures = asdict(report)
    del figures["rows"]
    return figures


def _as_text(report: Report) -> str:
    lines = [
        f"{report.name}: {report.documents} documents, {report.chunks} passages, "
        f"{report.questions} questions, indexed in {report.ingest_seconds:.1f} s"
    ]
    lines += [f"not indexed: {name}: {why}" for name, why in report.not_indexed.items()]
    columns = list(report.search["hybrid"])
    rows = [("", *columns)]
    rows += [
        (name, *(_shown(figures[column]) for column in columns)) for name, figures in report.search.items()
    ]
    lines += ["", table(rows)]
    if report.answers:
        lines += ["", table([(name, _shown(value)) for name, value in report.answers.items()])]
    timed = [
        (name, *(f"{key} {value:,.1f}" for key, value in spread.items()))
        for name, spread in report.timings.items()
    ]
    return "\n".join([*lines, "", table(timed)])


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
