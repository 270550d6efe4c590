"""Measure search and answers on an evaluation set, and lay two measurements side by side."""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connections

from ingestion.generations import get_generation
from portal.evaluation.comparing import Comparison, compare_runs
from portal.evaluation.config import read_config
from portal.evaluation.evalset import EvalSetError, read_evalset
from portal.evaluation.judging import HYBRID, Figures
from portal.evaluation.runs import get_run, keep_run
from portal.evaluation.scratch import scratch_portal
from portal.evaluation.services import Report, evaluate
from portal.management.people import printable
from portal.management.progress import Progress, table
from retrieval.errors import InvalidInputError, NotVisibleError
from retrieval.models import Generation

_SHOWN = 20


class Command(BaseCommand):
    help = "Add a set's documents to a throw-away portal, ask its questions, and print how good that was."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "folder", type=Path, nargs="?", help="an evaluation set; docs/admin-guide.md has the format"
        )
        parser.add_argument("--search-only", action="store_true", help="do not answer the questions")
        parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
        parser.add_argument(
            "--questions", "--rows", type=Path, metavar="FILE", help="write a line of JSON for each question"
        )
        parser.add_argument(
            "--generation",
            type=int,
            metavar="G",
            help="embed with the model of this generation of the portal",
        )
        parser.add_argument(
            "--config",
            nargs="+",
            action="extend",
            default=[],
            metavar="NAME=VALUE",
            help="settings of search",
        )
        parser.add_argument(
            "--vectors",
            type=Path,
            metavar="FILE",
            help="keep vectors in this file, so that a run after a change embeds only what is new",
        )
        parser.add_argument("--not-kept", action="store_true", help="do not store the run in the portal")
        parser.add_argument(
            "--compare",
            nargs=2,
            type=int,
            metavar="RUN",
            help="lay two stored runs side by side, run nothing",
        )

    def handle(self, *, folder: Path | None, compare: list[int] | None, **options: Any) -> None:
        try:
            if compare:
                self._compare(*compare, as_json=options["json"])
            elif folder is None:
                raise CommandError("Name the folder of an evaluation set, or two runs with --compare.")
            else:
                self._evaluate(folder, options)
        except (EvalSetError, InvalidInputError) as error:
            raise CommandError(str(error)) from error

    def _evaluate(self, folder: Path, options: dict[str, Any]) -> None:
        config = read_config(options["config"])
        evalset = read_evalset(folder)
        generation = self._generation(options["generation"])
        with scratch_portal(generation=generation, config=config, vectors=options["vectors"]):
            report = evaluate(
                evalset=evalset, with_answers=not options["search_only"], on_progress=self._progress()
            )
        if options["questions"] is not None:
            lines = (json.dumps(_as_row(one), ensure_ascii=False) + "\n" for one in report.results)
            options["questions"].write_text("".join(lines), encoding="utf-8")
        self.stdout.write(_as_text(report))
        run = None if options["not_kept"] else self._keep(report, config)
        if options["json"]:
            figures = {name: value for name, value in vars(report).items() if name != "results"}
            self.stdout.write(json.dumps({"bench": "evaluate", "run": run, "config": config} | figures))

    def _generation(self, number: int | None) -> Generation | None:
        if number is None:
            return None
        try:
            return get_generation(number)
        except DatabaseError as error:
            raise CommandError(
                "--generation names one of the portal's, and its database cannot be reached. "
                "Start it, or name a model: --config EMBEDDING_MODEL=..."
            ) from error

    def _keep(self, report: Report, config: dict[str, Any]) -> int | None:
        """Store the run where the portal's database runs; the figures were printed either way."""
        try:
            run = keep_run(report=report, config=config)
        except DatabaseError as error:
            self.stdout.write(f"Not stored. {_without_portal(error)}.")
            with suppress(DatabaseError):
                connections["default"].close()
            return None
        self.stdout.write(f"stored as run {run.pk}")
        return run.pk

    def _compare(self, first: int, second: int, *, as_json: bool) -> None:
        try:
            compared = compare_runs(before=get_run(first), after=get_run(second))
        except NotVisibleError as error:
            raise CommandError(
                f"There are no runs {first} and {second}. /manage/evaluations lists them."
            ) from error
        except DatabaseError as error:
            raise CommandError(_without_portal(error)) from error
        self.stdout.write(_compared_as_text(compared))
        if as_json:
            self.stdout.write(json.dumps({"bench": "compare"} | _compared_as_json(compared)))

    def _progress(self) -> Callable[[str, int, int], None]:
        bars: dict[str, Progress] = {}

        def show(label: str, done: int, total: int) -> None:
            bar = bars.setdefault(label, Progress(sys.stderr, label, total))
            bar.show(done)
            if done == total:
                bar.end()

        return show


def _without_portal(error: DatabaseError) -> str:
    fault = str(error).splitlines()[0]
    return f"Runs are kept in the database of a portal that runs; `make up` starts one ({fault})"


def _as_row(result: Any) -> dict[str, Any]:
    row = asdict(result)
    return {"id": row.pop("key")} | row | {"ndcg@10": row["figures"].get(HYBRID, {}).get("ndcg@10")}


def _as_text(report: Report) -> str:
    lines = [
        f"{report.name}: {report.documents} documents, {report.chunks} passages, "
        f"{report.questions} questions, indexed in {report.ingest_seconds:.1f} s"
    ]
    lines += [f"not indexed: {printable(name)}: {why}" for name, why in report.not_indexed.items()]
    lines += ["", _by_name(report.search)]
    if report.tags:
        lines += ["", _by_name(report.tags)]
    if report.answers:
        lines += ["", table([(name, _shown(value)) for name, value in report.answers.items()])]
    timed = [
        (name, *(f"{key} {value:,.1f}" for key, value in spread.items()))
        for name, spread in report.timings.items()
    ]
    return "\n".join([*lines, "", table(timed)])


def _by_name(rows: dict[str, Figures]) -> str:
    """Return a table with a line for each row and a column for each figure that one of them has."""
    columns = list(dict.fromkeys(name for figures in rows.values() for name in figures))
    body = [(name, *(_shown(figures.get(column)) for column in columns)) for name, figures in rows.items()]
    return table([("", *columns), *body])


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}".replace(".000", "") if value > 1 else f"{value:.3f}"


def _compared_as_text(compared: Comparison) -> str:
    rows = [("", "", f"run {compared.before.pk}", f"run {compared.after.pk}", "difference")]
    rows += [
        (
            one.group,
            one.name,
            _shown(one.before),
            _shown(one.after),
            "-" if one.difference is None else f"{one.difference:+.3f}",
        )
        for one in compared.figures
    ]
    lines = [table(rows), "", _verdict(compared)]
    lines += [f"{name}: {before} -> {after}" for name, before, after in compared.settings]
    if not compared.is_same_set:
        lines.append("The two runs are of different sets, or of one that was changed between them.")
    changed = [one for one in compared.questions if one.is_changed]
    lines += [
        f"{one.difference:+.3f}  {printable(one.before.key)}  {printable(one.before.question)}"
        for one in changed[:_SHOWN]
    ]
    if len(changed) > _SHOWN:
        lines.append(f"and {len(changed) - _SHOWN} more that differ: /manage/evaluations shows all")
    return "\n".join(lines)


def _verdict(compared: Comparison) -> str:
    only = f", {compared.only_in_one} only in one" if compared.only_in_one else ""
    return (
        f"{compared.better} questions better, {compared.worse} worse, {compared.equal} the same{only}; "
        f"a split as uneven comes about by chance in {compared.chance:.0%} of cases"
    )


def _compared_as_json(compared: Comparison) -> dict[str, Any]:
    return {
        "before": compared.before.pk,
        "after": compared.after.pk,
        "is_same_set": compared.is_same_set,
        "better": compared.better,
        "worse": compared.worse,
        "equal": compared.equal,
        "only_in_one": compared.only_in_one,
        "chance": round(compared.chance, 4),
        "settings": {name: [before, after] for name, before, after in compared.settings},
        "figures": [asdict(one) | {"difference": one.difference} for one in compared.figures],
        "questions": [
            {"id": one.before.key, "difference": one.difference, "found": [one.before.found, one.after.found]}
            for one in compared.questions
            if one.is_changed
        ],
    }
