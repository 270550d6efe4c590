"""How good are search and answers on a set of questions? The real pipeline, search and engine are asked."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ingestion.documents import add_document
from ingestion.models import IngestionJob
from ingestion.pipeline import work_on_next
from portal.accounts.models import Team, User
from portal.accounts.teams import create_team
from portal.answers.services import answer_now, ask
from portal.answers.shown import ShownAnswer
from portal.evaluation import metrics
from portal.evaluation.evalset import EvalQuestion, EvalSet
from retrieval.collections import create_collection
from retrieval.hits import Hit
from retrieval.models import Chunk, Collection
from retrieval.search import search

_DEPTH = 100
_EVIDENCE_AT = (5, 10)
_ASKER = "evaluation@example.com"

Progress = Callable[[str, int, int], None]
Ranking = Callable[[Hit], float]

# The whole ranking, and what each half of it would have found alone.
_RANKINGS: dict[str, Ranking] = {
    "hybrid": lambda hit: hit.score,
    "BM25 alone": lambda hit: hit.bm25,
    "vectors alone": lambda hit: hit.similarity,
}


@dataclass
class Report:
    """Figures by ranking, figures of answers, seconds and milliseconds, and a row for every question."""

    name: str
    documents: int
    chunks: int
    questions: int
    ingest_seconds: float
    not_indexed: dict[str, str]
    search: dict[str, dict[str, float | None]] = field(default_factory=dict)
    answers: dict[str, float | None] = field(default_factory=dict)
    timings: dict[str, dict[str, float]] = field(default_factory=dict)
    rows: list[dict[str, object]] = field(default_factory=list)


@dataclass
class _Asked:
    """One question with what came of it."""

    question: EvalQuestion
    hits: tuple[Hit, ...]
    search_ms: float
    answer: ShownAnswer | None
    answer_ms: float


def evaluate(*, evalset: EvalSet, with_answers: bool, on_progress: Progress) -> Report:
    """Add a set's documents to the portal at hand, ask every question, and return the figures.

    Meant for an empty, throw-away portal: see `portal.evaluation.scratch`.
    """
    asker = User.objects.create_user(email=_ASKER, is_admin=True)
    collection = _collection(asker, evalset)
    report = _ingest(asker, collection, evalset, on_progress)
    asked = []
    for number, question in enumerate(evalset.questions):
        on_progress("Asking", number, len(evalset.questions))
        asked.append(_ask(asker, collection, question, with_answers=with_answers))
    on_progress("Asking", len(asked), len(asked))
    _sum_up(report, evalset, asked)
    return report


def _collection(asker: User, evalset: EvalSet) -> Collection:
    team: Team = create_team(user=asker, name="Evaluation")
    return create_collection(user=asker, title="Evaluation", owner_team=team, language=evalset.language)


def _ingest(asker: User, collection: Collection, evalset: EvalSet, on_progress: Progress) -> Report:
    began = time.monotonic()
    for document in evalset.documents:
        with document.open() as content:
            add_document(user=asker, collection=collection, name=document.name, content=content)
    done = 0
    while work_on_next():
        done += 1
        on_progress("Indexing", min(done, len(evalset.documents)), len(evalset.documents))
    jobs = IngestionJob.objects.select_related("version__document")
    return Report(
        name=evalset.name,
        documents=len(evalset.documents),
        chunks=Chunk.objects.filter(collection=collection).count(),
        questions=len(evalset.questions),
        ingest_seconds=round(time.monotonic() - began, 1),
        not_indexed={
            job.document_version.document.name: f"{job.state}: {job.message}"
            for job in jobs.exclude(state=IngestionJob.State.INDEXED)
        },
    )


def _ask(asker: User, collection: Collection, question: EvalQuestion, *, with_answers: bool) -> _Asked:
    began = time.perf_counter()
    found = search(user=asker, query=question.question, collections=[collection.slug], limit=2 * _DEPTH)
    searched = time.perf_counter()
    answer = None
    if with_answers:
        kept = ask(user=asker, text=question.question, collections=[collection.slug])
        answer = answer_now(user=asker, question=kept)
    return _Asked(
        question, found.hits, (searched - began) * 1000, answer, (time.perf_counter() - searched) * 1000
    )


def _sum_up(report: Report, evalset: EvalSet, asked: Sequence[_Asked]) -> None:
    keys = {document.name: document.key for document in evalset.documents}
    answerable = [one for one in asked if one.question.answerable and one.question.documents]
    for name, ranking in _RANKINGS.items():
        report.search[name] = _search_figures(answerable, ranking, keys)
    report.timings["search"] = metrics.percentiles([one.search_ms for one in asked])
    if any(one.answer for one in asked):
        report.timings["answer"] = metrics.percentiles([one.answer_ms for one in asked])
        report.answers = _answer_figures(asked, keys)
    report.rows = [_row(one, keys) for one in asked]


def _search_figures(
    asked: Sequence[_Asked], ranking: Ranking, keys: dict[str, str]
) -> dict[str, float | None]:
    values: defaultdict[str, list[float]] = defaultdict(list)
    for one in asked:
        hits = sorted(one.hits, key=ranking, reverse=True)
        documents = _documents(hits, keys)
        grades = one.question.documents
        values["ndcg@10"].append(metrics.ndcg(documents, grades))
        values["mrr@10"].append(metrics.reciprocal_rank(documents, grades))
        values["recall@10"].append(metrics.recall(documents, grades))
        for top in _EVIDENCE_AT:
            if one.question.evidence:
                share = metrics.share_found(one.question.evidence, [hit.text for hit in hits[:top]])
                values[f"evidence_recall@{top}"].append(share)
            if one.question.pages:
                values[f"page_hit@{top}"].append(float(_any_page(one.question, hits[:top], keys)))
    return {name: metrics.mean(numbers) for name, numbers in values.items()}


def _documents(hits: Sequence[Hit], keys: dict[str, str]) -> list[str]:
    """Return document ids, each at the place of its best passage."""
    return list(dict.fromkeys(keys[hit.name] for hit in hits))


def _any_page(question: EvalQuestion, hits: Sequence[Hit], keys: dict[str, str]) -> bool:
    return any(
        (hit.page or 0) <= page <= (hit.last_page or hit.page or 0)
        for hit in hits
        for page in question.pages.get(keys[hit.name], ())
    )


def _answer_figures(asked: Sequence[_Asked], keys: dict[str, str]) -> dict[str, float | None]:
    answered = [one for one in asked if one.answer and one.answer.state == "answered"]
    refused = [one for one in asked if one.answer and one.answer.state == "refused"]
    unanswerable = [one for one in asked if not one.question.answerable]
    right = [one for one in answered if one.question.answerable]
    figures = {
        "answered": len(answered) / len(asked),
        "answer_hit": metrics.mean(
            float(_has_answer(o)) for o in asked if o.question.answers and o.question.answerable
        ),
        "cited_document_precision": metrics.mean(_cited_precision(one, keys) for one in right),
        "cited_evidence_precision": metrics.mean(_evidence(one)[0] for one in right if one.question.evidence),
        "cited_evidence_recall": metrics.mean(_evidence(one)[1] for one in right if one.question.evidence),
    }
    if unanswerable:
        rightly = sum(not one.question.answerable for one in refused)
        precision = rightly / len(refused) if refused else 0.0
        recalled = rightly / len(unanswerable)
        figures |= {
            "refusal_precision": precision,
            "refusal_recall": recalled,
            "refusal_f1": metrics.harmonic(precision, recalled),
        }
    return figures


def _has_answer(one: _Asked) -> bool:
    text = metrics.folded(_text(one.answer))
    return any(metrics.folded(answer) in text for answer in one.question.answers)


def _text(answer: ShownAnswer | None) -> str:
    return " ".join(sentence.text for sentence in answer.sentences) if answer else ""


def _cited_precision(one: _Asked, keys: dict[str, str]) -> float:
    sources = one.answer.sources if one.answer else ()
    right = sum(keys[source.name] in one.question.documents for source in sources)
    return right / len(sources) if sources else 0.0


def _evidence(one: _Asked) -> tuple[float, float]:
    """Return precision and recall of the quoted sentences against the set's evidence sentences."""
    quotes = [sentence.text for sentence in one.answer.sentences] if one.answer else []
    evidence = one.question.evidence
    hits = sum(_overlaps(quote, evidence) for quote in quotes)
    found = sum(_overlaps(sentence, quotes) for sentence in evidence)
    return (hits / len(quotes) if quotes else 0.0), found / len(evidence)


def _overlaps(text: str, others: Sequence[str]) -> bool:
    """Whether a text stands in one of the others, or one of them in it."""
    own = metrics.folded(text)
    return any(own in other or other in own for other in map(metrics.folded, others))


def _row(one: _Asked, keys: dict[str, str]) -> dict[str, object]:
    documents = _documents(one.hits, keys)
    sources = one.answer.sources if one.answer else ()
    return {
        "id": one.question.key,
        "question": one.question.question,
        "wanted": sorted(one.question.documents),
        "found": documents[: metrics.TOP],
        "ndcg@10": round(metrics.ndcg(documents, one.question.documents), 4),
        "state": one.answer.state if one.answer else None,
        "answer": _text(one.answer),
        "cited": [[keys[source.name], source.page] for source in sources],
        "has_answer": _has_answer(one) if one.answer and one.question.answers else None,
    }
