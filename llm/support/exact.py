"""What must be the same in a sentence and its source, compared: numbers, dates, names, negations."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from llm.support.alignment import Fact, misplaced
from llm.support.dates import Date, dates
from llm.support.names import Name, initials_of, keys_of, names_in
from llm.support.negation import Denials, denials, opposite
from llm.support.quantities import Quantity, Span, quantities

Kind = Literal["number", "date", "name", "negation"]

_TOKEN = re.compile(r"\w+(?:['\u2019]\w+)*|[^\w\s]")
_EDGES = {*".,;:!?…\"'()[]-*•«»\u201c\u201d\u2018\u2019\u2013\u2014"}
_SENTENCE_ENDS = set(".!?")
_SPELT_OUT = 3  # letters of an acronym that its words may stand for


@dataclass(frozen=True, slots=True)
class Mismatch:
    """`text` of the sentence is not what its source says; unless `grave`, it stands elsewhere in there."""

    kind: Kind
    text: str
    reason: str
    grave: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """What of a text is compared exactly."""

    text: str
    quantities: tuple[Quantity, ...]
    dates: tuple[Date, ...]
    names: tuple[Name, ...]
    denials: Denials

    @property
    def years(self) -> set[int]:
        """Every year that is named, with the numbers that may be one."""
        whole = {int(one.value) for one in self.quantities if one.value == int(one.value)}
        return {one.year for one in self.dates if one.year is not None} | whole


@lru_cache(maxsize=500)
def facts_of(text: str, language: str) -> Facts:
    """The facts of `text`; numbers, dates and names do not overlap."""
    found_dates = tuple(dates(text))
    taken = [one.span for one in found_dates]
    numbers = tuple(one for one in quantities(text, language) if not _overlaps(one.span, taken))
    taken += [one.span for one in numbers]
    names = tuple(one for one in names_in(text, language) if not _overlaps(one.span, taken))
    return Facts(text, numbers, found_dates, names, denials(text, language))


def compare(sentence: str, *, place: str, near: str, whole: str, language: str) -> Mismatch | None:
    """What of `sentence` its source says otherwise; the worst of it, or None.

    `place` is what of the source says most of the sentence, `near` that with what stands around it, `whole`
    all that is cited, with titles and dates.
    """
    said = facts_of(sentence, language)
    at_place, around, anywhere = (facts_of(text, language) for text in (place, near, whole))
    found = [
        *_numbers(said, around, anywhere),
        *_dates(said, around, anywhere),
        *_names(said, anywhere),
        *_negations(said, at_place, around, language),
        *_misplaced(said, around),
    ]
    return min(found, key=lambda one: not one.grave, default=None)


def stands_in(sentence: str, source: str, language: str) -> bool:
    """Whether the source has the sentence word for word, and no word before it in its sentence denies it."""
    tokens, said = _tokens(source), _tokens(sentence)
    while said and said[-1] in _EDGES:
        said.pop()
    while said and said[0] in _EDGES:
        said.pop(0)
    if not said:
        return False
    for start in range(len(tokens) - len(said) + 1):
        if tokens[start] == said[0] and tokens[start : start + len(said)] == said:
            before = _back_to_sentence_start(tokens, start)
            if not denials(" ".join(before), language).heads:
                return True
    return False


def _back_to_sentence_start(tokens: Sequence[str], start: int) -> Sequence[str]:
    first = start
    while first and tokens[first - 1] not in _SENTENCE_ENDS:
        first -= 1
    return tokens[first:start]


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


def _numbers(said: Facts, around: Facts, anywhere: Facts) -> list[Mismatch]:
    found = []
    for number in said.quantities:
        if _has_number(number, around):
            continue
        if _has_number(number, anywhere):
            found.append(_elsewhere("number", number.text))
        else:
            found.append(_missing("number", number.text))
    return found


def _has_number(number: Quantity, source: Facts) -> bool:
    if any(number.agrees_with(one) for one in source.quantities):
        return True
    if any(number.value == one.value for one in source.quantities):
        return False  # the same digits, of another unit
    return number.value in source.years or _is_written(number.text, source.text)


def _dates(said: Facts, around: Facts, anywhere: Facts) -> list[Mismatch]:
    found = []
    for span in dict.fromkeys(date.span for date in said.dates):
        readings = [date for date in said.dates if date.span == span]
        if any(_has_date(date, around) for date in readings):
            continue
        if any(_has_date(date, anywhere) for date in readings):
            found.append(_elsewhere("date", readings[0].text))
        else:
            found.append(_missing("date", readings[0].text))
    return found


def _has_date(date: Date, source: Facts) -> bool:
    if any(date.says_no_more_than(one, source.years) for one in source.dates):
        return True
    if date.parts[1:] == (None, None, None):
        return date.year in source.years or _is_written(date.text, source.text)
    return _is_written(date.text, source.text)


def _is_written(text: str, source: str) -> bool:
    """Whether the source has exactly these characters, not as a part of a longer number."""
    return bool(re.search(rf"(?<![\w.,]){re.escape(text)}(?!\w|[.,]\d)", source, re.IGNORECASE))


def _names(said: Facts, anywhere: Facts) -> list[Mismatch]:
    known = _keys(anywhere.text)
    return [_missing("name", name.text) for name in said.names if not _is_known(name, said, known, anywhere)]


def _is_known(name: Name, said: Facts, known: frozenset[str], source: Facts) -> bool:
    if name.key in known or all(part in known for part in _keys(name.text)):
        return True
    if name.is_acronym:
        return name.text.replace(".", "").replace("&", "").casefold() in _initials(source.text)
    spelt = _initials(said.text)  # spelt out here, an acronym there
    return any(
        one.is_acronym and len(one.key) >= _SPELT_OUT and name.key[0] in one.key and one.key in spelt
        for one in source.names
    )


@lru_cache(maxsize=200)
def _keys(text: str) -> frozenset[str]:
    return frozenset(keys_of(text))


@lru_cache(maxsize=200)
def _initials(text: str) -> str:
    return initials_of(text)


def _negations(said: Facts, at_place: Facts, around: Facts, language: str) -> list[Mismatch]:
    """What the sentence denies and the source says, and what it says and the source denies."""
    here, there = said.denials, at_place.denials
    for heads in here.heads:
        source = there if set(heads) & (there.plain | there.denied) else around.denials
        if heads and not source.denied & set(heads) and set(heads) & source.plain:
            return [_denied(heads[0], "The cited source does not deny this.")]
    twice = [stem for stem in here.denied & there.denied if here.times(stem) % 2 != there.times(stem) % 2]
    if twice:
        return [_denied(twice[0], "The cited source denies it, and this denies that again.")]
    for heads in there.heads:
        first = set(heads[:1])
        if first and first <= here.plain and not first & (here.denied | there.plain):
            return [_denied(heads[0], "The cited source denies this.")]
    pair = opposite(said.text, at_place.text, language)
    if pair:
        return [Mismatch("negation", pair[0], f"The cited source says “{pair[1]}”, not “{pair[0]}”.")]
    return []


def _denied(text: str, reason: str) -> Mismatch:
    return Mismatch("negation", text, reason)


def _misplaced(said: Facts, around: Facts) -> list[Mismatch]:
    """A number, date or name that stands in the source, but not here: here another one does."""
    found = misplaced(said.text, _figures(said), around.text, _figures(around))
    figures = [_swapped("number", mine, other) for mine, other in found]
    found = misplaced(said.text, _phrases(said), around.text, _phrases(around))
    return figures + [_swapped("name", mine, other) for mine, other in found]


def _swapped(kind: Kind, mine: Fact, other: Fact) -> Mismatch:
    return Mismatch(kind, mine.text, f"The cited source says “{other.text}” here, not “{mine.text}”.")


def _figures(facts: Facts) -> list[Fact]:
    """The numbers and dates of a text; of a date its parts, of an ambiguous one those of all readings."""
    numbers = [Fact(frozenset([one.value]), one.span, one.text) for one in facts.quantities]
    spans = dict.fromkeys(one.span for one in facts.dates)
    return numbers + [
        Fact(
            frozenset(piece for one in facts.dates if one.span == span for piece in one.pieces),
            span,
            facts.text[slice(*span)],
        )
        for span in spans
    ]


def _phrases(facts: Facts) -> list[Fact]:
    """The names of a text, words side by side as one; no single word that only begins a sentence."""
    phrases: list[list[Name]] = []
    for name in facts.names:
        if phrases and not facts.text[phrases[-1][-1].span[1] : name.span[0]].strip(" -"):
            phrases[-1].append(name)
        else:
            phrases.append([name])
    return [
        Fact(
            frozenset([*(name.key for name in words), *_acronym_of(words)]),
            (words[0].span[0], words[-1].span[1]),
            facts.text[words[0].span[0] : words[-1].span[1]],
        )
        for words in phrases
        if len(words) > 1 or not words[0].opens
    ]


def _acronym_of(words: Sequence[Name]) -> list[str]:
    return ["".join(name.key[0] for name in words)] if len(words) > 1 else []


def _missing(kind: Kind, text: str) -> Mismatch:
    return Mismatch(kind, text, f"The cited source does not hold {text}.")


def _elsewhere(kind: Kind, text: str) -> Mismatch:
    return Mismatch(kind, text, f"The cited source holds {text}, but says it of something else.", grave=False)


def _overlaps(span: Span, taken: Sequence[Span]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in taken)
