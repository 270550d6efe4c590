"""Two lists become one ranking: by a convex combination of normalised scores, or by reciprocal ranks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from django.conf import settings

from retrieval._candidates import DEPTH, Candidate, Key

Ranked = tuple[Candidate, float]


@dataclass(frozen=True, slots=True)
class DenseWeight:
    """How much meaning counts, from 0 to 1; in some collections, by their id, not as elsewhere."""

    everywhere: float
    in_collection: Mapping[int, float] = field(default_factory=dict)

    def of(self, candidate: Candidate) -> float:
        return self.in_collection.get(candidate.key[0], self.everywhere)


def fuse(candidates: Sequence[Candidate], *, weight: DenseWeight, upper_bound: float = 0.0) -> list[Ranked]:
    """Return candidates with a score from 0 to 1, best first, as SEARCH_FUSION says.

    `upper_bound` is the most that BM25 could give for the question.
    """
    if not candidates:
        return []
    if settings.SEARCH_FUSION == "rrf":
        return in_order(_reciprocal(candidates, weight))
    return in_order(_convex(candidates, weight, upper_bound))


def in_order(scored: Sequence[Ranked]) -> list[Ranked]:
    """Return candidates by their score, best first; where it is the same, by their key."""
    return sorted(scored, key=lambda pair: (-pair[1], pair[0].key))


def _convex(candidates: Sequence[Candidate], weight: DenseWeight, upper_bound: float) -> list[Ranked]:
    """BM25 as a share of what the question could have, similarity scaled to the range of the candidates.

    So words count less where even the best passage has few of them. Bruch, Gai and Ingber, "An Analysis of
    Fusion Functions for Hybrid Retrieval", TOIS 2023, compare such bounds with those of the candidates.
    """
    top = max(upper_bound, *(candidate.bm25 for candidate in candidates)) or 1.0
    similarities = [candidate.similarity for candidate in candidates]
    least, spread = min(similarities), (max(similarities) - min(similarities)) or 1.0
    return [
        (one, (1 - dense) * one.bm25 / top + dense * (one.similarity - least) / spread)
        for one, dense in ((one, weight.of(one)) for one in candidates)
    ]


def _reciprocal(candidates: Sequence[Candidate], weight: DenseWeight) -> list[Ranked]:
    """1 / (k + place) in each list, weighted, and scaled so that the first of both lists has 1.

    Reciprocal rank fusion: Cormack, Clarke and Büttcher, SIGIR 2009.
    """
    k = settings.SEARCH_RRF_K
    lexical = _places([one for one in candidates if one.bm25 > 0], lambda one: one.bm25)
    dense = _places(candidates, lambda one: one.similarity)

    def share(places: Mapping[Key, int], one: Candidate) -> float:
        return (k + 1) / (k + places[one.key]) if one.key in places else 0.0

    return [
        (one, (1 - weight.of(one)) * share(lexical, one) + weight.of(one) * share(dense, one))
        for one in candidates
    ]


def _places(candidates: Sequence[Candidate], score: Callable[[Candidate], float]) -> dict[Key, int]:
    """Return the place of each candidate in one list, from 1, as far as that list goes."""
    ordered = sorted(candidates, key=lambda one: (-score(one), one.key))
    return {one.key: place for place, one in enumerate(ordered[:DEPTH], 1)}
