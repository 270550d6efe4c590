"""A passage counts with those beside it: a text is cut where it is long, not where its subject ends."""

from collections.abc import Callable, Iterator, Sequence

from retrieval._candidates import Key, Passage
from retrieval.fusion import Ranked, in_order

_SHARE = 0.35  # of the score: decision 0029 has the figures

Bm25 = Callable[[Sequence[Passage]], Sequence[float]]


def with_surroundings(ranked: Sequence[Ranked], *, bm25: Bm25) -> list[Ranked]:
    """Return candidates, each moved towards the mean of its score and those of the passages beside it.

    One beside it that is no candidate counts as the last of them. That a passage follows is known where it is
    a candidate or has a term of the question: `bm25` gives the scores of passages, 0 where there is none.
    """
    if not ranked:
        return []
    scores = {candidate.key: score for candidate, score in ranked}
    least = min(scores.values())
    following = [_next(candidate.key) for candidate, _ in ranked]
    found = bm25([(version, ordinal) for _, version, ordinal in following])
    exists = {key for key, score in zip(following, found, strict=True) if score > 0 or key in scores}

    def beside(key: Key) -> Iterator[float]:
        collection, version, ordinal = key
        if ordinal > 0:
            yield scores.get((collection, version, ordinal - 1), least)
        if _next(key) in exists:
            yield scores.get(_next(key), least)

    def moved(key: Key, score: float) -> float:
        together = [score, *beside(key)]
        return (1 - _SHARE) * score + _SHARE * sum(together) / len(together)

    return in_order([(candidate, moved(candidate.key, score)) for candidate, score in ranked])


def _next(key: Key) -> Key:
    collection, version, ordinal = key
    return collection, version, ordinal + 1
