"""Sentences made from real ones: changed in one fact, or said otherwise without changing any.

What is changed is found by patterns of its own, cruder than those of the check, so that a fact which the
check cannot read counts as missed.
"""

import re
from collections.abc import Callable, Sequence
from random import Random

Change = Callable[[str, str, Random], str | None]

HALF = 0.5
MONTHS = [
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
]  # fmt: skip
_MONTH = "|".join(MONTHS)
_NUMBER = re.compile(r"(?<![\w.,/-])\d+(?:[.,]\d+)*(?![\w/-])(?![.,]\d)")
_YEAR = re.compile(r"(?<![\w.,/-])(?:19|20)\d\d(?![\w/-])")
_FULL_DATE = re.compile(rf"\b({_MONTH}) (\d{{1,2}})(?:, ?(\d{{4}}))?\b(?!,\d)")
_DAY_FIRST = re.compile(rf"\b(\d{{1,2}}) ({_MONTH})(?: (\d{{4}}))?\b")
_MONTH_YEAR = re.compile(rf"\b({_MONTH})(?: of)? (\d{{4}})\b")
_DATES = (_FULL_DATE, _DAY_FIRST, _MONTH_YEAR, _YEAR)
_CAPITAL = re.compile(r"(?<=[a-z,;] )[A-Z][a-z]{2,}(?:[- ][A-Z][a-z]{2,})*\b|(?<=[a-z,;] )[A-Z]{3,6}\b")
_CALENDAR = re.compile(
    rf"{_MONTH}|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|Figure|Table|Section|Chapter|Part|Page"
)
_AUXILIARY = re.compile(
    r"\b(is|are|was|were|will|would|should|must|can|could|may|has|have|had|does|did|do)\b"
)
_NEGATED = re.compile(
    r"\b(?:(?<=is )|(?<=are )|(?<=was )|(?<=were )|(?<=will )|(?<=would )|(?<=should )|(?<=must )|(?<=can )"
    r"|(?<=could )|(?<=may )|(?<=has )|(?<=have )|(?<=had )|(?<=does )|(?<=did )|(?<=do ))not\s(?!only)"
)
_WORDS = [
    "zero", "one", "two", "three", "four", "five", "six",
    "seven", "eight", "nine", "ten", "eleven", "twelve",
]  # fmt: skip
_CLOSING = re.compile(r"[.!?]$")


def changed_number(sentence: str, passage: str, rng: Random) -> str | None:
    """Another number of the passage in the place of one, or other digits."""
    spots = [match for match in _NUMBER.finditer(sentence) if not _in_date(sentence, match)]
    if not spots:
        return None
    spot = rng.choice(spots)
    others = [n for n in _NUMBER.findall(passage) if _bare(n) != _bare(spot.group())]
    if others and rng.random() < HALF:
        return _put(sentence, spot, rng.choice(others))
    return _put(sentence, spot, _other_digits(spot.group(), rng))


def changed_date(sentence: str, passage: str, rng: Random) -> str | None:
    """Another year, month or day; or another date of the passage that is written alike."""
    found = [(match, form) for form in _DATES for match in form.finditer(sentence)]
    if not found:
        return None
    spot, form = rng.choice(found)
    others = [m.group() for m in form.finditer(passage) if m.group() not in sentence]
    if others and rng.random() < HALF:
        return _put(sentence, spot, rng.choice(others))
    parts = [part for part in re.findall(r"[A-Za-z]+|\d+", spot.group()) if part != "of"]
    part = rng.choice(parts)
    if part in MONTHS:
        new = rng.choice([month for month in MONTHS if month != part])
    elif len(part) == 4:  # noqa: PLR2004  a year
        new = str(int(part) + rng.choice([-7, -3, -2, -1, 1, 2, 3, 5]))
    else:
        new = str(rng.choice([day for day in range(1, 29) if day != int(part)]))
    return _put(sentence, spot, re.sub(rf"\b{part}\b", new, spot.group(), count=1))


def changed_name(names: Sequence[str]) -> Change:
    """A name of the passage in the place of another one, or one of `names`, those of other documents."""

    def change(sentence: str, passage: str, rng: Random) -> str | None:
        spots = [m for m in _CAPITAL.finditer(sentence) if not _CALENDAR.search(m.group())]
        if not spots:
            return None
        spot = rng.choice(spots)
        own = [n for n in names_of(passage) if not _shares_word(n, sentence)]
        if own and rng.random() < HALF:
            return _put(sentence, spot, rng.choice(own))
        strange = [n for n in rng.sample(list(names), 8) if not _shares_word(n, sentence)]
        return _put(sentence, spot, strange[0]) if strange else None

    return change


def changed_negation(sentence: str, passage: str, rng: Random) -> str | None:
    """Without its "not"; or with one after its first auxiliary verb."""
    negated = _NEGATED.search(sentence)
    if negated:
        return sentence[: negated.start()] + sentence[negated.end() :]
    auxiliary = _AUXILIARY.search(sentence)
    if not auxiliary or re.search(r"\b(?:not|no|never|without|neither|nor|cannot)\b", sentence):
        return None
    return f"{sentence[: auxiliary.end()]} not{sentence[auxiliary.end() :]}"


def names_of(text: str) -> list[str]:
    """The names inside the sentences of a text, found by their capitals."""
    return [n for n in dict.fromkeys(_CAPITAL.findall(text)) if not _CALENDAR.search(n)]


def unchanged(sentence: str, passage: str, rng: Random) -> str | None:
    """The sentence itself."""
    return sentence


def without_clause(sentence: str, passage: str, rng: Random) -> str | None:
    """Less what stands in brackets or between two commas, or behind the last one."""
    for pattern in (
        r"\s*\([^()]{4,}\)",
        r", (?:which|who|including|such as|as) [^,]{6,}(?=,)",
        r", [^,]{12,}(?=[.!?]$)",
    ):
        shorter = re.sub(pattern, "", sentence, count=1)
        if shorter != sentence and len(shorter.split()) >= 5:  # noqa: PLR2004  still a sentence
            return shorter
    return None


def reordered(sentence: str, passage: str, rng: Random) -> str | None:
    """What stands before the first comma said at the end."""
    first, comma, rest = sentence.partition(", ")
    if not comma or len(first.split()) < 2 or len(rest.split()) < 4:  # noqa: PLR2004  words
        return None
    end = _CLOSING.search(rest)
    body = rest[: end.start()] if end else rest
    lead = first if first.split()[0].isupper() else first[0].lower() + first[1:]
    return f"{body[0].upper()}{body[1:]}, {lead}{end.group() if end else ''}"


def reformatted(sentence: str, passage: str, rng: Random) -> str | None:
    """The same numbers and dates, written in another way."""
    rewritten = sentence
    for pattern, write in _REWRITES:
        rewritten = pattern.sub(write, rewritten)
    return rewritten if rewritten != sentence else None


def reworded(sentence: str, passage: str, rng: Random) -> str | None:
    """With an opening that says nothing, and small words replaced."""
    swaps = {"also": "too", "however": "but", "because": "since", "about": "around", "such as": "like",
             "must": "has to", "shall": "must", "approximately": "about", "prior to": "before",
             "in order to": "to", "due to": "because of", "whether": "if", "within": "inside"}  # fmt: skip
    rewritten = sentence
    for old, new in swaps.items():
        rewritten = re.sub(rf"(?<=\s){old}(?=\s)", new, rewritten)
    if not rewritten[:2].istitle() or rewritten.split()[0] not in {"The", "A", "This", "These", "In", "It"}:
        return rewritten if rewritten != sentence else None
    return f"According to the document, {rewritten[0].lower()}{rewritten[1:]}"


_REWRITES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (_FULL_DATE, lambda m: f"{m[2]} {m[1]} {m[3]}" if m[3] else f"{m[2]} {m[1]}"),
    (re.compile(r"(\d+(?:\.\d+)?) million\b"), lambda m: f"{round(float(m[1]) * 1_000_000):,}"),
    (re.compile(r"(?<![\d.,])(\d{1,3}),(\d{3})(?![\d,])"), lambda m: m[1] + m[2]),
    (re.compile(r"(?<=\d) ?percent\b"), lambda m: "%"),
    (re.compile(r"(?<=\d)%"), lambda m: " percent"),
    (re.compile(r"(?<=[a-z] )(\d|1[0-2])(?= [a-z]+)"), lambda m: _WORDS[int(m[1])]),
    (
        re.compile(rf"(?<=[a-z] )({'|'.join(_WORDS[2:])})(?= [a-z]+)"),
        lambda m: str(_WORDS.index(m[1])),
    ),
)

FAITHFUL: dict[str, Change] = {
    "word for word": unchanged,
    "a clause left out": without_clause,
    "in another order": reordered,
    "numbers written otherwise": reformatted,
    "small words replaced": reworded,
}


def _in_date(sentence: str, spot: re.Match[str]) -> bool:
    return any(
        match.start() <= spot.start() < match.end() for form in _DATES for match in form.finditer(sentence)
    )


def _put(sentence: str, spot: re.Match[str], text: str) -> str:
    return sentence[: spot.start()] + text + sentence[spot.end() :]


def _bare(number: str) -> str:
    return re.sub(r"[.,]0*$|[.,]", "", number)


def _other_digits(number: str, rng: Random) -> str:
    places = [i for i, char in enumerate(number) if char.isdigit()]
    place = rng.choice(places)
    lowest = 1 if place == 0 and len(places) > 1 else 0
    digit = rng.choice([d for d in range(lowest, 10) if str(d) != number[place]])
    return number[:place] + str(digit) + number[place + 1 :]


def _shares_word(name: str, sentence: str) -> bool:
    return any(word in sentence for word in re.split(r"[- ]", name))
