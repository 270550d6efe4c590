"""Hybrid search: BM25 and vectors over the passages that one person may see, fused into one ranking."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from numpy.typing import NDArray

from retrieval import _hybrid_sql, access
from retrieval.analysis import analyse
from retrieval.errors import InvalidInputError
from retrieval.generations import embedder_of, serving_generation
from retrieval.indexing import vector_literal
from retrieval.models import Chunk, Generation
from retrieval.pages import PageStarts, page_starts
from retrieval.people import Person
from retrieval.snippets import SnippetPart, make_snippet

_DEPTH = 100
_MAX_TERMS = 64
_EMBEDDING_THREADS = ThreadPoolExecutor(4, thread_name_prefix="embed-query")


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a person may see, and in which languages."""

    documents: int
    collections: int
    chunks: int
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found. `start:end` is its span in the version's stored text; `score` is 0 to 1."""

    document_id: UUID
    version_id: int
    version_number: int
    ordinal: int
    collection_slug: str
    collection_title: str
    title: str
    name: str
    parent_title: str
    language: str
    heading_path: tuple[str, ...]
    page: int | None
    last_page: int | None
    page_starts: PageStarts
    text: str
    start: int
    end: int
    score: float
    similarity: float
    bm25: float
    snippet: tuple[SnippetPart, ...]
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class SearchResults:
    """Hits, best first, and what was searched: what this person may see. `timings` are milliseconds."""

    query: str
    hits: tuple[Hit, ...]
    documents: int
    collections: int
    chunks: int
    generation_id: int
    timings: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Candidate:
    key: tuple[int, int, int]
    bm25: float
    similarity: float


class _Visible:
    """The access rule as SQL text with its parameters under names that no other query uses."""

    def __init__(self, user: Person, collections: Sequence[str]) -> None:
        versions = access.searchable_versions(user=user)
        if collections:
            versions = versions.filter(document__collection__slug__in=list(collections))
        rows = versions.annotate(
            collection_id=F("document__collection_id"), language=F("document__collection__language")
        )
        columns = ("id", "collection_id", "chunk_count", "term_count", "language")
        text, values = rows.values(*columns).query.sql_with_params()
        names = [f"visible_{number}" for number in range(len(values))]
        self.sql = text % tuple(f"%({name})s" for name in names)
        self.params: dict[str, Any] = dict(zip(names, values, strict=True))


def clean_query(text: str) -> str:
    """Return a question as it is searched. Raises InvalidInputError where it is empty or too long."""
    query = " ".join(text.replace("\x00", " ").split())
    if not query:
        raise InvalidInputError("The question is empty. Type what you want to know.")
    if len(query) > settings.MAX_QUESTION_CHARS:
        raise InvalidInputError(
            f"The question has {len(query):,} characters; "
            f"at most {settings.MAX_QUESTION_CHARS:,} are searched. Shorten it to what you want to know."
        )
    return query


def visible_counts(*, user: Person, collections: Sequence[str] = ()) -> Counts:
    """Return how many documents, collections and passages search would cover for this person."""
    return _counts(_Visible(user, collections)) if user.is_authenticated else Counts(0, 0, 0)


def search(*, user: Person, query: str, collections: Sequence[str] = (), limit: int = 10) -> SearchResults:
    """Return the passages that fit a question best among those this person may see.

    `collections` are slugs to narrow to; one that the person may not see narrows to nothing, like one that
    does not exist. Raises InvalidInputError for a question that is empty or too long.
    """
    query = clean_query(query)
    if not user.is_authenticated:
        return SearchResults(query, (), 0, 0, 0, serving_generation().pk, {})
    watch = _Stopwatch()
    with transaction.atomic():
        generation = serving_generation()
        # The model works outside Python's lock: the rule is compiled and counted by the database meanwhile.
        embedding = _EMBEDDING_THREADS.submit(embedder_of(generation).embed_query, query)
        visible = _Visible(user, collections)
        counts = _counts(visible)
        if not counts.chunks:
            return SearchResults(
                query, (), counts.documents, counts.collections, 0, generation.pk, watch.laps
            )
        watch.lap("count")
        terms = _query_terms(query, counts.languages)
        vector = embedding.result()
        watch.lap("embed")
        candidates = _candidates(visible, counts, generation, terms, vector)
        watch.lap("search")
        hits = _load_hits(visible, _fuse(candidates)[:limit], frozenset(terms))
        watch.lap("read")
    return SearchResults(
        query, hits, counts.documents, counts.collections, counts.chunks, generation.pk, watch.laps
    )


class _Stopwatch:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round((now - self._last) * 1000, 2)
        self._last = now


def _counts(visible: _Visible) -> Counts:
    with connection.cursor() as cursor:
        cursor.execute(_hybrid_sql.COUNTS.format(visible=visible.sql), visible.params)
        documents, collections, chunks, languages = cursor.fetchone()
    return Counts(documents, collections, int(chunks), tuple(languages))


def _query_terms(query: str, languages: Sequence[str]) -> list[str]:
    """Return the distinct terms of a question, analysed in every language among the searched collections."""
    terms = (term for language in languages for term in analyse(query, language))
    return list(dict.fromkeys(terms))[:_MAX_TERMS]


def _candidates(
    visible: _Visible, counts: Counts, generation: Generation, terms: list[str], vector: NDArray[np.float32]
) -> list[_Candidate]:
    params = visible.params | {
        "terms": terms,
        "k1": settings.BM25_K1,
        "b": settings.BM25_B,
        "depth": _DEPTH,
        "query": vector_literal(vector),
        "generation": generation.pk,
    }
    if counts.chunks > settings.SEARCH_EXACT_LIMIT:
        rows = _run_indexed(visible, generation, params)
        if rows and rows[0][5] >= min(_DEPTH, counts.chunks):
            return _as_candidates(rows)
    with connection.cursor() as cursor:
        cursor.execute(_hybrid_sql.EXACT.format(visible=visible.sql), params)
        return _as_candidates(cursor.fetchall())


def _run_indexed(
    visible: _Visible, generation: Generation, params: dict[str, Any]
) -> list[tuple[int, int, int, float, float, int]]:
    statement = _hybrid_sql.INDEXED.format(
        visible=visible.sql,
        partition=f"retrieval_vector_g{generation.pk:d}",
        dimension=f"{generation.dimension:d}",
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_hybrid_sql.INDEX_SETTINGS)
        cursor.execute(statement, params)
        rows: list[tuple[int, int, int, float, float, int]] = cursor.fetchall()
        cursor.execute("RESET enable_seqscan; RESET enable_sort")
    return rows


def _as_candidates(rows: Sequence[tuple[int, int, int, float, float, int]]) -> list[_Candidate]:
    return [_Candidate((row[0], row[1], row[2]), float(row[3]), float(row[4])) for row in rows]


def _fuse(candidates: list[_Candidate]) -> list[tuple[_Candidate, float]]:
    """Return candidates with a score from 0 to 1, best first: a convex combination of normalised scores."""
    if not candidates:
        return []
    top = max(candidate.bm25 for candidate in candidates) or 1.0
    similarities = [candidate.similarity for candidate in candidates]
    least, spread = min(similarities), (max(similarities) - min(similarities)) or 1.0
    weight = settings.FUSION_DENSE_WEIGHT
    scored = [
        (one, (1 - weight) * one.bm25 / top + weight * (one.similarity - least) / spread)
        for one in candidates
    ]
    return sorted(scored, key=lambda pair: (-pair[1], pair[0].key))


def _load_hits(
    visible: _Visible, ranked: Sequence[tuple[_Candidate, float]], terms: frozenset[str]
) -> tuple[Hit, ...]:
    readable = _still_visible(visible, {candidate.key[1] for candidate, _ in ranked})
    keys = [candidate.key for candidate, _ in ranked if candidate.key[1] in readable]
    chunks = Chunk.objects.filter(pk__in=keys).select_related(
        "version__document__collection", "version__document__parent"
    )
    by_key = {(chunk.collection_id, chunk.version_id, chunk.ordinal): chunk for chunk in chunks}
    starts = page_starts(by_key.values())
    return tuple(
        _hit(by_key[candidate.key], candidate, score, terms, starts.get(candidate.key[1:], ()))
        for candidate, score in ranked
        if candidate.key in by_key
    )


def _still_visible(visible: _Visible, version_ids: set[int]) -> set[int]:
    """Ask the access rule again: someone may have lost sight of a document while the search ran."""
    with connection.cursor() as cursor:
        cursor.execute(
            _hybrid_sql.STILL_VISIBLE.format(visible=visible.sql),
            visible.params | {"wanted": list(version_ids)},
        )
        return {row[0] for row in cursor.fetchall()}


def _hit(chunk: Chunk, candidate: _Candidate, score: float, terms: frozenset[str], starts: PageStarts) -> Hit:
    document = chunk.version.document
    return Hit(
        document_id=document.pk,
        version_id=chunk.version_id,
        version_number=chunk.version.number,
        ordinal=chunk.ordinal,
        collection_slug=document.collection.slug,
        collection_title=document.collection.title,
        title=document.title,
        name=document.name,
        parent_title=document.parent.title if document.parent else "",
        language=document.collection.language,
        heading_path=tuple(chunk.heading_path),
        page=chunk.page,
        last_page=chunk.last_page,
        page_starts=starts,
        text=chunk.text,
        start=chunk.start,
        end=chunk.end,
        score=round(score, 4),
        similarity=round(candidate.similarity, 4),
        bm25=round(candidate.bm25, 4),
        snippet=make_snippet(chunk.text, terms=terms, language=document.collection.language),
        updated_at=document.updated_at,
    )
