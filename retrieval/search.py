"""Hybrid search: BM25 and vectors over the passages that one person may see, fused into one ranking."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from llm.embedding import Embedder
from retrieval._candidates import Candidate, find_candidates
from retrieval._containing import Containing, passages_containing
from retrieval._embeddings import Embedding, Embeddings
from retrieval._lexical import Lexical, Terms, score_passages
from retrieval._passages import Passages
from retrieval._places import Key
from retrieval._turns import turn
from retrieval._visible import Visible
from retrieval.analysis import analyse
from retrieval.dictionary import Expansion
from retrieval.diversity import Arrangement
from retrieval.errors import InvalidInputError
from retrieval.facets import Facet, count_facets
from retrieval.generations import embedder_of, serving_generation
from retrieval.hits import Hit, load_hits
from retrieval.identifiers import other_forms
from retrieval.languages import strangeness
from retrieval.models import Generation
from retrieval.people import Person
from retrieval.query import Query, parse_query
from retrieval.ranking import Asked, Ranking, rank
from retrieval.scope import Counts, Scope, count, read_scope
from retrieval.statements import one_snapshot

_MAX_TERMS = 64
_EVERYTHING = Containing(None, frozenset(), ())
_EMBEDDINGS = Embeddings()


@dataclass(frozen=True, slots=True)
class SearchResults:
    """Hits, best first, and what was searched: what this person may see. `timings` are milliseconds.

    `query` is what was typed, `question` what was asked, with the words that were searched besides. These
    come from the portal's dictionary and those of the collections in `dictionaries_of`. `notice` tells the
    reader what did not go as it is set up. `embedder` is the model of the generation that was searched,
    `upper_bound` the most that BM25 could give. `strangeness`, from 0 to 1, is how little the model knows the
    language of the best hit.
    """

    query: str
    question: str
    hits: tuple[Hit, ...]
    documents: int
    collections: int
    chunks: int
    generation_id: int
    embedder: Embedder
    timings: dict[str, float]
    also_searched_for: tuple[str, ...] = ()
    facets: tuple[Facet, ...] = ()
    dictionaries_of: tuple[int, ...] = ()
    notice: str = ""
    upper_bound: float = 0.0
    strangeness: float = 0.0

    @property
    def language(self) -> str:
        """The language of the best hit."""
        return _language_of(self.hits)


def visible_counts(*, user: Person, collections: Sequence[str] = (), query: str = "") -> Counts:
    """Return how many documents, collections and passages a search, of this question, would cover.

    Raises InvalidInputError for a question that cannot be searched.
    """
    filters = parse_query(query).filters if query else ()
    return count(Visible(user, collections, filters)) if user.is_authenticated else Counts(0, 0, 0)


def search(
    *,
    user: Person,
    query: str,
    collections: Sequence[str] = (),
    limit: int = 10,
    with_facets: bool = False,
    arrangement: Arrangement | None = None,
    tell: Callable[[Counts], None] = lambda _: None,
) -> SearchResults:
    """Return the passages that fit a question best among those this person may see.

    `query` may have the signs of `retrieval.query`. `collections` are slugs to narrow to; one that the person
    may not see narrows to nothing, like one that does not exist, and so does a filter. Facets cost one more
    statement. Without an arrangement each passage is a hit by itself. `tell` is called with what is searched,
    once that is counted. Raises InvalidInputError for a question that is empty, too long, or cannot be
    understood.
    """
    asked = parse_query(query)
    if not user.is_authenticated:
        tell(Counts(0, 0, 0))
        serving = serving_generation()
        return SearchResults(asked.typed, asked.text, (), 0, 0, 0, serving.pk, embedder_of(serving), {})
    watch = _Stopwatch()
    with turn():
        early = _EMBEDDINGS.begin_early(asked.text)
        with one_snapshot():
            found = _find(Visible(user, collections, asked.filters), asked, early, tell, watch)
            facets = count_facets(found.scope.visible) if with_facets else ()
    # No lock is held on the vectors from here on: a reranker may take its time.
    ranking, hits = _rank(found, asked, limit, arrangement, watch)
    scope, counts = found.scope, found.scope.counts
    return SearchResults(
        query=asked.typed,
        question=scope.question,
        hits=hits,
        documents=counts.documents,
        collections=counts.collections,
        chunks=counts.chunks,
        generation_id=found.generation.pk,
        embedder=found.embedder,
        timings=watch.laps,
        also_searched_for=scope.also_searched_for,
        facets=facets,
        dictionaries_of=scope.dictionaries_of,
        notice=ranking.notice,
        upper_bound=found.lexical.upper_bound,
        strangeness=strangeness(found.generation, _language_of(hits)),
    )


def _language_of(hits: Sequence[Hit]) -> str:
    return hits[0].language if hits else "en"


class _Stopwatch:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round((now - self._last) * 1000, 2)
        self._last = now


@dataclass(frozen=True, slots=True)
class _Found:
    """The candidates for a question, and with what they were found."""

    scope: Scope
    generation: Generation
    embedder: Embedder
    lexical: Lexical
    candidates: Sequence[Candidate]


def _find(
    visible: Visible,
    asked: Query,
    early: Embedding | None,
    tell: Callable[[Counts], None],
    watch: _Stopwatch,
) -> _Found:
    generation = serving_generation()
    embedder = embedder_of(generation)
    runs_here = generation.kind == Generation.Kind.LOCAL
    embedding = _EMBEDDINGS.begin(embedder, asked.text, runs_here=runs_here, early=early)
    scope = read_scope(visible, asked)
    watch.lap("count")
    tell(scope.counts)
    lexical, allowed = _by_words(asked, scope)
    watch.lap("words")
    candidates: Sequence[Candidate] = ()
    if scope.counts.chunks:
        vector = embedder.embed_query(scope.question) if scope.also else embedding.vector.result()
        watch.lap("embed")
        candidates = find_candidates(
            listed=scope.listed,
            chunks=scope.counts.chunks,
            generation=generation,
            lexical=lexical,
            allowed=allowed,
            vector=vector,
        )
        watch.lap("vectors")
    return _Found(scope, generation, embedder, lexical, candidates)


def _rank(
    found: _Found, asked: Query, limit: int, arrangement: Arrangement | None, watch: _Stopwatch
) -> tuple[Ranking, tuple[Hit, ...]]:
    if not found.candidates:
        return Ranking(), ()
    scope, generation = found.scope, found.generation
    understood = Asked(asked, scope.question, scope.visible, scope.languages, generation, found.lexical)
    passages = Passages(scope.visible)
    ranking = rank(
        found.candidates, asked=understood, limit=limit, arrangement=arrangement, passages=passages
    )
    watch.lap("rank")
    hits = load_hits(passages, ranking.places, found.lexical.terms)
    watch.lap("read")
    return ranking, hits


def _by_words(asked: Query, scope: Scope) -> tuple[Lexical, frozenset[Key] | None]:
    """Return the scores by words, and the passages that are allowed, None for all."""
    containing = _containing(scope, asked)
    terms = _terms(asked, scope.also, containing, scope.languages)
    lexical = score_passages(
        listed=scope.listed, terms=terms, passages=scope.counts.chunks, length=scope.length
    )
    lexical.bar(containing.barred)
    return lexical, containing.allowed


def _containing(scope: Scope, asked: Query) -> Containing:
    return passages_containing(scope.listed, scope.languages, asked.parts) if asked.parts else _EVERYTHING


def _terms(
    asked: Query, also: Sequence[Expansion], containing: Containing, languages: Sequence[str]
) -> Terms:
    """Return the distinct terms of a question, analysed in every language among the searched collections."""
    own = [analyse(asked.text, language) for language in languages]
    others = [one.words for one in also if one.collection_id is None]
    terms = [term for text in others for language in languages for term in analyse(text, language)]
    every = (*chain.from_iterable(own), *terms, *containing.terms, *other_forms(asked.text))
    distinct = list(dict.fromkeys(every))[:_MAX_TERMS]
    scoped = [
        (term, one.collection_id)
        for one in also
        if one.collection_id is not None
        for language in languages
        for term in analyse(one.words, language)
        if term not in distinct
    ]
    return Terms(distinct, own, list(dict.fromkeys(scoped))[:_MAX_TERMS], _barred(asked, languages))


def _barred(asked: Query, languages: Sequence[str]) -> list[tuple[str, str]]:
    """Return the term of each unwanted word in each language; an identifier counts as a whole."""
    barred = []
    for word in asked.without:
        rows = [(term, language) for language in languages for term in analyse(word, language)[:1]]
        if languages and not rows:
            raise InvalidInputError(
                f"“{word[:80]}” is too common to be left out: it is not indexed. Leave out a rarer word."
            )
        barred += rows
    return barred
