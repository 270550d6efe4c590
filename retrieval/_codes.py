"""Vectors by the signs of their numbers: a sixteenth of their size, kept in this process, compared at once.

A code has a bit for each number of a vector: whether it is above the mean of all. The nearest ten of some
hundred thousand passages are nearly always among the thousand whose codes differ least from that of the
question. Codes are hints: the passages that they point to are read from the database, by the list of what is
visible, and compared by their vectors there.

A version's codes are kept by its place in the posting lists, which is another one whenever it is published.
"""

import json
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from threading import Lock
from typing import cast

import numpy as np
from numpy.typing import NDArray

from retrieval._places import Key
from retrieval.indexing import vector_literal
from retrieval.models import Generation
from retrieval.scope import Indexed, Listed
from retrieval.statements import array, fetch

FEWEST_BITS = 256  # with fewer, too many passages differ in as many bits as the nearest
_NEAR = 1_000
_MOST_BYTES = 96 * 2**20
_READ_AT_ONCE = 20_000  # passages for one search
_FOR_MEAN = 2_000
_GENERATIONS = 2

_MEAN = "SELECT avg(embedding)::text FROM (SELECT embedding FROM {partition} LIMIT %(vectors)s) AS sample"
_CODES = """
SELECT wanted.number, string_agg(
    substring(varbit_send(binary_quantize(vector.embedding - %(mean)s::halfvec)::bit varying), 5), ''
    ORDER BY vector.ordinal)
FROM unnest(%(numbers)s::bigint[], %(collections)s::bigint[], %(versions)s::bigint[])
     AS wanted (number, collection_id, version_id)
CROSS JOIN LATERAL (
    SELECT * FROM {partition} AS one
    WHERE one.generation_id = %(generation)s AND one.collection_id = wanted.collection_id
      AND one.version_id = wanted.version_id
    OFFSET 0
) AS vector
GROUP BY wanted.number
"""


class Codes:
    """The codes of a generation's vectors, as far as searches have asked for them."""

    def __init__(self, generation: Generation) -> None:
        self._partition = f"retrieval_vector_g{generation.pk:d}"
        self._generation_id, self._size = generation.pk, -(-generation.dimension // 8)
        self._mean: NDArray[np.float32] | None = None
        self._of: dict[int, bytes] = {}
        self._weight = 0
        self._reading = Lock()

    def nearest(self, listed: Listed, vector: NDArray[np.float32]) -> list[Key] | None:
        """Return the passages whose codes differ least from a vector's: versions and ordinals.

        None where codes are missing: as many of them as one search reads are there for the next.
        """
        coded = listed.indexed
        if coded is None:
            return None
        codes = list(map(self._of.get, coded.places))
        if None in codes:
            self._read(listed, coded, [number for number, code in enumerate(codes) if code is None])
            codes = list(map(self._of.get, coded.places))
        if None in codes or self._mean is None:
            return None
        differ = _differing(b"".join(cast("list[bytes]", codes)), np.packbits(vector > self._mean).tobytes())
        near = np.argpartition(differ, _NEAR)[:_NEAR] if len(differ) > _NEAR else np.arange(len(differ))
        at = np.searchsorted(coded.begins, near, side="right") - 1
        return list(zip(coded.versions[at].tolist(), (near - coded.begins[at]).tolist(), strict=True))

    def _read(self, listed: Listed, coded: Indexed, missing: Sequence[int]) -> None:
        """Read some of the missing codes, where no other search does so just now."""
        if not self._reading.acquire(blocking=False):
            return
        try:
            if self._mean is None:
                self._mean = self._mean_of_some()
            if self._mean is None:
                return
            some = np.array(missing)[: np.searchsorted(np.cumsum(coded.counts[missing]), _READ_AT_ONCE) + 1]
            versions = coded.versions[some]
            rows = fetch(
                _CODES.format(partition=self._partition),
                {
                    "generation": self._generation_id,
                    "mean": vector_literal(self._mean),
                    "numbers": array(some.tolist()),
                    "collections": array(listed.collections_of(versions).tolist()),
                    "versions": array(versions.tolist()),
                },
                binary=True,
            )[1]
            for number, code in rows:
                if len(code) == coded.counts[number] * self._size:
                    self._of[coded.places[number]] = code
                    self._weight += len(code)
            while self._weight > _MOST_BYTES:
                self._weight -= len(self._of.pop(next(iter(self._of))))
        finally:
            self._reading.release()

    def _mean_of_some(self) -> NDArray[np.float32] | None:
        [(mean,)] = fetch(_MEAN.format(partition=self._partition), {"vectors": _FOR_MEAN})[1]
        return None if mean is None else np.array(json.loads(mean), np.float32)


def _differing(codes: bytes, other: bytes) -> NDArray[np.uint16]:
    """Return in how many bits each of some codes differs from another one."""
    word = next(
        kind for kind in (np.uint64, np.uint32, np.uint16, np.uint8) if not len(other) % kind().itemsize
    )
    asked = np.frombuffer(other, word)
    words = np.frombuffer(codes, word).reshape(-1, len(asked))
    differ = np.zeros(len(words), np.uint16)
    for column, one in enumerate(asked):
        differ += np.bitwise_count(words[:, column] ^ one)
    return differ


_KEPT: OrderedDict[tuple[int, datetime], Codes] = OrderedDict()
_KEEPING = Lock()


def codes_of(generation: Generation) -> Codes:
    """Return the codes of a generation; those of two are kept, for comparing and for flipping back."""
    name = generation.pk, generation.created_at
    if (kept := _KEPT.get(name)) is None:
        with _KEEPING:
            kept = _KEPT.setdefault(name, Codes(generation))
            while len(_KEPT) > _GENERATIONS:
                _KEPT.popitem(last=False)
    return kept
