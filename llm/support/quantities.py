"""Numbers as they are meant: "1,200", "1.200", "twelve hundred" and "1.2 thousand" are one value."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from llm.support import _number_words

Span = tuple[int, int]

# A comma, a point, an apostrophe or a narrow space between digits; sentence marks are not part of a number.
_NUMBER = re.compile(r"(?<![^\W_])(?<![.,]\d)\d+(?:[.,'\u2019\u00a0\u202f\u2009]\d+)*")
_GROUPED = re.compile(r"\d{1,3}(?:[.,]\d{3})+")
_CLOCK = re.compile(
    r"(?<![\d:.])(\d{1,2})[:.](\d{2})(?::\d{2})?(?!\d)(\s?[ap]\.?m\b\.?|\s?Uhr\b)?", re.IGNORECASE
)
_WORD_AFTER = re.compile(r"[\s\u00a0-]{0,2}(%|°\s?[CF]\b|[€$£¥]|[^\W\d_]+\.?)")
_BEFORE = re.compile(r"(?:([€$£¥])|\b(USD|EUR|GBP|CHF|US\$))[\s\u00a0]?$")

_SCALES = {
    "thousand": 3, "tausend": 3, "k": 3, "mille": 3, "mil": 3,
    "million": 6, "millions": 6, "millionen": 6, "mio": 6, "mn": 6, "millones": 6,
    "billion": 9, "billions": 9, "bn": 9, "milliarde": 9, "milliarden": 9, "mrd": 9, "milliards": 9,
    "milliard": 9,
    "trillion": 12, "trillions": 12, "billionen": 12,
}  # fmt: skip

_UNITS = {
    "%": "% percent percentage pct prozent pour por",
    "$": "$ usd dollar dollars us$",
    "€": "€ eur euro euros",
    "£": "£ gbp",
    "¥": "¥ jpy yen",
    "chf": "chf franken",
    "second": "second seconds sec secs sekunde sekunden",
    "minute": "minute minutes min mins minuten",
    "hour": "hour hours h hr hrs stunde stunden heures horas",
    "day": "day days tag tage tagen jours días",
    "week": "week weeks woche wochen semaines semanas",
    "month": "month months monat monate monaten mois meses",
    "year": "year years yr yrs jahr jahre jahren ans años",
    "mm": "mm millimeter millimeters millimetre millimetres",
    "cm": "cm centimeter centimeters centimetre centimetres zentimeter",
    "metre": "m meter meters metre metres metern",
    "km": "km kilometer kilometers kilometre kilometres kilometern",
    "foot": "ft foot feet",
    "inch": "inch inches",
    "mile": "mile miles mi meilen",
    "mg": "mg milligram milligrams",
    "gram": "g gram grams gramm",
    "kg": "kg kilogram kilograms kilo kilos kilogramm",
    "pound": "lb lbs pound pounds",
    "tonne": "t ton tons tonne tonnes tonnen",
    "litre": "l liter liters litre litres litern",
    "ml": "ml milliliter milliliters millilitre millilitres",
    "watt": "w watt watts",
    "kw": "kw kilowatt kilowatts",
    "volt": "v volt volts",
    "°c": "°c",
    "°f": "°f",
    "knot": "knot knots kt kts",
}
_UNIT_OF = {word: unit for unit, words in _UNITS.items() for word in words.split()}
_HALF_DAY, _MINUTES = 12, 60


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number at `span` of its text. `value` is plain; `mantissa` is what is written before a scale word.

    `unit` is one canonical word, empty where none of those known follows; `text` is as it is written.
    """

    value: Decimal
    mantissa: Decimal
    unit: str
    span: Span
    text: str

    def agrees_with(self, other: "Quantity") -> bool:
        """Whether both may be the same: same value, or same digits with the scale said only once."""
        if self.unit and other.unit and self.unit != other.unit:
            return False
        scaled = self.value != self.mantissa, other.value != other.mantissa
        return self.value == other.value or (self.mantissa == other.mantissa and not all(scaled))


def quantities(text: str, language: str = "en") -> list[Quantity]:
    """The numbers of `text` in order, in digits and in words; digits inside a part number are none.

    Number words are read from two on: "one" is mostly no number.
    """
    clocks = list(_clocks(text))
    taken = [clock.span for clock in clocks]
    digits = [one for one in _in_digits(text) if not _overlaps(one.span, taken)]
    taken += [one.span for one in digits]
    spelt = [
        _quantity(text, value, span)
        for value, span in _number_words.spelt(text, language)
        if not _overlaps(span, taken)
    ]
    return sorted([*clocks, *digits, *spelt], key=lambda one: one.span)


def plain_value(number: str) -> Decimal:
    """The value of digits with separators: three digits after the only separator make it a thousand."""
    digits = re.sub(
        r"['\u2019\u00a0\u202f\u2009]", "", unicodedata.normalize("NFKC", number).replace(" ", "")
    )
    if _GROUPED.fullmatch(digits):
        return Decimal(re.sub(r"[.,]", "", digits))
    whole, _, decimals = digits.replace(",", ".").rpartition(".")
    return Decimal(f"{whole.replace('.', '')}.{decimals}" if whole else decimals).normalize()


def _in_digits(text: str) -> Iterator[Quantity]:
    for match in _NUMBER.finditer(text):
        following = text[match.end() : match.end() + 12]
        glued = re.match(r"[^\W\d_]+", following)
        if glued and glued.group().casefold() not in _UNIT_OF | _SCALES and not _is_ordinal(glued.group()):
            continue  # a part number
        yield _quantity(text, plain_value(match.group()), match.span())


def _quantity(text: str, value: Decimal, span: Span) -> Quantity:
    end, scale = span[1], 0
    word = _WORD_AFTER.match(text, end)
    if word and (scale := _SCALES.get(word.group(1).rstrip(".").casefold(), 0)):
        end = word.end()
        word = _WORD_AFTER.match(text, end)
    unit = _UNIT_OF.get(word.group(1).rstrip(".").replace(" ", "").casefold(), "") if word else ""
    before = _BEFORE.search(text, 0, span[0])
    if before and before.end() == span[0]:
        unit = _UNIT_OF[(before.group(1) or before.group(2)).casefold()]
    return Quantity(value * 10**scale, value, unit, (span[0], end), text[span[0] : end])


def _clocks(text: str) -> Iterator[Quantity]:
    """Times of day as minutes since midnight. With a point they need "am", "pm" or "Uhr" behind."""
    for match in _CLOCK.finditer(text):
        hour, minute, half = int(match[1]), int(match[2]), (match[3] or "").strip().casefold()
        if hour > 24 or minute >= _MINUTES or (":" not in match.group() and not half):  # noqa: PLR2004  a day
            continue
        if half.startswith("p") and hour < _HALF_DAY:
            hour += _HALF_DAY
        value = Decimal(hour * _MINUTES + minute)
        yield Quantity(value, value, "clock", match.span(), match.group())


def _is_ordinal(suffix: str) -> bool:
    return suffix.casefold() in {"st", "nd", "rd", "th", "s", "e", "er", "ème", "o"}


def _overlaps(span: Span, taken: list[Span]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in taken)
