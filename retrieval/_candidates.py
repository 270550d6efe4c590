"""The best passages by words and by meaning, each with both scores."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from django.conf import settings
from django.db import connection
from numpy.typing import NDArray

from retrieval import _vectors_sql
from retrieval._codes import FEWEST_BITS, codes_of
from retrieval._lexical import Lexical
from retrieval.indexing import vector_literal
from retrieval.models import Generation
from retrieval.scope import Listed
from retrieval.statements import array, fetch

DEPTH = 100
_MOST = 3  # times as many vectors as are visible: reading that many costs what looking those up does
_BREADTH, _BROADER, _BROADER_FROM = 500, 270, 100_000  # so many more at each doubling of so many vectors
_BROADEST, _BROADEST_AT_ONCE = 3_000, 1_000  # the latter is what pgvector takes

Key = tuple[int, int, int]  # collection, version, ordinal
Passage = tuple[int, int]  # version, ordinal

_Row = tuple[int, int, int, float, bool]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage by its key (collection, version, ordinal), with both scores."""

    key: Key
    bm25: float
    similarity: float
    is_pinned: bool = False


def find_candidates(
    *,
    listed: Listed,
    chunks: int,
    generation: Generation,
    lexical: Lexical,
    allowed: frozenset[Passage] | None,
    vector: NDArray[np.float32],
) -> list[Candidate]:
    """Return the best passages of both lists, among the `allowed` (None: all) of `chunks` visible ones.

    In a transaction: the index is asked with settings of its own.
    """
    found = lexical.best(DEPTH, among=allowed)
    comparison = _Comparison(listed, generation, is_barred=bool(lexical.barred))
    params = {"depth": DEPTH, "query": vector_literal(vector), "generation": generation.pk}
    params |= listed.params | _keys(listed, found=found, allowed=allowed or (), barred=lexical.barred)
    if allowed is not None:
        rows = comparison.run("allowed", params)
    elif chunks <= settings.SEARCH_EXACT_LIMIT:
        rows = comparison.run_exact(params, chunks)
    elif (near := _near(listed, chunks, generation, lexical, vector)) is not None:
        rows = comparison.run("allowed", params | _keys(listed, allowed=near))
    else:
        rows = comparison.run_indexed(params, chunks)
    similarities = {row[:3]: float(row[3]) for row in rows}
    scores = lexical.scores([key[1:] for key in similarities])
    return [
        Candidate(key, score, similarity)
        for (key, similarity), score in zip(similarities.items(), scores, strict=True)
    ]


def _near(
    listed: Listed, chunks: int, generation: Generation, lexical: Lexical, vector: NDArray[np.float32]
) -> list[Passage] | None:
    """Return the passages that are worth comparing, by codes, or None where the index is to find them."""
    if lexical.barred or not _are_coded(generation, chunks):
        return None
    return codes_of(generation).nearest(listed, vector)


def _are_coded(generation: Generation, chunks: int) -> bool:
    """Return whether codes are for so many visible passages: where half is visible, the index is quicker."""
    is_half = 0 < generation.vectors_about <= 2 * chunks
    return chunks <= settings.SEARCH_CODES_LIMIT and generation.dimension >= FEWEST_BITS and not is_half


def _breadth(vectors: float) -> int:
    """Return how many neighbours the index is to look at: more, the larger it is, to find as many of them."""
    doublings = math.log2(max(1.0, vectors / _BROADER_FROM))
    return min(_BROADEST, round(_BREADTH + _BROADER * doublings))


def _keys(listed: Listed, **named: Collection[Passage]) -> dict[str, str]:
    """Return passages as parameters, each column of their keys by itself."""
    params = {}
    for name, passages in named.items():
        versions = np.array([version for version, _ in passages], np.int64)
        params[f"{name}_collections"] = array(listed.collections_of(versions).tolist())
        params[f"{name}_versions"] = array(versions.tolist())
        params[f"{name}_ordinals"] = array(ordinal for _, ordinal in passages)
    return params


class _Comparison:
    """The statement that compares vectors, in its four ways; see `_vectors_sql.vectors`."""

    def __init__(self, listed: Listed, generation: Generation, *, is_barred: bool) -> None:
        self._listed, self._generation, self._is_barred = listed, generation, is_barred

    def run(self, way: str, params: dict[str, Any]) -> list[_Row]:
        statement = _vectors_sql.vectors(
            listed=self._listed.sql,
            way=way,
            is_barred=self._is_barred,
            partition=f"retrieval_vector_g{self._generation.pk:d}",
            dimension=f"{self._generation.dimension:d}",
        )
        return cast("list[_Row]", fetch(statement, params)[1])

    def run_exact(self, params: dict[str, Any], chunks: int) -> list[_Row]:
        is_most = self._generation.vectors_about <= _MOST * chunks
        return self.run("scanned" if is_most else "looked up", params)

    def run_indexed(self, params: dict[str, Any], chunks: int) -> list[_Row]:
        with connection.cursor() as cursor:
            vectors = max(self._generation.vectors_about, chunks)
            breadth = _breadth(vectors)
            times = math.ceil(breadth / _BROADEST_AT_ONCE)
            cursor.execute(_vectors_sql.INDEX_SETTINGS.format(breadth=f"{math.ceil(breadth / times):d}"))
            looked_at = DEPTH if times == 1 else max(DEPTH, round(breadth * chunks / vectors))
            rows = self.run("index", params | {"looked_at": looked_at})
            cursor.execute(_vectors_sql.RESET)
        is_short = sum(is_best for *_, is_best in rows) < min(DEPTH, chunks)
        return self.run_exact(params, chunks) if is_short else rows
