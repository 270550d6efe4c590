"""Blocks of postings as they leave the database, taken apart."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval._places import Numbers, Places
from retrieval.postings import columns_of

# The head of a block: a number of its term, which may be negative, how many entries it has, and its segment.
# One array of these leaves the database in half the time of three.
_SEGMENT_BITS, _COUNT_BITS = 40, 8
_LAST_SEGMENT, _MOST_ENTRIES = (1 << _SEGMENT_BITS) - 1, (1 << _COUNT_BITS) - 1
_HEAD = f"""({{number}}::bigint << {_SEGMENT_BITS + _COUNT_BITS})
    | ((octet_length(posting.entries) / 8)::bigint << {_SEGMENT_BITS}) | posting.segment_id"""
_ARRAY_HEADER = 20  # bytes before the elements of an array of one dimension


def columns(number: str) -> str:
    """Return the two columns of a group of blocks named posting; `number` is their term's, in SQL.

    To be read in binary: `Entries.read` takes them.
    """
    return f"array_send(array_agg({_HEAD.format(number=number)})), string_agg(posting.entries, '')"


def elements(array: bytes | None) -> Numbers:
    """Return the elements of an array of bigint as PostgreSQL sends it: each with its length before it."""
    if array is None:
        return np.zeros(0, np.int64)
    sent = np.frombuffer(array, [("length", ">i4"), ("element", ">i8")], offset=_ARRAY_HEADER)
    return sent["element"].astype(np.int64)


def numbered(heads: Numbers, number: int) -> Numbers:
    """Return heads with the number of their term, where the statement gave 0."""
    return heads | (number << _SEGMENT_BITS + _COUNT_BITS)


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries of blocks, of passages with a place alone: each has the number of its term, and that place."""

    numbers: Numbers
    places: Numbers
    frequencies: NDArray[np.uint16]
    lengths: NDArray[np.uint16]

    @classmethod
    def read(cls, heads: Numbers, packed: bytes, places: Places) -> "Entries":
        """Take blocks apart, each with its head; their segments are among those of the places."""
        counts = heads >> _SEGMENT_BITS & _MOST_ENTRIES
        in_segment, frequencies, lengths = columns_of(packed)
        at = places.of_entries(heads & _LAST_SEGMENT, counts, in_segment)
        numbers = np.repeat(heads >> _SEGMENT_BITS + _COUNT_BITS, counts)
        found = cls(numbers, at, frequencies, lengths)
        return found.where(places.is_one[at])

    def where(self, is_kept: NDArray[np.bool_]) -> "Entries":
        """Return some of the entries: without a copy where that is all of them."""
        if is_kept.all():
            return self
        return Entries(
            self.numbers[is_kept], self.places[is_kept], self.frequencies[is_kept], self.lengths[is_kept]
        )
