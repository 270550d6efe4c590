"""Do two passages say the same? Decided by their words, two by two, and by every number in them.

Copies of one text differ in a title, a line break, a corrected word. A passage with another figure, or with
“not” or “must” where the other has none, says something else, however much of the rest is the same, and is
never taken for a copy.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Generic, TypeVar

Name = TypeVar("Name")

LEAST_ALIKE = 0.9
_FEWEST_WORDS = 8
_NUMBER = re.compile(r"\d+(?:[.,/:-]\d+)*")
# Words that turn a sentence round, of the languages that are met most.
_TURNING = """
not no never none neither nor without cannot can't don't doesn't didn't won't isn't aren't wasn't except
may must shall should can need only nicht kein keine keinen keiner keines nie ohne außer nur darf dürfen muss
müssen soll sollen kann können ne pas non sans jamais aucun aucune sauf doit doivent peut peuvent
sin nunca ningún ninguna debe deben puede pueden senza mai nessun nessuna deve devono può possono
niet geen nooit zonder moet moeten mag mogen não sem devem pode podem inte ikke ei не без
"""
_DECISIVE = frozenset(_TURNING.split())


@dataclass(frozen=True, slots=True)
class _Print:
    words: tuple[str, ...]
    distinct: frozenset[str]


class NearDuplicates(Generic[Name]):
    """Passages by what they say; `Name` is the caller's own name for each."""

    def __init__(self) -> None:
        self._by_numbers: dict[tuple[str, ...], list[tuple[_Print, Name]]] = {}

    def find(self, text: str) -> Name | None:
        """Return the name of the first passage that says the same, or None."""
        new, numbers = _read(text)
        return next(
            (name for known, name in self._by_numbers.get(numbers, ()) if _are_alike(known, new)), None
        )

    def add(self, text: str, name: Name) -> None:
        new, numbers = _read(text)
        self._by_numbers.setdefault(numbers, []).append((new, name))


@lru_cache(maxsize=4)  # what was looked for is what is added next
def _read(text: str) -> tuple[_Print, tuple[str, ...]]:
    words = tuple(text.casefold().split())
    return _Print(words, frozenset(words)), tuple(_NUMBER.findall(text))


def _are_alike(one: _Print, other: _Print) -> bool:
    if one.words == other.words:
        return True
    fewer, more = sorted((len(one.distinct), len(other.distinct)))
    if fewer < LEAST_ALIKE * more or fewer < _FEWEST_WORDS:
        return False
    differing = one.distinct ^ other.distinct
    if len(differing) > (1 - LEAST_ALIKE) * 2 * more or not _DECISIVE.isdisjoint(differing):
        return False
    left, right = frozenset(pairwise(one.words)), frozenset(pairwise(other.words))
    return len(left & right) >= LEAST_ALIKE * len(left | right)
