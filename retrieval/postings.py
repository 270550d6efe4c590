"""Posting lists as they are stored: blocks of passages, one or more for each term of a version.

An entry is eight bytes in network order: the passage's ordinal, how often the term stands in it, and how
many terms it has.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from struct import pack

import numpy as np
from numpy.typing import NDArray

ENTRY = np.dtype([("ordinal", ">u4"), ("frequency", ">u2"), ("length", ">u2")])
BLOCK = 128  # entries; with its key a block must stay below what PostgreSQL lets into an index, 2,704 bytes
_MOST = 65_535

# What a block, by that name, holds: a row for each passage.
ORDINALS = """(
    SELECT get_byte(block.entries, at) << 24 | get_byte(block.entries, at + 1) << 16
           | get_byte(block.entries, at + 2) << 8 | get_byte(block.entries, at + 3)
    FROM generate_series(0, octet_length(block.entries) - 8, 8) AS at
)"""


def blocks_of(passages: Sequence[tuple[int, list[str]]]) -> Iterator[tuple[str, int, bytes]]:
    """Yield term, first ordinal and entries of each block of a version, from its (ordinal, terms)."""
    entries: dict[str, list[int]] = defaultdict(list)
    for ordinal, terms in sorted(passages):
        length = min(len(terms), _MOST)
        for term, frequency in Counter(terms).items():
            entries[term].append(ordinal << 32 | min(frequency, _MOST) << 16 | length)
    for term, of_term in entries.items():
        for at in range(0, len(of_term), BLOCK):
            block = of_term[at : at + BLOCK]
            yield term, block[0] >> 32, pack(f">{len(block)}Q", *block)


def entries_of(blocks: bytes) -> NDArray[np.void]:
    """Return the entries of a block, or of several one after another."""
    return np.frombuffer(blocks, ENTRY)
