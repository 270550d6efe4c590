"""Does what a sentence cites say what the sentence says?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llm.embedding import Embedder
from llm.events import Support
from llm.passages import Passage
from llm.sentences import sentence_spans
from llm.words import content_terms, coverage, numbers, weighted_terms

# Shares of the sentence's weighted content words. "Near" is the best sentence of a cited passage with its
# neighbour, "anywhere" all cited passages with their titles.
_NEAR_SUPPORTED = 0.5
_ANYWHERE_SUPPORTED = 0.7
_ANYWHERE_WEAK = 0.5
_ANYWHERE_COMPARED = 0.2
_COSINE_SUPPORTED = 0.7
_COSINE_WEAK = 0.5
_UNCITED_NEAR = 0.6


@dataclass(frozen=True, slots=True)
class Source:
    """`passages[passage].text[start:end]` is where a sentence's support stands."""

    passage: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a sentence rests on, and how well."""

    sources: tuple[Source, ...]
    support: Support
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    source: Source
    share: float
    text: str


class Grounder:
    """Judges an answer's sentences against the passages that it was given."""

    def __init__(self, passages: Sequence[Passage], embedder: Embedder, language: str) -> None:
        self._passages = passages
        self._embedder = embedder
        self._language = language
        self._spans: dict[int, list[tuple[int, int, frozenset[str]]]] = {}

    def judge(self, sentence: str, cited: Sequence[int]) -> Judgement:
        """Judge `sentence`, which cites source numbers `cited` (from 1; those outside the set are dropped).

        Numbers in the sentence must stand in what it cites; its words mostly so, or its meaning be near.
        Raises EmbeddingError.
        """
        weights = weighted_terms(sentence, self._language)
        valid = [n - 1 for n in dict.fromkeys(cited) if 1 <= n <= len(self._passages)]
        if not valid:
            return self._uncited(sentence, weights)
        places = [self._best_place(position, weights) for position in valid]
        support, reason = self._support(sentence, weights, places)
        return Judgement(tuple(place.source for place in places), support, reason)

    def _uncited(self, sentence: str, weights: Mapping[str, float]) -> Judgement:
        places = [self._best_place(position, weights) for position in range(len(self._passages))]
        best = max(places, key=lambda place: place.share, default=None)
        if best is None or best.share < _UNCITED_NEAR:
            return Judgement((), "unsupported", "No source is cited, and none says this.")
        support, reason = self._support(sentence, weights, [best])
        return (
            Judgement((), support, reason)
            if support == "unsupported"
            else Judgement((best.source,), support, reason)
        )

    def _support(
        self, sentence: str, weights: Mapping[str, float], places: Sequence[_Place]
    ) -> tuple[Support, str]:
        texts = [self._whole_text(place.source.passage) for place in places]
        missing = sorted(numbers(sentence) - numbers("\n".join(texts)))
        if missing:
            return "unsupported", f"The cited source does not hold {', '.join(missing[:3])}."
        if not weights:
            return "weak", "Too short to be checked."
        anywhere = coverage(weights, content_terms("\n".join(texts), self._language))
        near = max(place.share for place in places)
        if anywhere >= _ANYWHERE_SUPPORTED and near >= _NEAR_SUPPORTED:
            return "supported", ""
        return self._support_by_meaning(sentence, places, anywhere)

    def _support_by_meaning(
        self, sentence: str, places: Sequence[_Place], anywhere: float
    ) -> tuple[Support, str]:
        """For paraphrases: other words, but the same meaning."""
        cosine = self._cosine(sentence, places) if anywhere >= _ANYWHERE_COMPARED else 0.0
        if cosine >= _COSINE_SUPPORTED:
            return "supported", ""
        if cosine >= _COSINE_WEAK or anywhere >= _ANYWHERE_WEAK:
            return "weak", "The cited source says this only in part, or in other words."
        return "unsupported", "The cited source does not say this."

    def _cosine(self, sentence: str, places: Sequence[_Place]) -> float:
        texts = [sentence, *(place.text for place in places)]
        vectors = self._embedder.embed_passages([self._embedder.shorten(text) for text in texts])
        return float((vectors[1:] @ vectors[0]).max())

    def _best_place(self, position: int, weights: Mapping[str, float]) -> _Place:
        """The sentence of a passage that shares most with `weights`; the whole text where none does."""
        text = self._passages[position].text
        best = _Place(Source(position, 0, len(text)), 0.0, text)
        before: frozenset[str] = frozenset()
        for start, end, terms in self._sentences(position):
            own = coverage(weights, terms)
            with_neighbour = coverage(weights, terms | before)
            share = max(own, (own + with_neighbour) / 2)
            if share > best.share:
                best = _Place(Source(position, start, end), share, text[start:end])
            before = terms
        return best

    def _sentences(self, position: int) -> list[tuple[int, int, frozenset[str]]]:
        if position not in self._spans:
            text = self._passages[position].text
            self._spans[position] = [
                (start, end, frozenset(content_terms(text[start:end], self._language)))
                for start, end in sentence_spans(text)
            ]
        return self._spans[position]

    def _whole_text(self, position: int) -> str:
        passage = self._passages[position]
        dated = passage.date.isoformat() if passage.date else ""
        return f"{passage.context}\n{dated}\n{passage.text}"
