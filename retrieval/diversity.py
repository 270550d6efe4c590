"""Which passages a result list shows, and how: copies as one, few of each document, neighbours joined.

The best WINDOW candidates are compared with each other, and those that follow as long as a place is free.
What is left out for other documents' sake comes back where the list would be shorter than asked for.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from django.conf import settings

from retrieval._candidates import Candidate, Key
from retrieval._passages import ReadPassage
from retrieval.fusion import Ranked
from retrieval.near_duplicates import NearDuplicates

WINDOW = 30
MOST_JOINED = 3
_LEAST_SHARE = 0.6  # of the score of what it would join: what hardly fits would only make that longer


@dataclass(frozen=True, slots=True)
class Arrangement:
    """`per_document`: how many passages of one document stand among the first; 0 for any number.

    With `joins`, passages that follow each other in a document are one.
    """

    per_document: int = 0
    joins: bool = False


COPIES_ONCE = Arrangement()


def first_page(*, per_document: int | None = None) -> Arrangement:
    """Return how results are laid out for readers; SEARCH_PER_DOCUMENT, or another number, of a document."""
    most: int = settings.SEARCH_PER_DOCUMENT if per_document is None else per_document
    return Arrangement(per_document=most, joins=True)


@dataclass(slots=True)
class Place:
    """A place in a result list: a candidate, the neighbours that it was joined with, what it stands for.

    `similar` passages say the same and are not shown. `more` of its document are left out for other
    documents; they are told of with the last of its places.
    """

    candidate: Candidate
    score: float
    ordinals: list[int] = field(default_factory=list)
    similar: int = 0
    more: int = 0

    @property
    def version_id(self) -> int:
        return self.candidate.key[1]

    @property
    def keys(self) -> list[Key]:
        collection_id, version_id, _ = self.candidate.key
        return [(collection_id, version_id, ordinal) for ordinal in self.ordinals]


class ReadablePassages(Protocol):
    def of(self, keys: Iterable[Key], /) -> dict[Key, ReadPassage]: ...


def as_ranked(ranked: Sequence[Ranked]) -> list[Place]:
    """Return a place for each candidate, as it is."""
    return [Place(candidate, score, [candidate.key[2]]) for candidate, score in ranked]


def arrange(
    ranked: Sequence[Ranked], *, limit: int, arrangement: Arrangement, passages: ReadablePassages
) -> list[Place]:
    """Return the places of a list of `limit`, best first: fewer only where no more is to be found."""
    layout = _Layout(limit, arrangement, passages)
    aside = layout.take(ranked[:WINDOW], is_window=True)
    beyond: list[Ranked] = []
    for start in range(WINDOW, len(ranked), WINDOW):
        beyond += layout.take(ranked[start : start + WINDOW])
    left = layout.take(aside, has_room=True)
    for start in range(0, len(beyond), WINDOW):
        layout.take(beyond[start : start + WINDOW], has_room=True)
    layout.tell_of(left)
    return layout.places


class _Layout:
    def __init__(self, limit: int, arrangement: Arrangement, passages: ReadablePassages) -> None:
        self.places: list[Place] = []
        self._limit, self._arrangement, self._passages = limit, arrangement, passages
        self._count: Counter[int] = Counter()
        self._copies: NearDuplicates[Key] = NearDuplicates()
        self._at: dict[Key, Place] = {}

    def take(
        self, ranked: Sequence[Ranked], *, is_window: bool = False, has_room: bool = False
    ) -> list[Ranked]:
        """Give candidates their places, and return those that are put aside for other documents' sake.

        The window is compared to its end, so that copies are counted. With `has_room`, a document may have
        any number of places.
        """
        if self._is_full and not is_window:
            return list(ranked)
        wanted = {one.key for one, _ in ranked if is_window or has_room or self._has_room(one)}
        read = self._passages.of(wanted)
        left = []
        for candidate, score in ranked:
            text = read.get(candidate.key)
            if text is None:
                left += [] if candidate.key in wanted else [(candidate, score)]
            elif not self._is_told(candidate, score, text.text):
                if not self._is_full and (has_room or self._has_room(candidate)):
                    self._show(candidate, score, text.text)
                elif has_room or not self._is_full:
                    left.append((candidate, score))
        return left

    def tell_of(self, left: Sequence[Ranked]) -> None:
        """Count what found no place with the last place of its document."""
        last = {place.version_id: place for place in self.places}
        for candidate, _ in left:
            if place := last.get(candidate.key[1]):
                place.more += 1

    @property
    def _is_full(self) -> bool:
        return len(self.places) >= self._limit

    def _has_room(self, candidate: Candidate) -> bool:
        most = self._arrangement.per_document
        return not most or self._count[candidate.key[1]] < most

    def _is_told(self, candidate: Candidate, score: float, text: str) -> bool:
        """Whether the list has it already: as a copy of what is shown, or from now on as a part of it."""
        if first := self._copies.find(text):
            self._at[first].similar += 1
            return True
        if not self._arrangement.joins or self._is_full:
            return False
        return self._is_joined(candidate, score, text)

    def _show(self, candidate: Candidate, score: float, text: str) -> None:
        place = Place(candidate, score, [candidate.key[2]])
        self.places.append(place)
        self._count[place.version_id] += 1
        self._keep(candidate, text, place)

    def _keep(self, candidate: Candidate, text: str, place: Place) -> None:
        self._copies.add(text, candidate.key)
        self._at[candidate.key] = place

    def _is_joined(self, candidate: Candidate, score: float, text: str) -> bool:
        *_, version_id, ordinal = candidate.key
        if not self._count[version_id]:
            return False
        of_version = [place for place in self.places if place.version_id == version_id]
        beside = [place for place in of_version if ordinal in {place.ordinals[0] - 1, place.ordinals[-1] + 1}]
        place = next((one for one in beside if self._takes(one, score)), None)
        if place is None:
            return False
        place.ordinals = sorted([*place.ordinals, ordinal])
        self._keep(candidate, text, place)
        for other in beside:
            if other is not place and len(place.ordinals) + len(other.ordinals) <= MOST_JOINED:
                self._merge(place, other)
        return True

    def _takes(self, place: Place, score: float) -> bool:
        return len(place.ordinals) < MOST_JOINED and score >= _LEAST_SHARE * place.score

    def _merge(self, place: Place, other: Place) -> None:
        place.ordinals = sorted([*place.ordinals, *other.ordinals])
        place.similar += other.similar
        self._at.update(dict.fromkeys(other.keys, place))
        self.places.remove(other)
        self._count[place.version_id] -= 1
