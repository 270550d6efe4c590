"""BM25 in Lucene's form over the passages that one person may see.

The score of a passage is the sum over the terms of the question of
ln(1 + (N - df + 0.5) / (df + 0.5)) * tf / (tf + k1 * (1 - b + b * dl / avgdl)).
N, df and avgdl are those of the passages that the person may see, so a hidden document changes no score.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from retrieval._blocks import Entries, columns, elements
from retrieval._places import Key
from retrieval.scope import Listed
from retrieval.statements import array, fetch

# Blocks come from the key's index alone, and leave the database as one value. IS TRUE keeps the planner,
# which takes the segments for a handful, from looking up each term in each of them.
_BLOCKS = f"""
SELECT {columns("asked.number")}
FROM {{asked}}
JOIN retrieval_postingblock AS posting
  ON posting.term = asked.term AND {{of_collection}}
WHERE (posting.segment_id IN (SELECT unnest(%(segments)s::bigint[]))) IS TRUE
"""  # noqa: S608 - constants
_ASKED = """unnest(%(terms)s::text[], %(numbers)s::int[], %(only_in)s::bigint[], %(languages)s::text[])
    AS asked (term, number, only_in, language)"""
# Of most collections, whole lists by their terms; of few, each term looked up in each collection.
_WHOLE_LISTS = _BLOCKS.format(
    asked=_ASKED,
    of_collection=f"""coalesce(asked.only_in, posting.collection_id) = posting.collection_id
 AND (asked.language IS NULL OR posting.collection_id IN (
         SELECT collection_id FROM ({Listed.readable}) AS readable
         WHERE readable.language = asked.language))""",  # noqa: S608 - constants
)
_EACH_COLLECTION = _BLOCKS.format(
    asked=f"""({Listed.readable}) AS readable
JOIN {_ASKED}
  ON coalesce(asked.only_in, readable.collection_id) = readable.collection_id
 AND coalesce(asked.language, readable.language) = readable.language""",
    of_collection="posting.collection_id = readable.collection_id",
)
_FEW = 0.25  # of all collections: to look a term up takes as long as reading a handful of blocks on
_BARRED = -1
_STRETCH = 100  # passages


@dataclass(frozen=True, slots=True)
class Terms:
    """What is looked up: terms everywhere, (term, collection) in one collection alone.

    `asked` are those that stand in the question itself, as each language has them; the others are other words
    for the same. A passage with one of `barred`, (term, language), in a collection of that language is not
    found.
    """

    everywhere: Sequence[str]
    asked: Sequence[Sequence[str]] = ()
    scoped: Sequence[tuple[str, int]] = ()
    barred: Sequence[tuple[str, str]] = ()


class Lexical:
    """BM25 of the passages that have a term of the question, or more: `find` the best, or `score` one.

    `upper_bound` is what a passage with every term of the question that occurs anywhere could have at most.
    """

    def __init__(
        self,
        listed: Listed,
        entries: Entries,
        scores: NDArray[np.float64],
        terms: Sequence[str],
        *,
        upper_bound: float,
    ) -> None:
        """`scores` are by place, 0 where a passage is not found; `terms` by their numbers."""
        self.upper_bound = upper_bound
        self._places, self._entries, self._scores = listed.places, entries, scores
        self._terms = terms
        self.terms = frozenset(terms)
        self.barred: frozenset[Key] = frozenset()

    def best(self, depth: int, *, among: frozenset[Key] | None) -> dict[Key, float]:
        """Return the best of the passages in `among` (None: all), best first and equal ones by their key."""
        scores = self._scores
        if among is not None:
            places = self._places.of(among)
            scores = np.zeros(len(scores))
            scores[places] = self._scores[places]
        least = _reached(scores, depth)
        found = np.flatnonzero(scores >= least if least > 0 else scores)
        if len(found) > depth:
            found = found[scores[found] >= np.partition(scores[found], -depth)[-depth]]
        versions, ordinals = self._places.passages(found)
        found = found[np.lexsort((ordinals, versions, -scores[found]))][:depth]
        return dict(zip(self._places.keys(found), scores[found].tolist(), strict=True))

    def scores(self, keys: Sequence[Key]) -> list[float]:
        """Return the scores of some passages, in their order; 0 where nothing is found."""
        places, is_known = self._places.look_up(keys)
        scores = np.zeros(len(keys))
        scores[is_known] = self._scores[places[is_known]]
        found: list[float] = scores.tolist()
        return found

    def terms_at_beginning(self, versions: Sequence[int], *, passages: int) -> dict[int, frozenset[str]]:
        """Return the terms of the question that stand in the first passages of each of these versions."""
        is_first = self._places.beginnings(versions, passages=passages)
        at = np.flatnonzero(is_first[self._entries.places])
        found: dict[int, set[str]] = {version: set() for version in versions}
        keys = self._places.keys(self._entries.places[at])
        for (version, _), number in zip(keys, self._entries.numbers[at].tolist(), strict=True):
            if number != _BARRED:
                found[version].add(self._terms[number])
        return {version: frozenset(terms) for version, terms in found.items()}

    def bar(self, keys: Iterable[Key]) -> None:
        """Let these passages not be found."""
        self.barred = self.barred.union(keys)
        self._scores[self._places.of(self.barred)] = 0


def score_passages(*, listed: Listed, terms: Terms, passages: int, length: int) -> Lexical:
    """Return the BM25 scores of the visible passages: that many, with `length` terms in all."""
    distinct = list(dict.fromkeys([*terms.everywhere, *(term for term, _ in terms.scoped)]))
    numbers = {term: number for number, term in enumerate(distinct)}
    entries = _read(listed, terms, numbers)
    is_asked = entries.numbers != _BARRED
    asked = entries.where(is_asked)
    idf = _idf(asked.numbers, passages, terms=len(distinct))
    weights = idf.astype(np.float32)[asked.numbers] * _saturated(asked, passages, length)
    scores = np.bincount(asked.places, weights, minlength=listed.places.length).astype(np.float64, copy=False)
    upper_bound = max((_sum(idf, own, numbers) for own in terms.asked), default=0.0)
    lexical = Lexical(listed, entries, scores, distinct, upper_bound=upper_bound)
    lexical.bar(listed.places.keys(entries.places[~is_asked]))
    return lexical


def _read(listed: Listed, terms: Terms, numbers: Mapping[str, int]) -> Entries:
    asked = [*terms.everywhere, *(term for term, _ in terms.scoped)]
    not_asked = [None for _ in terms.barred]
    params = {
        "terms": [*asked, *(term for term, _ in terms.barred)],
        "numbers": [*(numbers[term] for term in asked), *(_BARRED for _ in terms.barred)],
        "only_in": [*(None for _ in terms.everywhere), *(one for _, one in terms.scoped), *not_asked],
        "languages": [*(None for _ in asked), *(language for _, language in terms.barred)],
        "segments": array(listed.places.segments.tolist()),
    }
    statement = _WHOLE_LISTS if listed.is_more_than(_FEW) else _EACH_COLLECTION
    [(heads, packed)] = fetch(statement, listed.params | params, binary=True)[1]
    return Entries.read(elements(heads), packed or b"", listed.places)


def _sum(idf: NDArray[np.float64], terms: Sequence[str], numbers: Mapping[str, int]) -> float:
    return sum(float(idf[numbers[term]]) for term in dict.fromkeys(terms) if term in numbers)


def _idf(numbers: NDArray[np.int64], passages: int, *, terms: int) -> NDArray[np.float64]:
    """Return the inverse document frequency of each term by its number, 0 of one that occurs nowhere."""
    found = np.bincount(numbers, minlength=terms).astype(np.float64)
    among = max(passages, found.max(initial=0.0))  # a document may have come since passages were counted
    return np.where(found > 0, np.log1p((among - found + 0.5) / (found + 0.5)), 0.0)


def _saturated(entries: Entries, passages: int, length: int) -> NDArray[np.float32]:
    """Return how much each entry's frequency counts, from 0 to 1, in a passage of its length."""
    average = max(length / max(passages, 1), 1.0)
    k1, b = settings.BM25_K1, settings.BM25_B
    longest = int(entries.lengths.max(initial=0))
    by_length = (k1 * (1 - b + b / average * np.arange(longest + 1))).astype(np.float32)
    share = entries.frequencies.astype(np.float32)
    share /= share + by_length[entries.lengths]
    return share


def _reached(scores: NDArray[np.float64], depth: int) -> float:
    """Return a score that `depth` passages or more reach, told by the best of each hundred; 0 for few."""
    stretches = len(scores) // _STRETCH
    if stretches < depth:
        return 0.0
    highest = scores[: stretches * _STRETCH].reshape(stretches, _STRETCH).max(axis=1)
    return float(np.partition(highest, -depth)[-depth])
