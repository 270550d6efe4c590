"""How good are search and answers on a set of questions? The real pipeline, search and engine are asked."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from ingestion.documents import add_document
from ingestion.models import IngestionJob
from ingestion.pipeline import work_on_next
from portal.accounts.models import Team, User
from portal.accounts.teams import create_team
from portal.answers.services import answer_now, ask
from portal.evaluation import judging, metrics
from portal.evaluation.config import in_effect
from portal.evaluation.evalset import EvalQuestion, EvalSet
from portal.evaluation.judging import Asked, Figures, Keys, Result
from retrieval.collections import create_collection
from retrieval.errors import InvalidInputError
from retrieval.generations import serving_generation
from retrieval.models import Chunk, Collection, Document
from retrieval.search import search

_DEPTH = 100
_ASKER = "evaluation@example.com"

Progress = Callable[[str, int, int], None]


@dataclass
class Report:
    """What a run came to: figures by ranking and of answers, timings in ms, and every question, judged."""

    name: str
    fingerprint: str
    model: str
    settings: dict[str, object]
    documents: int
    chunks: int
    questions: int
    ingest_seconds: float
    not_indexed: dict[str, str]
    search: dict[str, Figures] = field(default_factory=dict)
    tags: dict[str, Figures] = field(default_factory=dict)
    answers: Figures = field(default_factory=dict)
    timings: dict[str, dict[str, float]] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)


def evaluate(*, evalset: EvalSet, with_answers: bool, on_progress: Progress) -> Report:
    """Add a set's documents to the portal at hand, ask every question, and return the figures.

    Meant for an empty, throw-away portal: see `portal.evaluation.scratch`.
    """
    asker = User.objects.create_user(email=_ASKER, is_admin=True)
    collection = _collection(asker, evalset)
    report, keys = _ingest(asker, collection, evalset, on_progress)
    for number, question in enumerate(evalset.questions):
        on_progress("Asking", number, len(evalset.questions))
        asked = _ask(asker, collection, question, with_answers=with_answers)
        report.results.append(judging.judge(asked, keys=keys))
    on_progress("Asking", len(evalset.questions), len(evalset.questions))
    _sum_up(report)
    return report


def _collection(asker: User, evalset: EvalSet) -> Collection:
    team: Team = create_team(user=asker, name="Evaluation")
    return create_collection(user=asker, title="Evaluation", owner_team=team, language=evalset.language)


def _ingest(
    asker: User, collection: Collection, evalset: EvalSet, on_progress: Progress
) -> tuple[Report, Keys]:
    began = time.monotonic()
    added, refused = _add(asker, collection, evalset, on_progress)
    done, total = 0, len(added)
    while work_on_next():
        done += 1
        on_progress("Indexing", min(done, total), total)
    jobs = IngestionJob.objects.select_related("version__document")
    failed = {
        job.document_version.document.name: f"{job.state}: {job.message}"
        for job in jobs.exclude(state=IngestionJob.State.INDEXED)
    }
    report = Report(
        name=evalset.name,
        fingerprint=evalset.fingerprint,
        model=serving_generation().model,
        settings=in_effect(),
        documents=len(evalset.documents),
        chunks=Chunk.objects.filter(collection=collection).count(),
        questions=len(evalset.questions),
        ingest_seconds=round(time.monotonic() - began, 1),
        not_indexed=refused | failed,
    )
    return report, _keys(added)


def _add(
    asker: User, collection: Collection, evalset: EvalSet, on_progress: Progress
) -> tuple[dict[UUID, str], dict[str, str]]:
    """Add the documents; return the ids in the set of those that were taken, and why others were not."""
    added, refused = {}, {}
    for number, document in enumerate(evalset.documents, 1):
        on_progress("Adding", number, len(evalset.documents))
        try:
            with document.open() as content:
                kept = add_document(user=asker, collection=collection, name=document.name, content=content)
                added[kept.document.pk] = document.key
        except InvalidInputError as error:
            refused[document.name] = str(error)
    return added, refused


def _keys(added: dict[UUID, str]) -> Keys:
    """Return the set's id for each document; what came out of one counts as that one."""
    return {
        document_id: added[ancestors[0] if ancestors else document_id]
        for document_id, ancestors in Document.objects.values_list("pk", "ancestors")
    }


def _ask(asker: User, collection: Collection, question: EvalQuestion, *, with_answers: bool) -> Asked:
    began = time.perf_counter()
    found = search(user=asker, query=question.question, collections=[collection.slug], limit=2 * _DEPTH)
    searched = time.perf_counter()
    search_ms = (searched - began) * 1000
    if not with_answers:
        return Asked(question, found.hits, search_ms)
    kept = ask(user=asker, text=question.question, collections=[collection.slug])
    answer = answer_now(user=asker, question=kept)
    return Asked(question, found.hits, search_ms, answer, (time.perf_counter() - searched) * 1000)


def _sum_up(report: Report) -> None:
    report.search = judging.search_figures(report.results)
    report.tags = judging.figures_by_tag(report.results)
    report.answers = judging.answer_figures(report.results)
    report.timings = {"search": metrics.percentiles([one.search_ms for one in report.results])}
    answers = [one.answer_ms for one in report.results if one.answer_ms is not None]
    if answers:
        report.timings["answer"] = metrics.percentiles(answers)
