"""What a question is asked of: what the person may see, counted and listed, and what dictionaries add."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from retrieval._statements import fetch
from retrieval._visible import Visible
from retrieval.dictionary import Expansion, expand, keys_in
from retrieval.query import Query

_COUNTS = """
WITH visible AS ({visible})
SELECT count(*), count(DISTINCT collection_id), coalesce(sum(chunk_count), 0)::bigint
FROM visible
"""

# The same with the versions, their collections, and the dictionaries that apply: the portal's, and those of
# the collections that are searched. Arrays leave as text: they come back as they are.
_SCOPE = """
WITH counted AS MATERIALIZED (
    SELECT count(*) AS documents, coalesce(sum(chunk_count), 0)::bigint AS chunks,
           coalesce(sum(term_count), 0)::bigint AS terms, coalesce(array_agg(id), '{{}}') AS versions,
           coalesce(array_agg(collection_id), '{{}}') AS in_collections
    FROM ({visible}) AS visible
),
readable AS MATERIALIZED (
    SELECT id, language FROM retrieval_collection WHERE id IN (SELECT unnest(in_collections) FROM counted)
)
SELECT documents, chunks, terms, versions::text AS listed, in_collections::text AS listed_in, about.*,
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


_ARRAYS = ("listed", "listed_in", "readable", "readable_languages")


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a person may see."""

    documents: int
    collections: int
    chunks: int


class Listed:
    """What was visible when a search counted it: for the statements that look for candidates right after.

    Asking the rule again would take each of them longer than all else; what is shown is read through it.
    `sql` has the columns id and collection_id, `ids` the first alone; `readable` has collection_id and
    language, once for each collection.
    """

    ids = "SELECT unnest(%(listed)s::bigint[]) AS id"
    sql = """
SELECT id, collection_id
FROM unnest(%(listed)s::bigint[], %(listed_in)s::bigint[]) AS listed (id, collection_id)
"""
    readable = """
SELECT collection_id, language
FROM unnest(%(readable)s::bigint[], %(readable_languages)s::text[]) AS readable (collection_id, language)
"""

    def __init__(self, arrays: Mapping[str, str]) -> None:
        """Arrays as the database writes them, by the names of the parameters."""
        self.params = {
            name: arrays[name] for name in ("listed", "listed_in", "readable", "readable_languages")
        }


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
    names, [row] = fetch(_SCOPE.format(visible=visible.sql), visible.params | {"keys": list(keys)})
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
