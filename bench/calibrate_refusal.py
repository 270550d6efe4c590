"""Fit the refusal of weak evidence: `python -m bench.calibrate_refusal [EVALSETS]`.

Questions are asked of the corpus that answers them, of that corpus without their own article, and of an
unrelated corpus: paragraphs of an encyclopaedia, and long reports of companies. Documents are read and cut as
on ingestion; ranking is exact: BM25 and cosine, half each. The logistic regression is plain Newton steps with
a ridge, without negative weights. Figures come from 5-fold cross-validation over questions: weights and
threshold come from four folds, and the fifth is judged by them; they are means of six divisions into folds.
Each set is judged besides by weights that come from the other sets alone. What is printed to be used comes
from all. The last line is JSON.
"""

import argparse
import json
import math
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from dataclasses import fields as dataclass_fields
from pathlib import Path

import bm25s
import django
import numpy as np
from numpy.typing import NDArray

from bench.tools import stack
from ingestion.chunking import split_into_chunks
from ingestion.parsing.document import ParsedDocument
from ingestion.parsing.limits import Limits
from ingestion.parsing.parsers import parser_for
from llm.calibration import Features
from llm.embedding import Embedder, load_embedder
from llm.evidence import gather_evidence
from llm.extractive import choose_quotes
from llm.passages import Passage
from llm.remembering import RememberingEmbedder
from llm.words import content_terms
from portal.evaluation import metrics
from portal.evaluation.evalset import EvalDocument, EvalQuestion, read_evalset

Array = NDArray[np.float64]

TOP = 8
ARTICLE = 5  # XQuAD keeps five paragraphs of each article, in order
RIDGE = 1.0
CONVERGED = 1e-9
FOLDS, DIVISIONS = 5, 6
FIRST = 2  # sentences of an answer that most people read
# Of the questions that can be answered, and of those in a language that the embedding model hardly knows.
MOST_REFUSED, MOST_REFUSED_STRANGE = 0.05, 0.1
# Sets whose answerable questions weigh more than others: what divides the hard questions of CLAPNQ costs more
# of these where all weigh alike.
WEIGHT_OF_ANSWERABLE = {"xquad-en": 10.0}
WEIGHT_OF_HARD = 2.0  # of questions on the topic without an answer, beside those about something else
STRANGENESS = [field.name for field in dataclass_fields(Features)].index("strangeness")
GROUPS = ("answerable", "on topic, no answer", "own article removed", "unrelated corpus")


@dataclass(frozen=True, slots=True)
class Sample:
    corpus: str
    group: str
    features: Features
    answered: bool | None
    answered_first: bool
    number: int

    def fold(self, division: int) -> int:
        """By the number in the set: a question and its translation are judged by weights that saw neither."""
        return random.Random(self.number + 10_000 * division).randrange(FOLDS)  # noqa: S311 - a seeded choice


class Corpus:
    """A set's documents, read and cut as on ingestion, and ranked exactly in memory."""

    def __init__(self, folder: Path, embedder: Embedder, questions: int) -> None:
        evalset = read_evalset(folder)
        self.name, self.language, self.embedder = folder.name, evalset.language, embedder
        strangeness = _strangeness(embedder, self.language)
        pieces = [piece for document in evalset.documents for piece in _pieces(document, embedder)]
        self.passages = [replace(passage, strangeness=strangeness) for passage, _ in pieces]
        self.vectors = embedder.embed_passages([text for _, text in pieces])
        self.bm25 = bm25s.BM25(k1=1.2, b=0.75)
        self.bm25.index([content_terms(text, self.language) for _, text in pieces], show_progress=False)
        asked = list(enumerate(evalset.questions))
        self.questions = random.Random(7).sample(asked, min(questions, len(asked)))  # noqa: S311  a sample

    def search(self, question: str, without: frozenset[str] = frozenset()) -> list[Passage]:
        cosines = self.vectors @ self.embedder.embed_query(question)
        lexical = self.bm25.get_scores(content_terms(question, self.language) or ["?"])
        fused = 0.5 * _scaled(lexical) + 0.5 * _scaled(cosines)
        fused[[passage.document in without for passage in self.passages]] = -1
        order = np.argsort(-fused)[:TOP]
        return [replace(self.passages[i], score=float(fused[i]), similarity=float(cosines[i])) for i in order]


def _pieces(document: EvalDocument, embedder: Embedder) -> Iterator[tuple[Passage, str]]:
    """The passages of a document, and their texts as they are indexed."""
    parsed = _parsed(document)
    chunks = split_into_chunks(
        parsed, token_spans=embedder.token_spans, max_tokens=embedder.max_tokens, name=document.name
    )
    for chunk in chunks:
        key, title = f"{document.key}:{chunk.ordinal}", parsed.title or document.key
        passage = Passage(
            key, title, chunk.heading_path, chunk.page, chunk.text, None, 0.0, None, document=document.key
        )
        yield passage, f"{chunk.context}\n{chunk.text}".strip()


def _parsed(document: EvalDocument) -> ParsedDocument:
    media_type = "application/pdf" if document.name.endswith(".pdf") else "text/plain"
    with tempfile.NamedTemporaryFile() as file, document.open() as content:
        shutil.copyfileobj(content, file)
        file.flush()
        return parser_for(media_type).parse(
            Path(file.name),
            name=document.name,
            media_type=media_type,
            limits=Limits(),
            on_progress=lambda *_: None,
        )


def _strangeness(embedder: Embedder, language: str) -> float:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    from retrieval.languages import quality, strangeness_of

    return strangeness_of(quality(embedder, language))


def _scaled(values: NDArray[np.float32]) -> Array:
    low, high = float(values.min()), float(values.max())
    return (values.astype(np.float64) - low) / ((high - low) or 1.0)


def _article(documents: frozenset[str]) -> frozenset[str]:
    """The ids of the paragraphs of an article of XQuAD, from some of them."""
    firsts = {int(name.removeprefix("p")) // ARTICLE * ARTICLE for name in documents}
    return frozenset(f"p{first + i}" for first in firsts for i in range(ARTICLE))


def _samples(corpus: Corpus, others: Sequence[Corpus], *, articles: bool) -> Iterator[Sample]:
    sys.stderr.write(f"asking the questions of {corpus.name}\n")
    for number, question in corpus.questions:
        group = GROUPS[0] if question.answerable else GROUPS[1]
        yield _sample(corpus, corpus, number, question, group)
        yield _sample(corpus, others[number % len(others)], number, question, GROUPS[3])
        if articles:
            without = _article(frozenset(question.documents))
            yield _sample(corpus, corpus, number, question, GROUPS[2], without)


def _sample(
    own: Corpus,
    searched: Corpus,
    number: int,
    question: EvalQuestion,
    group: str,
    without: frozenset[str] = frozenset(),
) -> Sample:
    passages = searched.search(question.question, without)
    evidence = gather_evidence(
        question=question.question,
        passages=passages,
        embedder=searched.embedder,
        language=searched.language,
    )
    answered, first = None, False
    if group == GROUPS[0] and question.answers:
        quotes = [candidate.text for candidate in choose_quotes(evidence, passages)]
        answered, first = _has_answer(quotes, question), _has_answer(quotes[:FIRST], question)
    return Sample(own.name, group, evidence.features, answered, first, number)


def _has_answer(quotes: Sequence[str], question: EvalQuestion) -> bool:
    text = metrics.folded(" ".join(quotes))
    return any(metrics.folded(answer) in text for answer in question.answers)


def fit(x: Array, y: Array, sample_weights: Array) -> Array:
    """Logistic regression with a ridge on all but the intercept; intercept first, no weight negative.

    The lowest negative weight is set to 0 and the others fitted again, until none is left.
    """
    kept = np.ones(x.shape[1], dtype=bool)
    while True:
        beta = np.zeros(x.shape[1] + 1)
        beta[np.concatenate([[True], kept])] = _newton(x[:, kept], y, sample_weights)
        lowest = int(beta[1:].argmin())
        if beta[1 + lowest] >= 0:
            return beta
        kept[lowest] = False


def _newton(x: Array, y: Array, sample_weights: Array) -> Array:
    design = np.hstack([np.ones((len(x), 1)), x])
    penalty = RIDGE * np.eye(design.shape[1])
    penalty[0, 0] = 0
    beta = np.zeros(design.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-design @ beta))
        gradient = design.T @ (sample_weights * (y - chance)) - penalty @ beta
        curvature = sample_weights * chance * (1 - chance)
        step = np.linalg.solve((design.T * curvature) @ design + penalty, gradient)
        beta += step
        if float(np.abs(step).max()) < CONVERGED:
            break
    return beta


def predict(beta: Array, x: Array) -> Array:
    chances: Array = 1 / (1 + np.exp(-(beta[0] + x @ beta[1:])))
    return chances


def _balanced(samples: Sequence[Sample]) -> Array:
    """Sets weigh alike; in each, answerable samples as much as all others.

    But for the sets of which it is said that their answerable samples weigh more. Groups of the others weigh
    alike, but for the hard one.
    """
    weights = np.zeros(len(samples))
    sets = {sample.corpus for sample in samples}
    for corpus in sets:
        groups = np.array([sample.group if sample.corpus == corpus else "" for sample in samples])
        present = [group for group in GROUPS if (groups == group).any()]
        of_group = {group: WEIGHT_OF_HARD if group == GROUPS[1] else 1.0 for group in present[1:]}
        shares = {group: weight / sum(of_group.values()) for group, weight in of_group.items()}
        shares[GROUPS[0]] = WEIGHT_OF_ANSWERABLE.get(corpus, 1.0)
        for group, share in shares.items():
            weights[groups == group] = share * len(samples) / 2 / len(sets) / (groups == group).sum()
    return weights


def choose_threshold(chances: Array, samples: Sequence[Sample]) -> float:
    """Return the highest threshold that refuses few enough of the questions that can be answered.

    Sets count alike; those in a strange language do not count, as they have a weight of their own.
    """
    asked = [sample.group == GROUPS[0] and sample.features.strangeness < 1 for sample in samples]
    of_set = Counter(sample.corpus for sample, counts in zip(samples, asked, strict=True) if counts)
    shares = np.array(
        [1 / of_set[s.corpus] / len(of_set) for s, counts in zip(samples, asked, strict=True) if counts]
    )
    found = chances[np.array(asked)]
    order = np.argsort(found)
    return float(found[order][np.searchsorted(np.cumsum(shares[order]), MOST_REFUSED)])


def calibrate(x: Array, y: Array, samples: Sequence[Sample]) -> tuple[Array, float]:
    """Return weights, the intercept first, and threshold.

    The weight of a strange language is raised until few enough of its answerable questions are refused, too:
    what it loses by that are questions of which the documents hold nothing.
    """
    beta = fit(x, y, _balanced(samples))
    threshold = choose_threshold(predict(beta, x), samples)
    strange = (x[:, STRANGENESS] == 1) & (y == 1)
    if strange.any():
        logits = beta[0] + x[strange] @ beta[1:]
        lacking = math.log(threshold / (1 - threshold)) - float(np.quantile(logits, MOST_REFUSED_STRANGE))
        beta[1 + STRANGENESS] += max(0.0, lacking)
    return beta, threshold


def cross_validated(x: Array, y: Array, samples: Sequence[Sample]) -> tuple[Array, list[float]]:
    """Return in what share of the divisions each sample is refused by the other folds, and all thresholds."""
    refused, thresholds = np.zeros(len(y)), []
    for division in range(DIVISIONS):
        folds = np.array([sample.fold(division) for sample in samples])
        for fold in range(FOLDS):
            train = folds != fold
            seen = [sample for sample, kept in zip(samples, train, strict=True) if kept]
            beta, threshold = calibrate(x[train], y[train], seen)
            thresholds.append(threshold)
            refused[~train] += (predict(beta, x[~train]) < threshold) / DIVISIONS
    return refused, thresholds


def by_the_other_sets(x: Array, y: Array, samples: Sequence[Sample]) -> Array:
    """Return which samples are refused by weights from the other sets; thresholds are still those of all."""
    refused = np.zeros(len(y))
    for corpus in {sample.corpus for sample in samples}:
        others = np.array([sample.corpus != corpus for sample in samples])
        beta = fit(x[others], y[others], _balanced([s for s in samples if s.corpus != corpus]))
        chances = predict(beta, x)
        refused[~others] = chances[~others] < choose_threshold(chances, samples)
    return refused


def _report(samples: Sequence[Sample], refused: Array) -> dict[str, object]:
    figures: dict[str, object] = {}
    of: dict[tuple[str, str], Array] = {}
    keys = dict.fromkeys((s.corpus, s.group) for s in samples)
    for corpus, group in sorted(keys, key=lambda key: (GROUPS.index(key[1]), key[0])):
        of[corpus, group] = refused[[(s.corpus, s.group) == (corpus, group) for s in samples]]
        share = float(of[corpus, group].mean())
        figures[f"{group} / {corpus}"] = round(share, 3)
        sys.stdout.write(f"{group:22} {corpus:10} {len(of[corpus, group]):5} refused {share:6.1%}\n")
    for (corpus, group), unanswerable in of.items():
        if group == GROUPS[1]:
            rightly, wrongly = float(unanswerable.sum()), float(of[corpus, GROUPS[0]].sum())
            precision, recall = rightly / max(1.0, rightly + wrongly), rightly / len(unanswerable)
            figures[f"refusal F1 / {corpus}"] = round(metrics.harmonic(precision, recall), 3)
    for corpus in dict.fromkeys(s.corpus for s in samples):
        told = [s.corpus == corpus and s.answered is not None for s in samples]
        if any(told):
            asked = [sample for sample, counts in zip(samples, told, strict=True) if counts]
            first = np.array([sample.answered_first for sample in asked]) * (1 - refused[told])
            figures[f"answer in quotes / {corpus}"] = round(float(np.mean([s.answered for s in asked])), 3)
            figures[f"answered in two sentences, of all / {corpus}"] = round(float(first.mean()), 3)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path(__file__).resolve().parents[2] / "shared" / "evalsets"
    parser.add_argument("evalsets", type=Path, nargs="?", default=default)
    parser.add_argument("--questions", type=int, default=600, help="of each set, at random")
    parser.add_argument("--vectors", type=Path, metavar="FILE", help="keep vectors from run to run")
    options = parser.parse_args()
    embedder = RememberingEmbedder(load_embedder(stack.EMBEDDING), options.vectors)
    clapnq, english, german, reports = (
        Corpus(options.evalsets / name, embedder, options.questions)
        for name in ("clapnq", "xquad-en", "xquad-de", "sec-10q")
    )
    samples = [
        *_samples(clapnq, (english, reports), articles=False),
        *_samples(english, (clapnq, reports), articles=True),
        *_samples(german, (clapnq, reports), articles=True),
        *_samples(reports, (clapnq,), articles=False),
    ]
    _fit_and_print(samples)


def _fit_and_print(samples: Sequence[Sample]) -> None:
    x = np.array([astuple(sample.features) for sample in samples])
    groups = np.array([sample.group for sample in samples])
    y = (groups == GROUPS[0]).astype(np.float64)
    refused, thresholds = cross_validated(x, y, samples)
    figures: dict[str, object] = {"cross-validated": _report(samples, refused)}
    sys.stdout.write("\nby weights from the other sets\n")
    figures["by the other sets"] = _report(samples, by_the_other_sets(x, y, samples))
    beta, threshold = calibrate(x, y, samples)
    sys.stdout.write(f"thresholds of the folds: {min(thresholds):.3f} to {max(thresholds):.3f}\n")
    sys.stdout.write(f"features = {[f.name for f in dataclass_fields(Features)]}\n")
    sys.stdout.write(f"INTERCEPT = {beta[0]:.3f}\nWEIGHTS = ({', '.join(f'{b:.3f}' for b in beta[1:])})\n")
    sys.stdout.write(f"THRESHOLD = {threshold:.3f}\n{json.dumps(figures)}\n")


if __name__ == "__main__":
    main()
