"""On which page does a character of a passage stand? A passage may run over the end of a page."""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Protocol

from django.db.models import Q

from retrieval.models import Page

# (position, page number), in order: the page begins at that character of the version's text.
PageStarts = tuple[tuple[int, int], ...]


class Placed(Protocol):
    """A passage that knows the pages on which it begins and ends."""

    @property
    def version_id(self) -> int: ...
    @property
    def ordinal(self) -> int: ...
    @property
    def page(self) -> int | None: ...
    @property
    def last_page(self) -> int | None: ...


def page_starts(passages: Iterable[Placed]) -> dict[tuple[int, int], PageStarts]:
    """Return where pages begin inside of passages, by (version id, ordinal), in one query at most.

    Passages that stand on one page are left out: their own page number is all there is to know.
    """
    split = [chunk for chunk in passages if chunk.page and chunk.last_page and chunk.last_page > chunk.page]
    if not split:
        return {}
    wanted = reduce(or_, (_pages_of(chunk) for chunk in split))
    rows = (
        Page.objects.filter(wanted)
        .order_by("version_id", "number")
        .values_list("version_id", "start", "number")
    )
    found = list(rows)
    return {
        (chunk.version_id, chunk.ordinal): tuple(
            (start, number)
            for version_id, start, number in found
            if version_id == chunk.version_id and (chunk.page or 0) <= number <= (chunk.last_page or 0)
        )
        for chunk in split
    }


def _pages_of(chunk: Placed) -> Q:
    return Q(version_id=chunk.version_id, number__gte=chunk.page, number__lte=chunk.last_page)


def page_of(position: int, *, first: int | None, starts: PageStarts) -> int | None:
    """Return the page on which a character of a passage stands; `first` is where the passage begins."""
    return max((number for start, number in starts if start <= position), default=first)
