"""What a question is asked of: what the person may see, counted and listed, and what dictionaries add."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrieval._blocks import elements
from retrieval._places import Numbers, Places
from retrieval._statements import NONE_SENT, Sent, fetch
from retrieval._visible import Visible
from retrieval.dictionary import Expansion, expand, keys_in
from retrieval.query import Query

_COUNTS = """
WITH visible AS ({visible})
SELECT count(*), count(DISTINCT collection_id), coalesce(sum(chunk_count), 0)::bigint
FROM visible
"""

# The same with the versions, their collections and places, and the dictionaries that apply: the portal's, and
# those of the collections that are searched.
_SCOPE = """
WITH counted AS MATERIALIZED (
    SELECT count(*) AS documents, coalesce(sum(chunk_count), 0)::bigint AS chunks,
           coalesce(sum(term_count), 0)::bigint AS terms, array_send(array_agg(id)) AS versions,
           array_agg(collection_id) AS in_collections,
           array_send(array_agg(coalesce(segment_id, 0))) AS segments,
           array_send(array_agg(first_place::bigint)) AS firsts,
           array_send(array_agg(chunk_count::bigint)) AS passages
    FROM ({visible}) AS visible
),
readable AS MATERIALIZED (
    SELECT id, language FROM retrieval_collection WHERE id IN (SELECT unnest(in_collections) FROM counted)
)
SELECT documents, chunks, terms, versions, array_send(in_collections) AS of_collections, segments, firsts,
       passages, about.*, (SELECT count(*) FROM retrieval_collection) AS every_collection,
       (SELECT coalesce(json_agg(json_build_array(entry.collection_id, entry.words)
                                 ORDER BY entry.id), '[]')
        FROM retrieval_synonyms AS entry
        WHERE entry.keys && %(keys)s::varchar[]
          AND (entry.collection_id IS NULL OR entry.collection_id IN (SELECT id FROM readable))) AS entries
FROM counted,
     (SELECT count(*) AS collections, coalesce(array_agg(DISTINCT language), '{{}}') AS languages,
             coalesce(array_agg(id), '{{}}')::text AS readable,
             coalesce(array_agg(language), '{{}}')::text AS readable_languages
      FROM readable) AS about
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a person may see."""

    documents: int
    collections: int
    chunks: int


class Listed:
    """What was visible when a search counted it: for the statements that look for candidates right after.

    Asking the rule again would take each of them longer than all else; what is shown is read through it.
    `sql` has the columns id and collection_id; `readable` has collection_id and language, once for each
    collection. Both take `params`. `places` are those of the passages in the posting lists.
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
            "readable": read["readable"],
            "readable_languages": read["readable_languages"],
        }
        self._versions, self._collections, segments, firsts, passages = (
            elements(read[name]) for name in ("versions", "of_collections", "segments", "firsts", "passages")
        )
        self.places = Places(self._versions, segments, firsts, passages)
        self._share: float = read["collections"] / max(read["every_collection"], 1)

    def collections_of(self, versions: Numbers) -> Numbers:
        """Return the collections of some of these versions."""
        order = np.argsort(self._versions)
        found: Numbers = self._collections[order][np.searchsorted(self._versions, versions, sorter=order)]
        return found

    def is_more_than(self, share: float) -> bool:
        """Return whether there is something of more than this share of all collections."""
        return self._share > share


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
    """Return what a question is asked of, in one statement."""
    keys = keys_in(asked.words)
    names, [row] = fetch(
        _SCOPE.format(visible=visible.sql), visible.params | {"keys": list(keys)}, binary=True
    )
    read = dict(zip(names, row, strict=True))
    also = tuple(expand([(collection, words) for collection, words in read["entries"]], keys))
    return Scope(
        visible=visible,
        listed=Listed(read),
        counts=Counts(read["documents"], read["collections"], read["chunks"]),
        length=read["terms"],
        languages=read["languages"],
        also=also,
        question=_with_expansions(asked.text, also),
    )


def _with_expansions(question: str, also: Sequence[Expansion]) -> str:
    """Return a question with what its words stand for, as a person would put it."""
    return f"{question} ({', '.join(dict.fromkeys(one.words for one in also))})" if also else question
