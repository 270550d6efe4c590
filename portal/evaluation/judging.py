"""What one question's search and answer were worth, and the means over all. Everything here is pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from portal.answers.shown import ShownAnswer
from portal.evaluation import metrics
from portal.evaluation.evalset import EvalQuestion
from retrieval.hits import Hit

EVIDENCE_AT = (5, 10)
FIRST = 2  # sentences of an answer that most people read
HYBRID, LEADING = "hybrid", "ndcg@10"  # the ranking and the figure by which questions are compared

# The whole ranking, and what each half of it would have found alone.
_RANKINGS = {
    HYBRID: lambda hit: hit.score,
    "BM25 alone": lambda hit: hit.bm25,
    "vectors alone": lambda hit: hit.similarity,
}

Figures = dict[str, float | None]
Keys = Mapping[UUID, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question with what came of it; `answer` is None where only search was asked."""

    question: EvalQuestion
    hits: tuple[Hit, ...]
    search_ms: float
    answer: ShownAnswer | None = None
    answer_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A judged question: figures by ranking, documents by their ids in the set.

    `is_right` is None where the set cannot tell, `answer_figures` those of the answer.
    """

    key: str
    question: str
    tags: tuple[str, ...]
    wanted: Mapping[str, float]
    found: tuple[str, ...]
    figures: Mapping[str, Mapping[str, float]]
    state: str
    answer: str
    cited: tuple[tuple[str, int | None], ...]
    is_right: bool | None
    search_ms: float
    answer_ms: float | None
    is_answerable: bool = True
    answer_figures: Mapping[str, float] = field(default_factory=dict)


def judge(asked: Asked, *, keys: Keys) -> Result:
    """Return what a question was worth; `keys` are the set's ids of the portal's documents."""
    question, answer = asked.question, asked.answer
    sources = answer.sources if answer else ()
    is_judged = question.answerable and bool(question.documents)
    return Result(
        key=question.key,
        question=question.question,
        tags=question.tags,
        wanted=dict(question.documents),
        found=tuple(_documents(asked.hits, keys)[: metrics.TOP]),
        figures={name: _figures(asked, name, keys) for name in _RANKINGS} if is_judged else {},
        state=answer.state if answer else "",
        answer=_text(answer),
        cited=tuple((keys[source.document_id], source.page) for source in sources),
        is_right=_is_right(question, answer),
        search_ms=asked.search_ms,
        answer_ms=asked.answer_ms,
        is_answerable=question.answerable,
        answer_figures=_answer_figures(asked, answer, keys) if answer else {},
    )


def _figures(asked: Asked, ranking: str, keys: Keys) -> dict[str, float]:
    question = asked.question
    hits = sorted(asked.hits, key=_RANKINGS[ranking], reverse=True)
    documents, grades = _documents(hits, keys), question.documents
    figures = {
        "ndcg@10": metrics.ndcg(documents, grades),
        "mrr@10": metrics.reciprocal_rank(documents, grades),
        "recall@10": metrics.recall(documents, grades),
        "hit@1": float(documents[:1] != [] and documents[0] in grades),
    }
    for top in EVIDENCE_AT:
        if question.evidence:
            texts = [hit.text for hit in hits[:top]]
            figures[f"evidence_recall@{top}"] = metrics.share_found(question.evidence, texts)
        if question.pages:
            figures[f"page_hit@{top}"] = float(_any_page(question, hits[:top], keys))
    return figures


def _documents(hits: Sequence[Hit], keys: Keys) -> list[str]:
    """Return document ids, each at the place of its best passage."""
    return list(dict.fromkeys(keys[hit.document_id] for hit in hits))


def _any_page(question: EvalQuestion, hits: Sequence[Hit], keys: Keys) -> bool:
    return any(
        (hit.page or 0) <= page <= (hit.last_page or hit.page or 0)
        for hit in hits
        for page in question.pages.get(keys[hit.document_id], ())
    )


def _is_right(question: EvalQuestion, answer: ShownAnswer | None) -> bool | None:
    if answer is None or (question.answerable and not question.answers):
        return None
    return _has_answer(question, answer) if question.answerable else answer.state == "refused"


def _has_answer(question: EvalQuestion, answer: ShownAnswer, sentences: int | None = None) -> bool:
    text = metrics.folded(_text(answer, sentences))
    return any(metrics.folded(one) in text for one in question.answers)


def _text(answer: ShownAnswer | None, sentences: int | None = None) -> str:
    return " ".join(sentence.text for sentence in answer.sentences[:sentences]) if answer else ""


def _answer_figures(asked: Asked, answer: ShownAnswer, keys: Keys) -> dict[str, float]:
    question = asked.question
    figures = {}
    if question.answerable and question.answers:
        figures["answer_hit"] = float(_has_answer(question, answer))
        figures[f"answer_hit@{FIRST}"] = float(_has_answer(question, answer, FIRST))
    if answer.sources:
        retrieved = {hit.document_id for hit in asked.hits}
        figures["cited_retrieved"] = metrics.share(one.document_id in retrieved for one in answer.sources)
    if question.answerable and answer.state == "answered":
        figures["cited_document_precision"] = _cited_precision(question, answer, keys)
        if question.evidence:
            precision, recalled = _cited_evidence(question, answer)
            figures |= {"cited_evidence_precision": precision, "cited_evidence_recall": recalled}
    return figures


def _cited_precision(question: EvalQuestion, answer: ShownAnswer, keys: Keys) -> float:
    return metrics.share(keys[source.document_id] in question.documents for source in answer.sources)


def _cited_evidence(question: EvalQuestion, answer: ShownAnswer) -> tuple[float, float]:
    """Return precision and recall of the quoted sentences against the set's evidence sentences."""
    quotes = [sentence.text for sentence in answer.sentences]
    hits = sum(_overlaps(quote, question.evidence) for quote in quotes)
    found = sum(_overlaps(sentence, quotes) for sentence in question.evidence)
    return (hits / len(quotes) if quotes else 0.0), found / len(question.evidence)


def _overlaps(text: str, others: Sequence[str]) -> bool:
    """Whether a text stands in one of the others, or one of them in it."""
    own = metrics.folded(text)
    return any(own in other or other in own for other in map(metrics.folded, others))


def search_figures(results: Sequence[Result]) -> dict[str, Figures]:
    """Return the means by ranking, over the questions that the set has right documents for."""
    return {name: _means(one.figures[name] for one in results if one.figures) for name in _RANKINGS}


def figures_by_tag(results: Sequence[Result]) -> dict[str, Figures]:
    """Return how many questions have each tag, and the means of the whole ranking over them."""
    by_tag: defaultdict[str, list[Result]] = defaultdict(list)
    for one in results:
        for tag in one.tags if one.figures else ():
            by_tag[tag].append(one)
    return {
        tag: {"questions": len(ones), **_means(one.figures[HYBRID] for one in ones)}
        for tag, ones in sorted(by_tag.items())
    }


def answer_figures(results: Sequence[Result]) -> Figures:
    """Return the means over the answers; nothing where none was asked for."""
    answered = [one for one in results if one.state]
    if not answered:
        return {}
    said = sum(one.state == "answered" for one in answered)
    means = _means(one.answer_figures for one in answered)
    figures: Figures = {"answered": said / len(answered)}
    figures |= {name: means.get(name) for name in _OF_ANSWERS}
    return figures | _refusals(answered)


_OF_ANSWERS = (
    "answer_hit",
    f"answer_hit@{FIRST}",
    "cited_document_precision",
    "cited_evidence_precision",
    "cited_evidence_recall",
    "cited_retrieved",
)


def _refusals(results: Sequence[Result]) -> Figures:
    refused = [one for one in results if one.state == "refused"]
    rightly = sum(not one.is_answerable for one in refused)
    unanswerable = sum(not one.is_answerable for one in results)
    answerable = len(results) - unanswerable
    figures: Figures = {"answerable_refused": (len(refused) - rightly) / answerable if answerable else 0.0}
    if not unanswerable:
        return figures
    precision = rightly / len(refused) if refused else 0.0
    recalled = rightly / unanswerable
    return figures | {
        "refusal_precision": precision,
        "refusal_recall": recalled,
        "refusal_f1": metrics.harmonic(precision, recalled),
    }


def _means(figures: Iterable[Mapping[str, float]]) -> Figures:
    values: defaultdict[str, list[float]] = defaultdict(list)
    for one in figures:
        for name, value in one.items():
            values[name].append(value)
    return {name: metrics.mean(numbers) for name, numbers in values.items()}
