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

from retrieval._statements import fetch
from retrieval.postings import ENTRY, entries_of
from retrieval.scope import Listed

Key = tuple[int, int]  # version and ordinal of a passage

# The head of a block: its term's number, which is below 128 or -1, its bytes and its version. One array of
# these leaves the database in half the time of three.
_VERSION_BITS, _SIZE_BITS = 40, 16
_LAST_VERSION, _MOST_BYTES = (1 << _VERSION_BITS) - 1, (1 << _SIZE_BITS) - 1
_HEAD = f"""(asked.number::bigint << {_VERSION_BITS + _SIZE_BITS})
    | (octet_length(posting.entries)::bigint << {_VERSION_BITS}) | posting.version_id"""
# Whole lists are read by collection and term, and checked against a hash of the visible versions: IS TRUE
# keeps the planner, which takes what is visible for a handful, from looking up each term in each version.
# Blocks come from the key's index alone, and leave the database as one value.
_BLOCKS = f"""
SELECT array_send(array_agg({_HEAD})), string_agg(posting.entries, '')
FROM ({{readable}}) AS readable
JOIN unnest(%(terms)s::text[], %(numbers)s::int[], %(only_in)s::bigint[], %(languages)s::text[])
    AS asked (term, number, only_in, language)
  ON coalesce(asked.only_in, readable.collection_id) = readable.collection_id
 AND coalesce(asked.language, readable.language) = readable.language
JOIN retrieval_postingblock AS posting
  ON posting.collection_id = readable.collection_id AND posting.term = asked.term
WHERE (posting.version_id IN ({{visible}})) IS TRUE
"""  # noqa: S608 - constants
_ARRAY_HEADER = 20  # bytes before the elements of an array of one dimension
_BARRED = -1


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
        blocks: "_Blocks",
        scores: NDArray[np.float64],
        terms: Sequence[str],
        *,
        upper_bound: float,
    ) -> None:
        """`scores` are by the blocks' places, 0 where a passage is not found; `terms` by their numbers."""
        self.upper_bound = upper_bound
        self._versions, self._begins, self._scores = blocks.versions, blocks.begins, scores
        self._blocks, self._terms = blocks, terms
        self.terms = frozenset(terms)
        self.barred: frozenset[Key] = frozenset()

    def best(self, depth: int, *, among: frozenset[Key] | None) -> dict[Key, float]:
        """Return the best of the passages in `among` (None: all), best first and equal ones by their key."""
        scores = self._scores
        if among is not None:
            places = self._places(among)
            scores = np.zeros(len(scores))
            scores[places] = self._scores[places]
        found = np.flatnonzero(scores)
        if len(found) > depth:
            found = found[scores[found] >= np.partition(scores[found], -depth)[-depth]]
        found = found[np.argsort(-scores[found], kind="stable")][:depth]
        return dict(zip(self.keys(found), scores[found].tolist(), strict=True))

    def scores(self, keys: Sequence[Key]) -> list[float]:
        """Return the scores of some passages, in their order; 0 where nothing is found."""
        places, is_known = self._look_up(keys)
        scores = np.zeros(len(keys))
        scores[is_known] = self._scores[places[is_known]]
        found: list[float] = scores.tolist()
        return found

    def terms_at_beginning(self, versions: Sequence[int], *, passages: int) -> dict[int, frozenset[str]]:
        """Return the terms of the question that stand in the first passages of each of these versions."""
        blocks = self._blocks
        at = np.flatnonzero((blocks.entries["ordinal"] < passages) & (blocks.numbers != _BARRED))
        of_version = blocks.versions[blocks.of_version[at]]
        is_wanted = np.isin(of_version, versions)
        found: dict[int, set[str]] = {version: set() for version in versions}
        pairs = zip(of_version[is_wanted].tolist(), blocks.numbers[at[is_wanted]].tolist(), strict=True)
        for version, number in pairs:
            found[version].add(self._terms[number])
        return {version: frozenset(terms) for version, terms in found.items()}

    def bar(self, keys: Iterable[Key]) -> None:
        """Let these passages not be found."""
        self.barred = self.barred.union(keys)
        self._scores[self._places(self.barred)] = 0

    def keys(self, places: NDArray[np.int64]) -> list[Key]:
        at = np.searchsorted(self._begins, places, side="right") - 1
        return list(zip(self._versions[at].tolist(), (places - self._begins[at]).tolist(), strict=True))

    def _places(self, keys: Iterable[Key]) -> NDArray[np.int64]:
        """Return where the scores of these passages are, without those that have none."""
        places, has_one = self._look_up(keys)
        return places[has_one]

    def _look_up(self, keys: Iterable[Key]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return where the scores of these passages would be, and which of them have one."""
        wanted = np.array(list(keys), np.int64).reshape(-1, 2)
        if not len(self._versions):
            return wanted[:, 0], np.zeros(len(wanted), np.bool_)
        at = np.minimum(np.searchsorted(self._versions, wanted[:, 0]), len(self._versions) - 1)
        places = self._begins[at] + wanted[:, 1]
        return places, (self._versions[at] == wanted[:, 0]) & (places < self._begins[at + 1])


def score_passages(*, listed: Listed, terms: Terms, passages: int, length: int) -> Lexical:
    """Return the BM25 scores of the visible passages: that many, with `length` terms in all."""
    distinct = list(dict.fromkeys([*terms.everywhere, *(term for term, _ in terms.scoped)]))
    numbers = {term: number for number, term in enumerate(distinct)}
    blocks = _read(listed, terms, numbers)
    is_asked = blocks.numbers != _BARRED
    idf = _idf(blocks.numbers[is_asked], passages, terms=len(distinct))
    weights = idf[blocks.numbers[is_asked]] * _saturated(blocks.entries[is_asked], passages, length)
    scores = np.bincount(blocks.places[is_asked], weights, minlength=int(blocks.begins[-1]))
    upper_bound = max((_sum(idf, asked, numbers) for asked in terms.asked), default=0.0)
    lexical = Lexical(blocks, scores.astype(np.float64), distinct, upper_bound=upper_bound)
    lexical.bar(lexical.keys(blocks.places[~is_asked]))
    return lexical


def _read(listed: Listed, terms: Terms, numbers: Mapping[str, int]) -> "_Blocks":
    asked = [*terms.everywhere, *(term for term, _ in terms.scoped)]
    not_asked = [None for _ in terms.barred]
    params = {
        "terms": [*asked, *(term for term, _ in terms.barred)],
        "numbers": [*(numbers[term] for term in asked), *(_BARRED for _ in terms.barred)],
        "only_in": [*(None for _ in terms.everywhere), *(one for _, one in terms.scoped), *not_asked],
        "languages": [*(None for _ in asked), *(language for _, language in terms.barred)],
    }
    statement = _BLOCKS.format(visible=listed.ids, readable=listed.readable)
    [(heads, entries)] = fetch(statement, listed.params | params, binary=True)[1]
    return _Blocks(_elements(heads), entries or b"")


def _elements(array: bytes | None) -> NDArray[np.int64]:
    """Return the elements of an array of bigint as PostgreSQL sends it: each with its length before it."""
    if array is None:
        return np.zeros(0, np.int64)
    sent = np.frombuffer(array, [("length", ">i4"), ("element", ">i8")], offset=_ARRAY_HEADER)
    return sent["element"].astype(np.int64)


class _Blocks:
    """Blocks taken apart: for each entry the number of its term, and the place of its passage.

    Places count through the passages of all `versions`, those of version n from `begins[n]` on. Of an entry,
    `of_version` is that n.
    """

    def __init__(self, heads: NDArray[np.int64], entries: bytes) -> None:
        """Each block has a head: 8 bits for its term, 16 for its bytes, 40 for its version."""
        self.entries = entries_of(entries)
        counts = (heads >> _VERSION_BITS & _MOST_BYTES) // ENTRY.itemsize
        self.numbers = np.repeat(heads >> _VERSION_BITS + _SIZE_BITS, counts)
        self.versions, version = np.unique(heads & _LAST_VERSION, return_inverse=True)
        ordinals = self.entries["ordinal"].astype(np.int64)
        passages = np.zeros(len(self.versions), np.int64)
        np.maximum.at(passages, version, ordinals[np.cumsum(counts) - 1] + 1)  # a block ends with its last
        self.begins = np.concatenate([np.zeros(1, np.int64), np.cumsum(passages)])
        self.of_version = np.repeat(version, counts)
        self.places = self.begins[self.of_version] + ordinals


def _sum(idf: NDArray[np.float64], terms: Sequence[str], numbers: Mapping[str, int]) -> float:
    return sum(float(idf[numbers[term]]) for term in dict.fromkeys(terms) if term in numbers)


def _idf(numbers: NDArray[np.int64], passages: int, *, terms: int) -> NDArray[np.float64]:
    """Return the inverse document frequency of each term by its number, 0 of one that occurs nowhere."""
    found = np.bincount(numbers, minlength=terms).astype(np.float64)
    among = max(passages, found.max(initial=0.0))  # a document may have come since passages were counted
    return np.where(found > 0, np.log1p((among - found + 0.5) / (found + 0.5)), 0.0)


def _saturated(entries: NDArray[np.void], passages: int, length: int) -> NDArray[np.float64]:
    """Return how much each entry's frequency counts, from 0 to 1, in a passage of its length."""
    average = max(length / max(passages, 1), 1.0)
    k1, b = settings.BM25_K1, settings.BM25_B
    frequency = entries["frequency"].astype(np.float64)
    share: NDArray[np.float64] = frequency / (frequency + k1 * (1 - b + b / average * entries["length"]))
    return share
