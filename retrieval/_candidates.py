"""The best passages by words and by meaning, in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from numpy.typing import NDArray

from retrieval import _hybrid_sql
from retrieval._containing import Containing
from retrieval._statements import fetch
from retrieval._visible import Visible
from retrieval.indexing import vector_literal
from retrieval.models import Generation

DEPTH = 100

Key = tuple[int, int, int]  # collection, version, ordinal

_Row = tuple[int, int, int, float, float, int]


@dataclass(frozen=True, slots=True)
class Terms:
    """What is looked up: terms everywhere, (term, collection) in one collection alone.

    A passage with one of `barred`, (term, language), in a collection of that language is not found.
    """

    everywhere: Sequence[str]
    scoped: Sequence[tuple[str, int]] = ()
    barred: Sequence[tuple[str, str]] = ()

    @property
    def marked(self) -> frozenset[str]:
        return frozenset(self.everywhere).union(term for term, _ in self.scoped)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage by its key (collection, version, ordinal), with both scores."""

    key: Key
    bm25: float
    similarity: float
    is_pinned: bool = False


def find_candidates(
    *,
    visible: Visible,
    chunks: int,
    generation: Generation,
    terms: Terms,
    containing: Containing,
    vector: NDArray[np.float32],
) -> list[Candidate]:
    """Return the best passages of both lists, among those that may be found, of `chunks` visible ones."""
    is_barred = bool(terms.barred or containing.barred)
    params = visible.params | _params(terms, containing, generation, vector)
    if containing.allowed is not None:
        return _run("allowed", visible, params, is_barred=is_barred)
    if chunks > settings.SEARCH_EXACT_LIMIT:
        rows = _run_indexed(visible, generation, params, is_barred=is_barred)
        if rows and rows[0][5] >= min(DEPTH, chunks):
            return _as_candidates(rows)
    return _run("exact", visible, params, is_barred=is_barred)


def _params(
    terms: Terms, containing: Containing, generation: Generation, vector: NDArray[np.float32]
) -> dict[str, Any]:
    allowed, barred = list(containing.allowed or ()), list(containing.barred)
    asked = [*terms.everywhere, *(term for term, _ in terms.scoped)]
    numbers = {term: number for number, term in enumerate(dict.fromkeys(asked), 1)}
    return {
        "terms": asked,
        "numbers": [numbers[term] for term in asked],
        "only_in": [*(None for _ in terms.everywhere), *(collection for _, collection in terms.scoped)],
        "barred_terms": [term for term, _ in terms.barred],
        "barred_languages": [language for _, language in terms.barred],
        "barred_versions": [version for version, _ in barred],
        "barred_ordinals": [ordinal for _, ordinal in barred],
        "allowed_versions": [version for version, _ in allowed],
        "allowed_ordinals": [ordinal for _, ordinal in allowed],
        "k1": settings.BM25_K1,
        "b": settings.BM25_B,
        "depth": DEPTH,
        "query": vector_literal(vector),
        "generation": generation.pk,
    }


def _run(dense: str, visible: Visible, params: dict[str, Any], *, is_barred: bool) -> list[Candidate]:
    statement = _hybrid_sql.hybrid(visible=visible.sql, dense=dense, is_barred=is_barred)
    return _as_candidates(fetch(statement, params)[1])


def _run_indexed(
    visible: Visible, generation: Generation, params: dict[str, Any], *, is_barred: bool
) -> list[_Row]:
    statement = _hybrid_sql.hybrid(
        visible=visible.sql,
        dense="index",
        is_barred=is_barred,
        partition=f"retrieval_vector_g{generation.pk:d}",
        dimension=f"{generation.dimension:d}",
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_hybrid_sql.INDEX_SETTINGS)
        rows: list[_Row] = fetch(statement, params)[1]
        cursor.execute("RESET enable_seqscan; RESET enable_sort")
    return rows


def _as_candidates(rows: Sequence[_Row]) -> list[Candidate]:
    return [Candidate((row[0], row[1], row[2]), float(row[3]), float(row[4])) for row in rows]
