"""Sources that disagree: the same is said of the same subject, but for one number or date."""

from collections.abc import Sequence
from dataclasses import dataclass

from llm.grounding import Source
from llm.passages import Passage
from llm.sentences import sentence_spans
from llm.support.dates import Date
from llm.support.exact import Facts, facts_of
from llm.support.quantities import Quantity
from llm.words import content_terms, coverage, weighted_terms

_ALIKE = 0.75  # of the weighted words of either sentence, numbers and dates aside
_FEWEST_TERMS = 3
_MOST = 2


@dataclass(frozen=True, slots=True)
class Disagreement:
    """`passages[passage].text[start:end]` says `theirs` where the cited source says `ours`."""

    passage: int
    start: int
    end: int
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    end: int
    text: str
    terms: frozenset[str]


class Disagreements:
    """Finds what other passages say otherwise than a cited one."""

    def __init__(self, passages: Sequence[Passage], language: str) -> None:
        self._passages = passages
        self._language = language
        self._pieces: dict[int, list[_Piece]] = {}

    def with_sources(self, sources: Sequence[Source]) -> tuple[Disagreement, ...]:
        """At most two sentences of other passages that disagree with what is cited."""
        cited = {source.passage for source in sources}
        found = [one for source in sources for one in self._with(source.passage, source.start, source.end)]
        others = {one.passage: one for one in reversed(found) if one.passage not in cited}
        return tuple(others[passage] for passage in sorted(others))[:_MOST]

    def _with(self, passage: int, start: int, end: int) -> list[Disagreement]:
        text = self._passages[passage].text[start:end]
        weights = self._weights(text)
        if len(weights) < _FEWEST_TERMS or " | " in text:
            return []  # rows of a table differ in their numbers by nature
        found: list[Disagreement] = []
        for other in range(len(self._passages)):
            if other != passage:
                found.extend(self._in_passage(other, text, weights))
        return found

    def _in_passage(self, other: int, text: str, weights: dict[str, float]) -> list[Disagreement]:
        mine = facts_of(text, self._language)
        found = []
        for piece in self._sentences(other):
            if coverage(weights, piece.terms) < _ALIKE or " | " in piece.text:
                continue
            theirs = facts_of(piece.text, self._language)
            if coverage(self._weights(piece.text), content_terms(text, self._language)) < _ALIKE:
                continue
            pair = _differing(mine, theirs)
            if pair:
                found.append(Disagreement(other, piece.start, piece.end, *pair))
        return found[:1]

    def _sentences(self, position: int) -> list[_Piece]:
        if position not in self._pieces:
            text = self._passages[position].text
            self._pieces[position] = [
                _Piece(start, end, text[start:end], frozenset(content_terms(text[start:end], self._language)))
                for start, end in sentence_spans(text)
            ]
        return self._pieces[position]

    def _weights(self, text: str) -> dict[str, float]:
        """The weighted words of a sentence without its numbers and dates."""
        facts = facts_of(text, self._language)
        spans = sorted([one.span for one in facts.quantities] + [one.span for one in facts.dates])
        rest, position = "", 0
        for start, end in spans:
            rest += text[position:start] + " "
            position = max(position, end)
        return weighted_terms(rest + text[position:], self._language)


def _differing(mine: Facts, theirs: Facts) -> tuple[str, str] | None:
    """The one number or date in which two sentences of the same subject differ, or None."""
    if {name.key for name in mine.names} != {name.key for name in theirs.names}:
        return None
    if bool(mine.denials.heads) != bool(theirs.denials.heads):
        return None
    numbers = _unlike_numbers(mine.quantities, theirs.quantities)
    dates = _unlike_dates(mine.dates, theirs.dates)
    if numbers == ([], []) and _one_each(dates):
        ours, other = dates[0][0], dates[1][0]
        same_form = [part is None for part in ours.parts] == [part is None for part in other.parts]
        return (ours.text, other.text) if same_form else None
    if dates == ([], []) and _one_each(numbers):
        one, another = numbers[0][0], numbers[1][0]
        return (one.text, another.text) if one.unit == another.unit else None
    return None


def _one_each(pair: tuple[Sequence[object], Sequence[object]]) -> bool:
    return len(pair[0]) == 1 and len(pair[1]) == 1


def _unlike_numbers(
    mine: Sequence[Quantity], theirs: Sequence[Quantity]
) -> tuple[list[Quantity], list[Quantity]]:
    return (
        [one for one in mine if not any(one.agrees_with(other) for other in theirs)],
        [one for one in theirs if not any(one.agrees_with(other) for other in mine)],
    )


def _unlike_dates(mine: Sequence[Date], theirs: Sequence[Date]) -> tuple[list[Date], list[Date]]:
    return (
        [one for one in mine if not any(one.parts == other.parts for other in theirs)],
        [one for one in theirs if not any(one.parts == other.parts for other in mine)],
    )
