"""What must be the same in a sentence and its source, compared: numbers, dates, names, negations."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol

from llm.support.dates import Date, dates
from llm.support.names import Name, initials_of, keys_of, names_in
from llm.support.negation import Denials, denials, opposite
from llm.support.quantities import Quantity, Span, quantities

Kind = Literal["number", "date", "name", "negation"]

_TOKEN = re.compile(r"\w+|[^\w\s]")
_EDGES = {*".,;:!?…\"'“”‘’«»()[]-–—•*"}
_SENTENCE_ENDS = set(".!?")
_SPELT_OUT = 3  # letters of an acronym that its words may stand for
_WORD = re.compile(r"[^\W_]+(?:[.,'\u2019&-][^\W_]+)*|[%$€£¥]")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """`text` of the sentence does not agree with its source. Unless `grave` it only stands elsewhere in it."""

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


@lru_cache(maxsize=4_000)
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
        *_displaced(said, around),
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


@lru_cache(maxsize=1_000)
def _keys(text: str) -> frozenset[str]:
    return frozenset(keys_of(text))


@lru_cache(maxsize=1_000)
def _initials(text: str) -> str:
    return initials_of(text)


def _negations(said: Facts, at_place: Facts, around: Facts, language: str) -> list[Mismatch]:
    """What the sentence denies and the source says, and what it says and the source denies."""
    for heads in said.denials.heads:
        if not heads or around.denials.denied & set(heads):
            continue
        if set(heads) & around.denials.plain:
            return [_denied(heads[0], "The cited source says the contrary: it does not deny this.")]
    denied_here = said.denials.denied
    for heads in at_place.denials.heads:
        first = set(heads[:1])
        if first and first <= said.denials.plain and not first & (denied_here | at_place.denials.plain):
            return [_denied(heads[0], "The cited source denies this.")]
    pair = opposite(said.text, at_place.text, language)
    if pair:
        return [Mismatch("negation", pair[0], f"The cited source says “{pair[1]}”, not “{pair[0]}”.")]
    return []


def _denied(text: str, reason: str) -> Mismatch:
    return Mismatch("negation", text, reason)


def _displaced(said: Facts, around: Facts) -> list[Mismatch]:
    """A number, date or name that stands in the source, but not here: here another one does."""
    found: list[Mismatch] = []
    kinds: tuple[tuple[Kind, Callable[[Facts], list[_Slot]]], ...] = (
        ("number", lambda facts: _slots(facts, facts.quantities, lambda one: one.value)),
        ("date", lambda facts: _slots(facts, facts.dates, lambda one: one.parts)),
        ("name", lambda facts: _slots(facts, facts.names, lambda one: one.key)),
    )
    for kind, slots in kinds:
        here, there = slots(said), slots(around)
        found.extend(
            Mismatch(
                kind, mine.text, f"Where the sentence says “{mine.text}”, the source says “{other.text}”."
            )
            for mine in here
            if (other := _other_in_its_place(mine, there)) is not None
        )
    return found


@dataclass(frozen=True, slots=True)
class _Slot:
    value: object
    text: str
    before: str
    after: str


class _Spanned(Protocol):
    @property
    def span(self) -> Span: ...
    @property
    def text(self) -> str: ...


def _other_in_its_place(mine: _Slot, there: Sequence[_Slot]) -> _Slot | None:
    """Another value between the same words, where ours stands between neither of them."""
    if not (mine.before and mine.after):
        return None
    if any(one.value == mine.value and _touches(one, mine) for one in there):
        return None
    return next(
        (
            one
            for one in there
            if one.value != mine.value and (one.before, one.after) == (mine.before, mine.after)
        ),
        None,
    )


def _touches(one: _Slot, other: _Slot) -> bool:
    return one.before == other.before or one.after == other.after


def _slots(facts: Facts, found: Sequence[_Spanned], value: Callable[..., object]) -> list[_Slot]:
    words = [(match.start(), match.end(), match.group().casefold()) for match in _WORD.finditer(facts.text)]
    slots = []
    for one in found:
        before = [word for _, end, word in words if end <= one.span[0]]
        after = [word for start, _, word in words if start >= one.span[1]]
        slots.append(_Slot(value(one), one.text, before[-1] if before else "", after[0] if after else ""))
    return slots


def _missing(kind: Kind, text: str) -> Mismatch:
    return Mismatch(kind, text, f"The cited source does not hold {text}.")


def _elsewhere(kind: Kind, text: str) -> Mismatch:
    return Mismatch(kind, text, f"The cited source holds {text}, but says it of something else.", grave=False)


def _overlaps(span: Span, taken: Sequence[Span]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in taken)
