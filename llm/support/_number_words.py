"""Numbers that are written out: "twenty-five", "two hundred and fifty thousand", "dreihundert"."""

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache

Span = tuple[int, int]

_ONES = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen",
    "de": "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn "
    "sechzehn siebzehn achtzehn neunzehn",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince",
}
_TENS = {
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "de": "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "fr": "vingt trente quarante cinquante soixante",
    "es": "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
}
_MULTIPLIERS = {
    "en": {
        "hundred": 100,
        "thousand": 1_000,
        "million": 10**6,
        "billion": 10**9,
        "trillion": 10**12,
        "dozen": 12,
    },
    "de": {
        "hundert": 100,
        "tausend": 1_000,
        "million": 10**6,
        "millionen": 10**6,
        "milliarden": 10**9,
        "dutzend": 12,
    },
    "fr": {"cent": 100, "cents": 100, "mille": 1_000, "million": 10**6, "millions": 10**6},
    "es": {"cien": 100, "ciento": 100, "mil": 1_000, "millón": 10**6, "millones": 10**6},
}
_OTHERS = {"en": {"twice": 2}, "de": {"zweimal": 2, "dreimal": 3}}
_AND = {"en": "and", "de": "und", "fr": "et", "es": "y"}
_JOINS_ALL = {"es", "fr"}  # "treinta y cinco", "vingt et un"
_WORD = re.compile(r"[^\W\d_]+")
_TENS_FROM = 20
_DOZEN = 12
_FEWEST = 2  # "one" and "a" are articles more often than numbers


def spelt(text: str, language: str) -> Iterator[tuple[Decimal, Span]]:
    """Each written-out number of `text` with its span; "one" alone and unknown languages have none."""
    code = language if language in _ONES else "en"
    small, multipliers = _small(code), _MULTIPLIERS[code]
    for match in _run(code).finditer(text):
        for part in _parts(text, match.span(), code):
            words = [word for word, _, _ in part]
            if not any(word in small or multipliers[word] == _DOZEN for word in words):
                continue  # "millions of people" counts nothing
            value = _value(words, small, multipliers)
            if value >= _FEWEST:
                yield Decimal(value), (part[0][1], part[-1][2])


def _parts(text: str, span: Span, code: str) -> Iterator[list[tuple[str, int, int]]]:
    """The numbers of a run: "two hundred and five" is one, "twelve and thirteen" are two."""
    part: list[tuple[str, int, int]] = []
    for match in _WORD.finditer(text, *span):
        word = match.group().casefold()
        if word != _AND[code]:
            part.append((word, *match.span()))
        elif code not in _JOINS_ALL and part[-1][0] not in _MULTIPLIERS[code]:
            yield part
            part = []
    yield part


@cache
def _small(code: str) -> dict[str, int]:
    ones = {word: value for value, word in enumerate(_ONES[code].split())}
    tens = {word: _TENS_FROM + 10 * place for place, word in enumerate(_TENS[code].split())}
    return ones | tens | _OTHERS.get(code, {}) | _joined(code, ones, tens)


def _joined(code: str, ones: dict[str, int], tens: dict[str, int]) -> dict[str, int]:
    """German writes "fünfundzwanzig" and "dreihundert" as one word."""
    if code != "de":
        return {}
    one = {"ein" if word == "eins" else word: value for word, value in ones.items() if 0 < value < 10}  # noqa: PLR2004
    both = {f"{a}und{b}": x + y for a, x in one.items() for b, y in tens.items()}
    hundreds = {f"{a}{m}": x * n for a, x in one.items() for m, n in (("hundert", 100), ("tausend", 1_000))}
    return both | hundreds


@cache
def _run(code: str) -> re.Pattern[str]:
    words = sorted({*_small(code), *_MULTIPLIERS[code]}, key=len, reverse=True)
    one = "|".join(map(re.escape, words))
    return re.compile(rf"\b(?:{one})(?:(?:\s+|-)(?:{_AND[code]}\s+)?(?:{one}))*\b", re.IGNORECASE)


def _value(words: list[str], small: dict[str, int], multipliers: dict[str, int]) -> int:
    total, running = 0, 0
    for word in words:
        if word in small:
            running += small[word]
        elif multipliers[word] == 100:  # noqa: PLR2004  hundreds multiply what stands before them
            running = max(running, 1) * 100
        else:
            total, running = total + max(running, 1) * multipliers[word], 0
    return total + running
