"""Where passages stand in arrays: those of all segments in one row, one segment's places after another's."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Key = tuple[int, int]  # version and ordinal of a passage
Numbers = NDArray[np.int64]


class Places:
    """The places of the passages of some versions, from 0 to `length`, and the passages at them.

    Between them are places of passages that are of no such version: `is_one` is false there.
    """

    def __init__(self, versions: Numbers, segments: Numbers, firsts: Numbers, counts: Numbers) -> None:
        """Versions with their segments, their first places in those and their numbers of passages.

        Segment 0 is none: the passages of such a version are in no posting list.
        """
        known = np.flatnonzero((segments > 0) & (counts > 0))
        order = known[np.lexsort((firsts[known], segments[known]))]
        self.versions = versions[order]
        self.segments, stretch = np.unique(segments[order], return_inverse=True)
        self._lengths = np.zeros(len(self.segments), np.int64)
        np.maximum.at(self._lengths, stretch, firsts[order] + counts[order])
        # One more for each segment: what lies past the last of these versions counts as there.
        self._begins_of = np.concatenate([np.zeros(1, np.int64), np.cumsum(self._lengths + 1)])
        self.length = int(self._begins_of[-1])
        self.begins = self._begins_of[stretch] + firsts[order]
        self._ends = self.begins + counts[order]
        changes = np.zeros(self.length + 1, np.int8)
        changes[self.begins] = 1
        changes[self._ends] -= 1
        self.is_one = np.cumsum(changes, dtype=np.int8)[:-1].astype(np.bool_)
        self._by_version = np.argsort(self.versions)

    def of_entries(self, segments: Numbers, counts: Numbers, in_segment: Numbers) -> Numbers:
        """Return the places of entries: of each block its segment and its number of entries, then of all.

        Within a block they are in their order.
        """
        stretch = np.searchsorted(self.segments, segments)
        lasts = in_segment[np.cumsum(counts) - 1]
        if (lasts >= self._lengths[stretch]).any():
            in_segment = np.minimum(in_segment, np.repeat(self._lengths[stretch], counts))
        places: Numbers = np.repeat(self._begins_of[stretch], counts)
        places += in_segment
        return places

    def passages(self, places: Numbers) -> tuple[Numbers, Numbers]:
        """Return the versions and the ordinals of the passages at some places."""
        at = np.searchsorted(self.begins, places, side="right") - 1
        return self.versions[at], places - self.begins[at]

    def keys(self, places: Numbers) -> list[Key]:
        """Return the passages at some places, in their order."""
        versions, ordinals = self.passages(places)
        return list(zip(versions.tolist(), ordinals.tolist(), strict=True))

    def look_up(self, keys: Iterable[Key]) -> tuple[Numbers, NDArray[np.bool_]]:
        """Return where passages would be, and which of them are there."""
        wanted = np.array(list(keys), np.int64).reshape(-1, 2)
        if not len(self.versions):
            return wanted[:, 0], np.zeros(len(wanted), np.bool_)
        at = self._by_version[
            np.minimum(
                np.searchsorted(self.versions, wanted[:, 0], sorter=self._by_version), len(self.versions) - 1
            )
        ]
        places = self.begins[at] + wanted[:, 1]
        return places, (self.versions[at] == wanted[:, 0]) & (places < self._ends[at])

    def of(self, keys: Iterable[Key]) -> Numbers:
        """Return the places of those passages that have one."""
        places, has_one = self.look_up(keys)
        return places[has_one]

    def beginnings(self, versions: Sequence[int], *, passages: int) -> NDArray[np.bool_]:
        """Return which places are of the first passages of some versions."""
        is_first = np.zeros(self.length, np.bool_)
        keys = [(version, ordinal) for version in versions for ordinal in range(passages)]
        is_first[self.of(keys)] = True
        return is_first
