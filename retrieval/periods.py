"""Stretches of time as people write them: quarters, halves, months, days and years.

“Q2 2023”, “2Q23”, “second quarter of 2023” and “2023 Q2” are one period. Quarters are taken as they are
called: which months a company's fiscal quarter has is not known here.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

_YEAR = r"(?P<year>(?:19|20)\d\d)(?!\d)"
_SHORT = r"(?:(?P<year>(?:19|20)\d\d)|(?:'|\u2019|fy ?)(?P<short>\d\d))(?!\d)"
_GAP = r"[\s/_.,\u2013-]*"
_OF = (
    r"(?:\s+(?:of|in|for|des))?(?:\s+the)?(?:\s+(?:fiscal|financial|calendar))?"
    r"(?:\s+(?:years?|jahres))?\s+(?:fy ?)?"
)
_START, _END = r"(?<![^\W_])", r"(?![^\W_])"
_MONTHS = {
    "january": 1, "januar": 1, "jan": 1, "february": 2, "februar": 2, "feb": 2, "march": 3, "märz": 3,
    "mar": 3, "april": 4, "apr": 4, "may": 5, "mai": 5, "june": 6, "juni": 6, "jun": 6, "july": 7, "juli": 7,
    "jul": 7, "august": 8, "aug": 8, "september": 9, "sept": 9, "sep": 9, "october": 10, "oktober": 10,
    "oct": 10, "okt": 10, "november": 11, "nov": 11, "december": 12, "dezember": 12, "dec": 12, "dez": 12,
}  # fmt: skip
_ORDINALS = {
    "first": 1, "1st": 1, "1.": 1, "erst": 1, "second": 2, "2nd": 2, "2.": 2, "zweit": 2,
    "third": 3, "3rd": 3, "3.": 3, "dritt": 3, "fourth": 4, "4th": 4, "4.": 4, "viert": 4,
}  # fmt: skip
_NAMED = rf"(?P<month>{'|'.join(_MONTHS)})\b\.?"
_NTH = (
    r"(?P<nth>first|second|third|fourth|1st|2nd|3rd|4th|[1-4]\.|(?:erst|zweit|dritt|viert)(?=e[nrs]?\b))"
    r"(?:e[nrs]?)?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
# The finest first: what one of them read is not read again by those behind it.
_FORMS = tuple(
    re.compile(_START + form + _END, re.IGNORECASE)
    for form in (
        rf"(?P<part>[qh])(?P<number>[1-4]){_GAP}(?:of )?(?:fiscal )?(?:year )?{_SHORT}",
        rf"(?:fy ?)?{_YEAR}{_GAP}(?P<part>[qh])(?P<number>[1-4])",
        rf"(?P<number>[1-4])(?P<part>[qh]){_GAP}(?:fy)?(?:{_YEAR}|(?P<short>\d\d)(?!\d))",
        rf"{_NTH}\s+(?:fiscal\s+)?(?P<part>quarter|quartal|half|halbjahr){_OF}{_YEAR}",
        rf"{_YEAR}[-_.](?P<digits>0[1-9]|1[0-2])(?:[-_.](?P<day>[0-3]\d))?",
        r"(?P<year>(?:19|20)\d\d)(?P<digits>0[1-9]|1[0-2])(?P<day>[0-3]\d)",
        rf"(?P<day>[0-3]?\d)\.\s?(?P<digits>0?[1-9]|1[0-2])\.\s?{_YEAR}",
        rf"{_NAMED}\s+{_DAY}?,?\s*{_YEAR}",
        rf"(?:{_DAY}\.?\s+(?:of\s+)?)?{_NAMED}[\s,_-]+{_YEAR}",
        rf"(?:fy ?)?{_YEAR}",
    )
)
_MONTHS_IN = {"q": 3, "h": 6}
_CENTURY = 2000


@dataclass(frozen=True, slots=True)
class Period:
    """From the first day to the last, both of it."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def share_in(self, other: "Period") -> float:
        """Return which part of this period lies in the other one, 0 to 1."""
        common = (min(self.last, other.last) - max(self.first, other.first)).days + 1
        return max(0, common) / self.days


@dataclass(frozen=True, slots=True)
class Mention:
    """A period, and where in the text it is written."""

    period: Period
    start: int
    end: int


def periods_in(text: str) -> list[Mention]:
    """Return the periods that a text names, in its order; a date that does not exist is none."""
    found: list[Mention] = []
    for form in _FORMS:
        for match in form.finditer(text):
            if any(match.start() < one.end and one.start < match.end() for one in found):
                continue
            if (period := _period(match)) is not None:
                found.append(Mention(period, *match.span()))
    return sorted(found, key=lambda one: one.start)


def quarter_terms(text: str) -> list[str]:
    """Return the words under which names and tables hold the quarters and halves of a text: q2, 2q23."""
    return list(dict.fromkeys(term for one in periods_in(text) for term in _terms(one.period)))


def _terms(period: Period) -> Iterator[str]:
    months = (period.last.year - period.first.year) * 12 + period.last.month - period.first.month + 1
    part = next((name for name, length in _MONTHS_IN.items() if length == months), None)
    if part is not None and period.first.day == 1:
        number, year = (period.first.month - 1) // months + 1, period.first.year
        yield f"{part}{number}"
        yield f"{year}{part}{number}"
        yield f"{part}{number}{year}"
        yield f"{number}{part}{year % 100:02}"


def _period(match: re.Match[str]) -> Period | None:
    read = match.groupdict()
    year = int(read["year"]) if read.get("year") else _CENTURY + int(read["short"])
    if read.get("part"):
        part = "q" if read["part"][0].lower() == "q" else "h"
        nth = (read.get("nth") or "").lower()
        number = _ORDINALS[nth] if nth else int(read["number"])
        length = _MONTHS_IN[part]
        return _months(year, (number - 1) * length + 1, length)
    if month := _month(read):
        return _day(year, month, int(read["day"])) if read.get("day") else _months(year, month, 1)
    return _months(year, 1, 12)


def _month(read: dict[str, str | None]) -> int:
    if name := read.get("month"):
        return _MONTHS[name.lower()]
    return int(read.get("digits") or 0)


def _months(year: int, first: int, count: int) -> Period | None:
    last = first + count - 1
    if last > 12:  # noqa: PLR2004 - there is no third half
        return None
    return Period(date(year, first, 1), date(year, last, monthrange(year, last)[1]))


def _day(year: int, month: int, day: int) -> Period | None:
    if not 1 <= day <= monthrange(year, month)[1]:
        return None
    return Period(date(year, month, day), date(year, month, day))
