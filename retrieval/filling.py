"""The chunks that a generation has no vectors of yet, and writing them there while documents come and go."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from retrieval.indexing import vector_literal
from retrieval.models import Generation

Key = tuple[int, int, int]
BEGIN: Key = (0, 0, -1)


@dataclass(frozen=True, slots=True)
class MissingChunk:
    """A chunk without a vector; `key` is its collection, version and ordinal."""

    key: Key
    text: str
    context: str

    @property
    def indexed_text(self) -> str:
        """What is embedded, as when the chunk was published."""
        return f"{self.context}\n{self.text}" if self.context else self.text


_HAS_VECTOR = """
SELECT FROM retrieval_vector AS vector
WHERE vector.generation_id = %(generation)s AND vector.collection_id = chunk.collection_id
  AND vector.version_id = chunk.version_id AND vector.ordinal = chunk.ordinal
"""
# The place to go on from is named for both tables, so that neither is read from its begin again.
_MISSING = f"""
SELECT chunk.collection_id, chunk.version_id, chunk.ordinal, chunk.text, chunk.context
FROM retrieval_chunk AS chunk
WHERE (chunk.collection_id, chunk.version_id, chunk.ordinal) > (%(collection)s, %(version)s, %(ordinal)s)
  AND NOT EXISTS (
      {_HAS_VECTOR}
      AND (vector.collection_id, vector.version_id, vector.ordinal)
          > (%(collection)s, %(version)s, %(ordinal)s)
  )
ORDER BY chunk.collection_id, chunk.version_id, chunk.ordinal
LIMIT %(limit)s
"""  # noqa: S608 - constants
_COUNT_MISSING = f"SELECT count(*) FROM retrieval_chunk AS chunk WHERE NOT EXISTS ({_HAS_VECTOR})"  # noqa: S608 - constants


def missing_chunks(*, generation: Generation, after: Key, limit: int) -> list[MissingChunk]:
    """Return the next chunks in the order of their keys that have no vector in a generation."""
    names = zip(("collection", "version", "ordinal"), after, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_MISSING, dict(names) | {"generation": generation.pk, "limit": limit})
        return [MissingChunk((row[0], row[1], row[2]), row[3], row[4]) for row in cursor.fetchall()]


def count_missing(generation: Generation) -> int:
    """Return how many chunks have no vector in a generation."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_MISSING, {"generation": generation.pk})
        return int(cursor.fetchone()[0])


def count_chunks() -> int:
    """Return how many chunks there are to have vectors of."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM retrieval_chunk")
        return int(cursor.fetchone()[0])


# What is being deleted, moved or published anew this very moment is locked: it is left out, and looked at
# again by the next round. Waiting for it could end in a deadlock with whoever deletes.
_LOCK_CHUNKS = """
SELECT chunk.collection_id, chunk.version_id, chunk.ordinal, chunk.text, chunk.context
FROM unnest(%s::bigint[], %s::bigint[], %s::int[]) AS wanted (collection_id, version_id, ordinal)
JOIN retrieval_chunk AS chunk USING (collection_id, version_id, ordinal)
FOR KEY SHARE OF chunk SKIP LOCKED
"""
_STORE = """
INSERT INTO retrieval_vector (generation_id, collection_id, version_id, ordinal, embedding)
SELECT %s, collection_id, version_id, ordinal, embedding::halfvec
FROM unnest(%s::bigint[], %s::bigint[], %s::int[], %s::text[])
    AS made (collection_id, version_id, ordinal, embedding)
ON CONFLICT DO NOTHING
"""


def store_vectors(
    *, generation: Generation, chunks: Sequence[MissingChunk], vectors: NDArray[np.float32]
) -> int:
    """Write the vectors of those chunks that are still what was embedded; return how many that were.

    Call it inside a transaction: until that ends, nobody deletes or moves these chunks.
    """
    made = dict(zip(chunks, vectors, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_CHUNKS, _columns([chunk.key for chunk in chunks]))
        still = [MissingChunk((row[0], row[1], row[2]), row[3], row[4]) for row in cursor.fetchall()]
        kept = [chunk for chunk in still if chunk in made]
        texts = [vector_literal(made[chunk]) for chunk in kept]
        cursor.execute(_STORE, [generation.pk, *_columns([chunk.key for chunk in kept]), texts])
        return int(cursor.rowcount)


def _columns(keys: Sequence[Key]) -> list[list[int]]:
    return [[key[place] for key in keys] for place in range(3)]
