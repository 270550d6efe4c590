"""How much do these passages say about this question? Measured before anything is answered."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

import numpy as np

from llm.calibration import THRESHOLD, Features, answerable
from llm.embedding import Embedder, Vectors
from llm.near_words import QuestionWords
from llm.passages import Passage
from llm.question import names, wanted, without_terms
from llm.sentences import heading_spans, is_heading, sentence_spans
from llm.words import content_terms, guess_language, weighted_terms

# First words must come fast on two cores, so few and short sentences are embedded. A third fewer change no
# figure of `bench.calibrate_refusal` by more than two points, but lose answers that share few words with what
# was asked.
MAX_CANDIDATES = 18
MAX_CANDIDATE_CHARACTERS = 2_800
MAX_PASSAGES = 8
# A model is asked as soon as these suffice.
_FIRST_CANDIDATES, _FIRST_FROM = 3, 6
_SECOND_CANDIDATES = 5

_PASSAGE_SHARE = 0.3
_SETTLED_SHARE = 0.7  # what a name counts for that stands elsewhere in the sentence's document
_NUMBER_SHARE = 0.15  # what a number counts for where the question asks for one
_COMPARED_CHARACTERS = 400
_FEWEST_CHARACTERS = 12
_FULL_QUESTION = 6.0  # weight of its words from which on a question says as much as any
_FULL_SENTENCE = 8  # words beside the question's from which on a sentence does


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that may answer: `text[start:end]` of the passage at position `passage`.

    `coverage` is the weighted share of the question's words in it, where a name counts in part when another
    passage of its document has it. `cosine` is its closeness in meaning to the question, with and without
    the names that its document has; `whole_cosine` with them. `number` is what `llm.question.Wanted` says.
    `news` is how much the sentence says beside the words of the question, 0..1: one that only repeats them
    answers nothing. `told` is its share of those words that its document's title lacks.
    """

    passage: int
    start: int
    end: int
    text: str
    coverage: float
    cosine: float
    number: int
    vector: Vectors
    whole_cosine: float = 0.0
    news: float = 1.0
    told: float = 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """The sentences nearest to a question, and the calibrated chance that they answer it (0..1)."""

    language: str
    candidates: tuple[Candidate, ...]
    features: Features
    chance: float

    @property
    def suffices(self) -> bool:
        """Whether an answer may be attempted at all."""
        return bool(self.candidates) and self.chance >= THRESHOLD


def gather_evidence(
    *, question: str, passages: Sequence[Passage], embedder: Embedder, language: str = "en"
) -> Evidence:
    """Weigh the best of `passages` (best first) against `question`; embeds one small batch.

    Raises EmbeddingError.
    """
    return Gathering(question=question, passages=passages, embedder=embedder, language=language).complete()


class Gathering:
    """The evidence for one question, in steps: as many sentences as suffice, or all.

    More sentences never make it weaker, because each feature is a maximum, or the same for all sentences, and
    no weight is negative. So what suffices at first suffices at last, and a model can be asked meanwhile.
    """

    def __init__(
        self, *, question: str, passages: Sequence[Passage], embedder: Embedder, language: str = "en"
    ) -> None:
        self._passages, self._embedder = passages[:MAX_PASSAGES], embedder
        self._asked = _Asked(question, guess_language(question, language), self._passages)
        self._spans = _shortlist(self._passages, self._asked)
        self._steps = _steps(self._spans)
        self._candidates: dict[int, Candidate] = {}

    def begin(self) -> Evidence:
        """What the likeliest sentences say, of as few as suffice. Raises EmbeddingError."""
        evidence = self._weighed()
        while self._steps and not evidence.suffices:
            self._embed(self._steps.pop(0))
            evidence = self._weighed()
        return evidence

    def complete(self) -> Evidence:
        """What all sentences say; embeds those that are left. Raises EmbeddingError."""
        self._embed([position for step in self._steps for position in step])
        self._steps = []
        return self._weighed()

    def _embed(self, positions: Sequence[int]) -> None:
        spans = [self._spans[position] for position in positions]
        found = _embedded(self._asked, self._passages, spans, self._embedder)
        self._candidates |= zip(positions, found, strict=True)

    def _weighed(self) -> Evidence:
        candidates = tuple(self._candidates[position] for position in sorted(self._candidates))
        features = _features(self._passages, self._asked, candidates)
        return Evidence(self._asked.language, candidates, features, answerable(features))


def _steps(spans: Sequence["_Span"]) -> list[list[int]]:
    """The positions of `spans` (likeliest first) in the order in which they are embedded.

    A first step of 350 characters, the likeliest sentence with two short ones, suffices for 9 questions of 10
    that suffice at all, one of four likely ones and 600 characters for hardly more.
    """
    near = range(1, min(_FIRST_FROM, len(spans)))
    short = sorted(near, key=lambda position: min(spans[position].length, _COMPARED_CHARACTERS))
    first = [0, *sorted(short[: _FIRST_CANDIDATES - 1])] if spans else []
    others = [position for position in range(len(spans)) if position not in first]
    steps = [first, others[:_SECOND_CANDIDATES], others[_SECOND_CANDIDATES:]]
    return [step for step in steps if step]


class _Asked:
    """A question's words, and what each passage and its document have of them."""

    def __init__(self, question: str, language: str, passages: Sequence[Passage]) -> None:
        self.question, self.language = question, language
        self.words = QuestionWords(weighted_terms(question, language))
        self.wanted = wanted(question, language)
        own = [set(content_terms(f"{passage.context} {passage.text}", language)) for passage in passages]
        documents: defaultdict[str, set[str]] = defaultdict(set)
        for passage, found in zip(passages, own, strict=True):
            documents[_document_of(passage)] |= found
        named = names(question, language)
        self.shares = [self._share(found) for found in own]
        self.document_share = max(map(self._share, documents.values()), default=0.0)
        self.settled = [named & documents[_document_of(passage)] for passage in passages]
        self.titles = [frozenset(content_terms(passage.title, language)) for passage in passages]
        self.headings = _headings(passages)

    def _share(self, terms: Iterable[str]) -> float:
        return self.words.coverage(self.words.found_in(terms))

    def coverage_of(self, terms: Set[str], passage: int, *, without: Set[str] = frozenset()) -> float:
        """The weighted share of the question's words in a sentence; settled names count in part."""
        found = self.words.found_in(terms)
        own = self.words.coverage(found, without=without)
        settled = dict.fromkeys(self.settled[passage], 1.0)
        return own + _SETTLED_SHARE * (self.words.coverage({**found, **settled}, without=without) - own)

    def told_in(self, terms: Set[str], passage: int) -> float:
        """The same of those words that its document's title lacks."""
        return self.coverage_of(terms, passage, without=self.titles[passage])

    def news_in(self, terms: Set[str]) -> float:
        """How much a sentence says beside the words of the question."""
        return min(len(terms - self.words.weights.keys()), _FULL_SENTENCE) / _FULL_SENTENCE

    def rest(self, passage: int) -> str:
        """The question without the names that the passage's document settles."""
        return without_terms(self.question, self.settled[passage], self.language)


def _document_of(passage: Passage) -> str:
    return passage.document or passage.key


def _headings(passages: Sequence[Passage]) -> set[int]:
    """The positions of passages that are a heading alone, the text below it being in others."""
    parts = Counter(_document_of(passage) for passage in passages)
    return {
        position
        for position, passage in enumerate(passages)
        if parts[_document_of(passage)] > 1 and is_heading(passage.text.strip())
    }


@dataclass(frozen=True, slots=True)
class _Span:
    passage: int
    start: int
    end: int
    coverage: float
    number: int
    rank: float
    terms: frozenset[str]

    @property
    def length(self) -> int:
        return self.end - self.start


def _shortlist(passages: Sequence[Passage], asked: _Asked) -> list[_Span]:
    """The sentences worth embedding, by words shared with the question and by their passage's merit.

    No headings: they repeat the topic, so they are near to every question about it, and answer none.
    """
    spans: list[_Span] = []
    for number, passage in enumerate(passages):
        merit = _PASSAGE_SHARE * (passage.score + asked.shares[number]) / (1 + number / 4)
        for start, end in () if number in asked.headings else _sentences(passage.text):
            text = passage.text[start:end]
            terms = frozenset(content_terms(text, asked.language))
            share, figure = asked.coverage_of(terms, number), asked.wanted.found_in(text)
            rank = share + merit + _NUMBER_SHARE * figure
            spans.append(_Span(number, start, end, share, figure, rank, terms))
    spans.sort(key=lambda span: (-span.rank, span.passage, span.start))
    return _within_budget([span for span in spans if span.length >= _FEWEST_CHARACTERS])


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """The spans of the sentences of `text` that are in no heading."""
    headings = heading_spans(text)
    for start, end in sentence_spans(text):
        if not any(first <= start < last for first, last in headings):
            yield start, end


def _within_budget(spans: Sequence[_Span]) -> list[_Span]:
    kept: list[_Span] = []
    left = MAX_CANDIDATE_CHARACTERS
    for span in spans:
        left -= min(span.length, _COMPARED_CHARACTERS)
        if left < 0 or len(kept) == MAX_CANDIDATES:
            break
        kept.append(span)
    return kept


def _embedded(
    asked: _Asked, passages: Sequence[Passage], spans: Sequence[_Span], embedder: Embedder
) -> tuple[Candidate, ...]:
    if not spans:
        return ()
    texts = [passages[span.passage].text[span.start : span.end] for span in spans]
    vectors = embedder.embed_passages([embedder.shorten(text[:_COMPARED_CHARACTERS]) for text in texts])
    whole = embedder.embed_query(asked.question)
    wanted = np.stack([(whole + embedder.embed_query(asked.rest(span.passage))) / 2 for span in spans])
    cosines, whole_cosines = (vectors * wanted).sum(axis=1), vectors @ whole
    return tuple(
        Candidate(
            span.passage,
            span.start,
            span.end,
            text,
            span.coverage,
            float(cosine),
            span.number,
            vector,
            float(whole_cosine),
            asked.news_in(span.terms),
            asked.told_in(span.terms, span.passage),
        )
        for span, text, cosine, vector, whole_cosine in zip(
            spans, texts, cosines, vectors, whole_cosines, strict=True
        )
    )


def _features(passages: Sequence[Passage], asked: _Asked, candidates: Sequence[Candidate]) -> Features:
    best_cosine = max((c.whole_cosine for c in candidates), default=0.0)
    similarities = [
        passage.similarity
        for position, passage in enumerate(passages)
        if passage.similarity is not None and position not in asked.headings
    ]
    return Features(
        passage_cosine=max(similarities, default=best_cosine),
        sentence_cosine=best_cosine,
        document_coverage=asked.document_share,
        sentence_coverage=max((c.told for c in candidates), default=0.0),
        agreement=max((c.told * max(c.whole_cosine, 0.0) * c.news for c in candidates), default=0.0),
        question_weight=min(sum(asked.words.weights.values()), _FULL_QUESTION) / _FULL_QUESTION,
        strangeness=passages[0].strangeness if passages else 0.0,
    )
