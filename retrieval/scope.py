"""What a question is asked of: what the person may see, counted and listed, and what dictionaries add."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from retrieval._blocks import elements
from retrieval._kept import Kept
from retrieval._places import Numbers, Places
from retrieval._visible import Visible
from retrieval.changes import STATE
from retrieval.dictionary import Expansion, expand, keys_in
from retrieval.query import Query
from retrieval.statements import NONE_SENT, Sent, array, fetch

_COUNTS = """
WITH visible AS ({visible})
SELECT count(*), count(DISTINCT collection_id), coalesce(sum(chunk_count), 0)::bigint
FROM visible
"""

# What changed last, and the entries of all dictionaries that fit the question.
_STATE = f"""
SELECT {STATE} AS state, coalesce(json_agg(json_build_array(entry.collection_id, entry.words)
                                           ORDER BY entry.id), '[]') AS entries
FROM retrieval_synonyms AS entry WHERE entry.keys && %(keys)s::varchar[]
"""  # noqa: S608 - a constant

# The counts with the versions, their collections and their places.
_LIST = f"""
WITH counted AS MATERIALIZED (
    SELECT count(*) AS documents, coalesce(sum(chunk_count), 0)::bigint AS chunks,
           coalesce(sum(term_count), 0)::bigint AS terms, array_send(array_agg(id)) AS versions,
           array_agg(collection_id) AS in_collections,
           array_send(array_agg(coalesce(segment_id, 0))) AS segments,
           array_send(array_agg(first_place::bigint)) AS firsts,
           array_send(array_agg(chunk_count::bigint)) AS passages
    FROM ({{visible}}) AS visible
)
SELECT documents, chunks, terms, versions, array_send(in_collections) AS of_collections, segments, firsts,
       passages, about.*, (SELECT count(*) FROM retrieval_collection) AS every_collection, {STATE} AS state
FROM counted,
     (SELECT count(*) AS collections, coalesce(array_agg(DISTINCT language), '{{{{}}}}') AS languages,
             coalesce(array_agg(id), '{{{{}}}}') AS readable,
             coalesce(array_agg(language), '{{{{}}}}')::text AS readable_languages
      FROM retrieval_collection WHERE id IN (SELECT unnest(in_collections) FROM counted)) AS about
"""  # noqa: S608 - a constant
_PLACE_BITS = 32
_MOST_KEPT = 500_000  # documents in all lists: some 50 MB


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a person may see."""

    documents: int
    collections: int
    chunks: int


@dataclass(frozen=True, slots=True)
class Indexed:
    """The visible versions that have passages. `places` are where each is in the posting lists: no other
    version, nor the same one once it is published anew, is ever there. `begins` counts the passages before.
    """

    versions: Numbers
    places: Sequence[int]
    counts: Numbers
    begins: Numbers


class Listed:
    """What was visible when a search counted it: for the statements that look for candidates right after.

    Asking the rule again would take each of them longer than all else; what is shown is read through it.
    `sql` has the columns id and collection_id; `readable` has collection_id and language, once for each
    collection. Both take `params`, which also have the versions as bits, from the first on to the last
    of them. `places` are those of the passages in the posting lists.
    """

    sql = """
SELECT id, collection_id
FROM unnest(%(listed)s::bigint[], %(listed_in)s::bigint[]) AS listed (id, collection_id)
"""
    readable = """
SELECT collection_id, language
FROM unnest(%(readable)s::bigint[], %(readable_languages)s::text[]) AS readable (collection_id, language)
"""

    def __init__(self, read: Mapping[str, Any]) -> None:
        """What the statement that lists gives, by the names of its columns."""
        self.params: dict[str, Any] = {
            "listed": Sent(read["versions"] or NONE_SENT),
            "listed_in": Sent(read["of_collections"] or NONE_SENT),
            "readable": array(read["readable"]),
            "readable_languages": read["readable_languages"],
        }
        self._versions, self._collections, segments, firsts, passages = (
            elements(read[name]) for name in ("versions", "of_collections", "segments", "firsts", "passages")
        )
        self.params |= _bits(self._versions)
        self._order = np.argsort(self._versions)
        self._in_postings = segments, firsts, passages
        self.places = Places(self._versions, segments, firsts, passages)
        self._share: float = read["collections"] / max(read["every_collection"], 1)

    def collections_of(self, versions: Numbers) -> Numbers:
        """Return the collections of some of these versions."""
        at = self._order[np.searchsorted(self._versions, versions, sorter=self._order)]
        found: Numbers = self._collections[at]
        return found

    @cached_property
    def indexed(self) -> Indexed | None:
        """The versions with passages, or None where one of them is in no posting list."""
        segments, firsts, passages = self._in_postings
        has_some = passages > 0
        if not segments[has_some].all():
            return None
        places = ((segments << _PLACE_BITS) + firsts)[has_some].tolist()
        counts = passages[has_some]
        return Indexed(self._versions[has_some], places, counts, np.cumsum(counts) - counts)

    def is_more_than(self, share: float) -> bool:
        """Return whether there is something of more than this share of all collections."""
        return self._share > share


def _bits(numbers: Numbers) -> dict[str, Any]:
    """Return numbers as parameters: a bit for each number from the first on to the last of them."""
    if not len(numbers):
        return {"listed_bits": b"", "listed_first": 0, "listed_last": -1}
    first, last = int(numbers.min()), int(numbers.max())
    is_one = np.zeros(last - first + 1, np.bool_)
    is_one[numbers - first] = True
    bits = np.packbits(is_one, bitorder="little").tobytes()
    return {"listed_bits": bits, "listed_first": first, "listed_last": last}


@dataclass(frozen=True, slots=True)
class _Seen:
    """All that a person may search. `length` counts the terms of all passages."""

    listed: Listed
    counts: Counts
    length: int
    languages: Sequence[str]
    collections: frozenset[int]


_KEPT: Kept[_Seen] = Kept(most=_MOST_KEPT)


@dataclass(frozen=True, slots=True)
class Scope:
    """What is searched for a question. `length` counts the terms of all passages; `question` is in words."""

    visible: Visible
    listed: Listed
    counts: Counts
    length: int
    languages: Sequence[str]
    also: tuple[Expansion, ...]
    question: str

    @property
    def also_searched_for(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.words for one in self.also))

    @property
    def dictionaries_of(self) -> tuple[int, ...]:
        return tuple({one.collection_id for one in self.also if one.collection_id is not None})


def count(visible: Visible) -> Counts:
    """Return how much there is to search."""
    [row] = fetch(_COUNTS.format(visible=visible.sql), visible.params)[1]
    return Counts(*row)


def read_scope(visible: Visible, asked: Query) -> Scope:
    """Return what a question is asked of.

    The list of what is visible is read where anything changed since it was read last, see `changes`. Of
    dictionaries the portal's applies, and those of the collections that are searched.
    """
    keys = keys_in(asked.words)
    [(state, entries)] = fetch(_STATE, {"keys": list(keys)}, binary=True)[1]
    seen = _KEPT.get(visible.name, state=state) or _read(visible)
    found = [(one, words) for one, words in entries if one is None or one in seen.collections]
    also = tuple(expand(found, keys))
    return Scope(
        visible=visible,
        listed=seen.listed,
        counts=seen.counts,
        length=seen.length,
        languages=seen.languages,
        also=also,
        question=_with_expansions(asked.text, also),
    )


def _read(visible: Visible) -> _Seen:
    names, [row] = fetch(_LIST.format(visible=visible.sql), visible.params, binary=True)
    read = dict(zip(names, row, strict=True))
    seen = _Seen(
        listed=Listed(read),
        counts=Counts(read["documents"], read["collections"], read["chunks"]),
        length=read["terms"],
        languages=read["languages"],
        collections=frozenset(read["readable"]),
    )
    _KEPT.keep(visible.name, seen, state=read["state"], weight=read["documents"] + 1)
    return seen


def _with_expansions(question: str, also: Sequence[Expansion]) -> str:
    """Return a question with what its words stand for, as a person would put it."""
    return f"{question} ({', '.join(dict.fromkeys(one.words for one in also))})" if also else question
