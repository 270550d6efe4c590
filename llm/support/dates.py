"""Dates as they are meant: "12 March 2021", "March 12, 2021", "2021-03-12" and "12.3.2021" are one day."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

Span = tuple[int, int]

_MONTHS = (
    "january jan januar janvier enero",
    "february feb februar février febrero",
    "march mar märz mars marzo",
    "april apr avril abril",
    "may mai mayo",
    "june jun juni juin junio",
    "july jul juli juillet julio",
    "august aug août agosto",
    "september sept sep septembre septiembre",
    "october oct oktober okt octobre octubre",
    "november nov novembre noviembre",
    "december dec dezember dez décembre diciembre",
)
_MONTH_OF = {word: number for number, words in enumerate(_MONTHS, 1) for word in words.split()}
_ORDINALS = {
    "first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4,
    "erste": 1, "ersten": 1, "zweite": 2, "zweiten": 2, "dritte": 3, "dritten": 3, "vierte": 4, "vierten": 4,
}  # fmt: skip
_LOWER_CASE_WORDS = {"may", "march", "mar"}  # "it may 12 times": these months have capitals
_CENTURY = 100
_LAST_MONTH, _LAST_DAY = 12, 31

_MONTH = rf"(?P<month>{'|'.join(sorted(_MONTH_OF, key=len, reverse=True))})\b\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|\.|er)?"
_YEAR = r"(?P<year>(?:1[5-9]|20)\d{2})(?!\d|[.,]\d)"
_NO_DIGIT = r"(?<![\d.,/-])"
_QUARTER = rf"(?P<quarter>{'|'.join(_ORDINALS)})[\s-](?:fiscal\s)?(?:quarter|quartal)\w*"


@dataclass(frozen=True, slots=True)
class Date:
    """A day, month, quarter or year; what is not said is None. `span` is where it stands in its text."""

    year: int | None
    month: int | None
    day: int | None
    quarter: int | None
    span: Span
    text: str

    def says_no_more_than(self, other: "Date", other_years: set[int]) -> bool:
        """Whether every part of this date is one of `other`; a year that `other` lacks may be among those."""
        same = all(
            mine is None or mine == theirs
            for mine, theirs in (
                (self.month, other.month),
                (self.day, other.day),
                (self.quarter, other.quarter),
            )
        )
        year_fits = self.year is None or self.year == other.year
        return same and (year_fits or (other.year is None and self.year in other_years))

    @property
    def pieces(self) -> frozenset[object]:
        """What is said of it; the year as the plain number that it may be as well."""
        named = zip("qmd", (self.quarter, self.month, self.day), strict=True)
        year = [Decimal(self.year)] if self.year is not None else []
        return frozenset([*year, *((name, part) for name, part in named if part is not None)])

    @property
    def parts(self) -> tuple[int | None, int | None, int | None, int | None]:
        return self.year, self.quarter, self.month, self.day


def dates(text: str) -> list[Date]:
    """The dates of `text` in order; of 3/4/2021 both readings, with one span.

    A month alone is a word, and no date; a year alone is one.
    """
    found: list[Date] = []
    for pattern, read in _FORMS:
        for match in pattern.finditer(text):
            if any(match.start() < one.span[1] and one.span[0] < match.end() for one in found):
                continue
            found.extend(_checked(read(match)))
    return sorted(found, key=lambda one: one.span)


def _checked(read: Sequence[Date]) -> Iterator[Date]:
    for date in read:
        if not 1 <= (date.month or 1) <= _LAST_MONTH or not 1 <= (date.day or 1) <= _LAST_DAY:
            continue
        yield date


def _by_names(match: re.Match[str]) -> list[Date]:
    parts = match.groupdict()
    said = parts.get("month") or ""
    if said in _LOWER_CASE_WORDS:
        return []
    month = _MONTH_OF[said.casefold()] if said else None
    return [_date(match, _number(parts.get("year")), month, _number(parts.get("day")))]


def _by_numbers(match: re.Match[str]) -> list[Date]:
    year, one, other = _year(match["year"]), int(match["one"]), int(match["other"])
    first = _date(match, year, int(one), other)
    return [first] if one == other else [first, _date(match, year, other, one)]


def _iso(match: re.Match[str]) -> list[Date]:
    return [_date(match, int(match["year"]), int(match["one"]), int(match["other"]))]


def _points(match: re.Match[str]) -> list[Date]:
    return [_date(match, _year(match["year"]), int(match["other"]), int(match["one"]))]


def _quarter(match: re.Match[str]) -> list[Date]:
    said = match["quarter"].casefold()
    number = _ORDINALS.get(said) or int(said)
    year = _year(match["year"]) if match["year"] else None
    return [Date(year, None, None, number, match.span(), match.group())]


def _date(match: re.Match[str], year: int | None, month: int | None, day: int | None) -> Date:
    return Date(year, month, day, None, match.span(), match.group())


def _year(digits: str) -> int:
    year = int(digits)
    return year + 2000 if year < _CENTURY else year


def _number(digits: str | None) -> int | None:
    return int(digits) if digits else None


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_Reader = Callable[[re.Match[str]], list[Date]]
_ONE = r"(?P<one>\d{1,2})"
_OTHER = r"(?P<other>\d{1,2})"
_FULL_YEAR = r"(?P<year>(?:1[5-9]|20)\d{2})"
_ANY_YEAR = r"(?P<year>(?:1[5-9]|20)\d{2}|\d{2})(?!\d)"
_FISCAL = r"(?:of\s)?(?:fiscal\s)?(?:year\s)?(?:FY\s?)?"

# The most telling form first: a later one takes nothing that an earlier one has.
_FORMS: tuple[tuple[re.Pattern[str], _Reader], ...] = (
    (_compiled(rf"{_NO_DIGIT}{_FULL_YEAR}[-/.]{_ONE}[-/.]{_OTHER}(?!\d)"), _iso),
    (_compiled(rf"{_NO_DIGIT}{_ONE}\.\s?{_OTHER}\.\s?{_ANY_YEAR}"), _points),
    (_compiled(rf"{_NO_DIGIT}{_ONE}[/-]{_OTHER}[/-]{_ANY_YEAR}"), _by_numbers),
    (_compiled(rf"\bQ(?P<quarter>[1-4])(?:[\s/-]*{_FISCAL}{_YEAR})?"), _quarter),
    (_compiled(rf"\b{_QUARTER}(?:,?\s+{_FISCAL}{_YEAR})?"), _quarter),
    (_compiled(rf"\b{_MONTH}\s{{0,3}}{_DAY}(?![\d.,]*\d)(?:,?\s+(?:de\s)?{_YEAR})?"), _by_names),
    (_compiled(rf"\b{_MONTH}\s+{_DAY},?\s+{_YEAR}"), _by_names),
    (_compiled(rf"{_NO_DIGIT}{_DAY}\s+(?:of\s|de\s)?{_MONTH}(?:,?\s+(?:de\s)?{_YEAR})?"), _by_names),
    (_compiled(rf"\b{_MONTH},?\s+(?:of\s|de\s)?{_YEAR}"), _by_names),
    (_compiled(rf"(?<![\d.,/$€£¥-])(?:\bFY\s?)?{_YEAR}(?![-/][^\W_]|\s?%|[^\W\d_])"), _by_names),
)
