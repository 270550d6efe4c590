"""Does what a sentence cites say what the sentence says? And if not, does another source?"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from llm.embedding import Embedder, Vectors
from llm.errors import SupportError
from llm.events import Repair, Support
from llm.evidence import Candidate
from llm.passages import Passage
from llm.sentences import sentence_spans
from llm.support.exact import compare, stands_in
from llm.support_model import Meaning, SupportModel
from llm.words import content_terms, coverage, weighted_terms

log = logging.getLogger(__name__)

# Shares of the sentence's weighted content words. "Near" is what of the cited passages says most of it, a few
# sentences with what stands around them; "anywhere" is all cited passages with their titles.
_NEAR_SUPPORTED = 0.5
_ANYWHERE_SUPPORTED = 0.7
_ANYWHERE_WEAK = 0.5
_ANYWHERE_COMPARED = 0.2
_COSINE_SUPPORTED = 0.7
_COSINE_WEAK = 0.5
# Shares that a support model gives. What it is not sure of is weak at best.
_SAYS = 0.7
_DENIES = 0.8
_UNCITED_NEAR = 0.6
_REPAIRED_NEAR = 0.5
_REPAIRS_TRIED = 2
_CONTRIBUTES = 0.35
_COVERING = 3  # sentences that are put together to say what one says
_ADDS = 0.08  # the share that each of them must add
_COMPARED_CHARACTERS = 400

IN_PART = "The cited source says this only in part, or in other words."
NOT_SAID = "The cited source does not say this."
DENIED = "The cited source says something else."
NOT_CITED = "No source is cited, and none says this."
TOO_SHORT = "Too short to be checked."


@dataclass(frozen=True, slots=True)
class Checks:
    """What is done about a model's sentences: unsupported ones may be cut, a `model` may compare meanings."""

    cut_unsupported: bool = False
    model: SupportModel | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """`passages[passage].text[start:end]` is where a sentence's support stands."""

    passage: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a sentence rests on, and how well. `repair` tells that its citations are not the model's own."""

    sources: tuple[Source, ...]
    support: Support
    reason: str = ""
    repair: Repair = ""


@dataclass(frozen=True, slots=True)
class _Place:
    source: Source
    share: float
    text: str


@dataclass(frozen=True, slots=True)
class _Piece:
    """A sentence of a passage with its stems."""

    start: int
    end: int
    terms: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Said:
    """A sentence to be judged, with its weighted stems."""

    text: str
    weights: Mapping[str, float]


class Grounder:
    """Judges an answer's sentences against the passages that it was given.

    `known` are sentences of these passages whose vectors are there already. `model` compares meanings where
    there is one; where it is late or fails, the embedding does.
    """

    def __init__(
        self,
        passages: Sequence[Passage],
        embedder: Embedder,
        language: str,
        known: Iterable[Candidate] = (),
        model: SupportModel | None = None,
    ) -> None:
        self._passages = passages
        self._embedder = embedder
        self._language = language
        self._model = model
        self._until = 0.0
        self._pieces: dict[int, list[_Piece]] = {}
        self._vectors: dict[str, Vectors] = {one.text[:_COMPARED_CHARACTERS]: one.vector for one in known}

    def judge(self, sentence: str, cited: Sequence[int]) -> Judgement:
        """Judge `sentence`, which cites source numbers `cited` (from 1; those outside the set are dropped).

        Its numbers, dates, names and negations must be those of what it cites; its words mostly so, or its
        meaning be near. Where another source supports it and the cited one does not, that one is cited.
        Raises EmbeddingError.
        """
        said = _Said(sentence, weighted_terms(sentence, self._language))
        self._until = time.monotonic() + self._model.spec.seconds if self._model else 0.0
        valid = [n - 1 for n in dict.fromkeys(cited) if 1 <= n <= len(self._passages)]
        own = self._of_cited(said, valid) if valid else Judgement((), "unsupported", NOT_CITED)
        if own.support == "supported":
            return own
        return self._repaired(said, valid) or (own if valid else self._uncited(said))

    def _of_cited(self, said: _Said, valid: Sequence[int]) -> Judgement:
        places = [self._best_place(position, said.weights) for position in valid]
        support, reason = self._support(said, places)
        if support == "supported" and len(places) > 1:
            helping = [place for place in places if place.share >= _CONTRIBUTES]
            if helping and len(helping) < len(places) and self._support(said, helping)[0] == "supported":
                return Judgement(_sources(helping), support, reason, "moved")
        return Judgement(_sources(places), support, reason)

    def _repaired(self, said: _Said, cited: Sequence[int]) -> Judgement | None:
        """The sentence with the source that does support it, alone or beside the cited ones; None without."""
        others = self._nearest(said, without=cited)[:_REPAIRS_TRIED]
        for place in others:
            if place.share >= _REPAIRED_NEAR and self._support(said, [place])[0] == "supported":
                return Judgement((place.source,), "supported", "", "moved" if cited else "added")
        own = [self._best_place(position, said.weights) for position in cited]
        for place in others:
            if own and place.share >= _CONTRIBUTES and self._support(said, [*own, place])[0] == "supported":
                return Judgement(_sources([*own, place]), "supported", "", "added")
        return None

    def _uncited(self, said: _Said) -> Judgement:
        best = next(iter(self._nearest(said)), None)
        if best is None or best.share < _UNCITED_NEAR:
            return Judgement((), "unsupported", NOT_CITED)
        support, reason = self._support(said, [best])
        if support == "unsupported":
            return Judgement((), support, reason)
        return Judgement((best.source,), support, reason, "added")

    def _nearest(self, said: _Said, without: Sequence[int] = ()) -> list[_Place]:
        places = [
            self._best_place(position, said.weights)
            for position in range(len(self._passages))
            if position not in without
        ]
        return sorted(places, key=lambda place: (-place.share, place.source.passage))

    def _support(self, said: _Said, places: Sequence[_Place]) -> tuple[Support, str]:
        positions = [place.source.passage for place in places]
        whole = "\n".join(self._whole_text(position) for position in positions)
        if any(stands_in(said.text, self._passages[at].text, self._language) for at in positions):
            return "supported", ""
        place, around = self._covering(said, places)
        context = "\n".join(self._context(position) for position in positions)
        mismatch = compare(
            said.text, place=place, near=f"{context}\n{around}", whole=whole, language=self._language
        )
        if mismatch and mismatch.grave:
            return "unsupported", mismatch.reason
        if not said.weights:
            return "weak", TOO_SHORT
        support, reason = self._support_by_words(said, places, around, whole)
        return ("weak", mismatch.reason) if mismatch and support == "supported" else (support, reason)

    def _support_by_words(
        self, said: _Said, places: Sequence[_Place], around: str, whole: str
    ) -> tuple[Support, str]:
        anywhere = coverage(said.weights, content_terms(whole, self._language))
        near = coverage(said.weights, content_terms(around, self._language))
        if anywhere >= _ANYWHERE_SUPPORTED and near >= _NEAR_SUPPORTED:
            return "supported", ""
        return self._support_by_meaning(said, places, around, anywhere)

    def _support_by_meaning(
        self, said: _Said, places: Sequence[_Place], around: str, anywhere: float
    ) -> tuple[Support, str]:
        """For paraphrases: other words, but the same meaning."""
        if anywhere < _ANYWHERE_COMPARED:
            return "unsupported", NOT_SAID
        meaning = self._meaning(said.text, places, around)
        if meaning and meaning.says >= _SAYS:
            return "supported", ""
        if meaning and meaning.denies >= _DENIES:
            return "unsupported", DENIED
        cosine = self._cosine(said.text, places)
        if cosine >= _COSINE_SUPPORTED and meaning is None:
            return "supported", ""
        if cosine >= _COSINE_WEAK or anywhere >= _ANYWHERE_WEAK:
            return "weak", IN_PART
        return "unsupported", NOT_SAID

    def _meaning(self, sentence: str, places: Sequence[_Place], around: str) -> Meaning | None:
        """What the model makes of it; None where there is none, or it does not answer in its time.

        Said by any place is said. Denied is what the places deny together, with what stands around them.
        """
        left = self._until - time.monotonic()
        if self._model is None or left <= 0:
            return None
        sources = [around or places[0].text, *(place.text for place in places)]
        try:
            found = self._model.weigh(sentence, list(dict.fromkeys(sources)), seconds=left)
        except SupportError as error:
            log.warning("support model: %s", error)
            return None
        return Meaning(max(one.says for one in found), found[0].denies)

    def _cosine(self, sentence: str, places: Sequence[_Place]) -> float:
        texts = [text[:_COMPARED_CHARACTERS] for text in (sentence, *(place.text for place in places))]
        missing = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if missing:
            vectors = self._embedder.embed_passages([self._embedder.shorten(text) for text in missing])
            self._vectors.update(zip(missing, vectors, strict=True))
        own = self._vectors[texts[0]]
        return max(float(self._vectors[text] @ own) for text in texts[1:])

    def _best_place(self, position: int, weights: Mapping[str, float]) -> _Place:
        """The sentence of a passage that shares most with `weights`; the whole text where none does."""
        text = self._passages[position].text
        best = _Place(Source(position, 0, len(text)), 0.0, text)
        before: frozenset[str] = frozenset()
        for piece in self._sentences(position):
            own = coverage(weights, piece.terms)
            with_neighbour = coverage(weights, piece.terms | before)
            share = max(own, (own + with_neighbour) / 2)
            if share > best.share:
                best = _Place(Source(position, piece.start, piece.end), share, text[piece.start : piece.end])
            before = piece.terms
        return best

    def _covering(self, said: _Said, places: Sequence[_Place]) -> tuple[str, str]:
        """The few sentences of the cited passages that together say most of it; the same with neighbours."""
        pool = [
            (place.source.passage, number)
            for place in places
            for number in range(len(self._sentences(place.source.passage)))
        ]
        chosen: list[tuple[int, int]] = []
        left = dict(said.weights)
        total = sum(left.values()) or 1.0
        while pool and len(chosen) < _COVERING:
            best = max(pool, key=lambda one: _sum(left, self._piece(one).terms))
            if chosen and _sum(left, self._piece(best).terms) < _ADDS * total:
                break
            chosen.append(best)
            pool.remove(best)
            for term in self._piece(best).terms:
                left.pop(term, None)
        around = dict.fromkeys(
            (position, at) for position, number in chosen for at in (number - 1, number, number + 1)
        )
        return self._joined(chosen), self._joined(around)

    def _piece(self, key: tuple[int, int]) -> _Piece:
        return self._sentences(key[0])[key[1]]

    def _joined(self, keys: Iterable[tuple[int, int]]) -> str:
        parts = []
        for position, number in keys:
            if 0 <= number < len(self._sentences(position)):
                piece = self._piece((position, number))
                parts.append(self._passages[position].text[piece.start : piece.end])
        return "\n".join(parts)

    def _sentences(self, position: int) -> list[_Piece]:
        if position not in self._pieces:
            text = self._passages[position].text
            self._pieces[position] = [
                _Piece(start, end, frozenset(content_terms(text[start:end], self._language)))
                for start, end in sentence_spans(text)
            ]
        return self._pieces[position]

    def _context(self, position: int) -> str:
        passage = self._passages[position]
        return f"{passage.context}\n{passage.date.isoformat() if passage.date else ''}"

    def _whole_text(self, position: int) -> str:
        return f"{self._context(position)}\n{self._passages[position].text}"


def _sources(places: Sequence[_Place]) -> tuple[Source, ...]:
    return tuple(place.source for place in places)


def _sum(weights: Mapping[str, float], terms: Iterable[str]) -> float:
    return sum(weights.get(term, 0.0) for term in terms)
