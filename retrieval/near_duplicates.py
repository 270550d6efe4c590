"""Do two passages say the same? Decided by their words, two by two, and by every number in them.

Copies of one text differ in a title, a line break, a corrected word. A passage with another figure, or with
“not” or “must” where the other has none, says something else, however much of the rest is the same, and is
never taken for a copy.
"""

import re
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Generic, TypeVar

Name = TypeVar("Name")

LEAST_ALIKE = 0.9
_LEAST_LENGTH = 0.8  # of the longer one: the rest is not looked at
_FEWEST_WORDS = 8
_NUMBER = re.compile(r"[0-9][0-9.,/:-]*")  # takes half the time of one that ends with a digit
# Words that turn a sentence round, of the languages that are met most.
_TURNING = """
not no never none neither nor without cannot can't don't doesn't didn't won't isn't aren't wasn't except
may must shall should can need only nicht kein keine keinen keiner keines nie ohne außer nur darf dürfen muss
müssen soll sollen kann können ne pas non sans jamais aucun aucune sauf doit doivent peut peuvent
sin nunca ningún ninguna debe deben puede pueden senza mai nessun nessuna deve devono può possono
niet geen nooit zonder moet moeten mag mogen não sem devem pode podem inte ikke ei не без
"""
_DECISIVE = frozenset(_TURNING.split())


class _Words:
    """The words of a text, taken apart when it is first compared: most texts never are."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def in_order(self) -> list[str]:
        return self.text.casefold().split()

    @cached_property
    def distinct(self) -> frozenset[str]:
        return frozenset(self.in_order)

    @cached_property
    def pairs(self) -> frozenset[tuple[str, str]]:
        return frozenset(pairwise(self.in_order))


class NearDuplicates(Generic[Name]):
    """Passages by what they say; `Name` is the caller's own name for each."""

    def __init__(self) -> None:
        self._by_numbers: dict[tuple[str, ...], list[tuple[_Words, Name]]] = {}

    def find(self, text: str) -> Name | None:
        """Return the name of the first passage that says the same, or None."""
        new = _Words(text)
        return next((name for known, name in self._like(text) if _are_alike(known, new)), None)

    def add(self, text: str, name: Name) -> None:
        self._like(text).append((_Words(text), name))

    def _like(self, text: str) -> list[tuple[_Words, Name]]:
        """Return the passages with the same numbers."""
        return self._by_numbers.setdefault(_numbers(text), [])


@lru_cache(maxsize=4)  # what was looked for is what is added next
def _numbers(text: str) -> tuple[str, ...]:
    return tuple(number.rstrip(".,/:-") for number in _NUMBER.findall(text))


def _are_alike(one: _Words, other: _Words) -> bool:
    shorter, longer = sorted((len(one.text), len(other.text)))
    if shorter < _LEAST_LENGTH * longer:
        return False
    if one.in_order == other.in_order:
        return True
    fewer, more = sorted((len(one.distinct), len(other.distinct)))
    if fewer < LEAST_ALIKE * more or fewer < _FEWEST_WORDS:
        return False
    differing = one.distinct ^ other.distinct
    if len(differing) > (1 - LEAST_ALIKE) * 2 * more or not _DECISIVE.isdisjoint(differing):
        return False
    return len(one.pairs & other.pairs) >= LEAST_ALIKE * len(one.pairs | other.pairs)
