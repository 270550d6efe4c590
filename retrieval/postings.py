"""Posting lists as they are stored: blocks of passages, one or more for each term of a segment.

An entry is eight bytes in network order: the passage's place in the segment, how often the term stands in it,
and how many terms it has.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from struct import pack

import numpy as np
from numpy.typing import NDArray

ENTRY = np.dtype([("place", ">u4"), ("frequency", ">u2"), ("length", ">u2")])
BLOCK = 240  # entries: four blocks with their keys fill a page of the index that they are read from
_MOST = 65_535


def blocks_of(passages: Sequence[tuple[int, list[str]]]) -> Iterator[tuple[str, int, bytes]]:
    """Yield term, first place and entries of each block of a segment, from its (place, terms)."""
    entries: dict[str, list[int]] = defaultdict(list)
    for place, terms in sorted(passages):
        length = min(len(terms), _MOST)
        for term, frequency in Counter(terms).items():
            entries[term].append(place << 32 | min(frequency, _MOST) << 16 | length)
    for term, of_term in entries.items():
        for at in range(0, len(of_term), BLOCK):
            block = of_term[at : at + BLOCK]
            yield term, block[0] >> 32, pack(f">{len(block)}Q", *block)


def entries_of(blocks: bytes) -> NDArray[np.void]:
    """Return the entries of a block, or of several one after another."""
    return np.frombuffer(blocks, ENTRY)


def columns_of(blocks: bytes) -> tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.uint16]]:
    """Return the places, frequencies and lengths of the entries of blocks."""
    whole = np.frombuffer(blocks, ">u8").astype(np.uint64)  # turned round once, not in each column
    low = whole.astype(np.uint32)
    places = (whole >> np.uint64(32)).view(np.int64)
    return places, (low >> np.uint32(16)).astype(np.uint16), low.astype(np.uint16)
