"""Does a number or a name stand where the source has it, or where the source has another one?"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

Span = tuple[int, int]

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|\w+|[^\w\s]|\n")
_EDGE = "\u00a7"
_ENDS = {".", "!", "?", "\n"}
_QUOTES = set("\"'`\u201c\u201d\u2018\u2019*")
_WINDOW = 3
_ENOUGH = 2


@dataclass(frozen=True, slots=True)
class Fact:
    """What stands at a span of a text; `parts` are compared. Of a name they are its words, in any order."""

    parts: frozenset[object]
    span: Span
    text: str

    def agrees_with(self, other: "Fact") -> bool:
        """Whether one of them says no more than the other: "Obama" and "Barack Obama"."""
        return self.parts <= other.parts or other.parts <= self.parts


@dataclass(frozen=True, slots=True)
class _Spot:
    """A fact with the words before it, nearest first, and those after it."""

    fact: Fact
    before: tuple[str, ...]
    after: tuple[str, ...]


def misplaced(
    text: str, facts: Sequence[Fact], source: str, others: Sequence[Fact]
) -> list[tuple[Fact, Fact]]:
    """The facts of `text` in whose place the source has another one, each with that one.

    A fact's place is known by the words beside it. It is misplaced when they are more like those beside
    another value of the source than like those beside the same value, wherever that stands.
    """
    there = _spots(source, others)
    found = []
    for mine in _spots(text, facts):
        same = max((_likeness(mine, one) for one in there if mine.fact.agrees_with(one.fact)), default=0)
        rivals = [(_likeness(mine, one), one.fact) for one in there if not mine.fact.agrees_with(one.fact)]
        best, other = max(rivals, key=lambda rival: rival[0], default=(0, None))
        if other is not None and best > same and best >= _ENOUGH:
            found.append((mine.fact, other))
    return found


def _likeness(one: _Spot, other: _Spot) -> int:
    return _run(one.before, other.before) + _run(one.after, other.after)


def _run(mine: Sequence[str], theirs: Sequence[str]) -> int:
    length = 0
    for one, other in zip(mine, theirs, strict=False):
        if one != other:
            break
        length += 1
    return length


def _spots(text: str, facts: Iterable[Fact]) -> list[_Spot]:
    tokens = _tokens(text)
    return [
        _Spot(
            fact,
            tuple([token for token, _, end in tokens if end <= fact.span[0]][: -_WINDOW - 1 : -1]),
            tuple([token for token, start, _ in tokens if start >= fact.span[1]][:_WINDOW]),
        )
        for fact in facts
    ]


@lru_cache(maxsize=200)
def _tokens(text: str) -> tuple[tuple[str, int, int], ...]:
    """Words and signs with their spans; the ends of the text and of its sentences are one sign."""
    inside = [
        (_EDGE if match.group() in _ENDS else match.group().casefold(), *match.span())
        for match in _TOKEN.finditer(text)
        if match.group() not in _QUOTES
    ]
    last = inside[-1][0] if inside else ""
    closing = [] if last == _EDGE else [(_EDGE, len(text), len(text))]
    return ((_EDGE, 0, 0), *inside, *closing)
