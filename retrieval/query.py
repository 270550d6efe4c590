"""What people type into the search box: words, and signs that ask for more than words.

    "exact words"       only passages in which these words follow each other
    kett*               only passages with a word that begins so
    -word  -"two words" no passages with it
    field:value         only documents for which it holds; -field:value: only those for which it does not

A sign that means nothing here is text like any other: an unknown field, a lone minus, a quotation mark
without its other half, a minus before a number.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from django.conf import settings

from retrieval.analysis import is_without_gaps
from retrieval.errors import InvalidInputError
from retrieval.filters import FIELDS, Filter, check_filters

_ONE_WAY = {"after": "before", "before": "after"}  # what to write instead of a minus before these
_WHOLE_IN_QUOTES = frozenset({"author"})
_MOST_SIGNS = 12
_MARKS = '"\u201c\u201d\u201e\u201f'
_LEFT, _RIGHT = r"(?:^|(?<=[\s(:-]))", r"(?=$|[\s.,;:!?)\]])"
_QUOTED = rf"{_LEFT}[{_MARKS}](?P<quoted>[^{_MARKS}]*)[{_MARKS}]{_RIGHT}"
_PIECE = re.compile(
    rf"(?P<minus>(?:^|(?<=\s))-)?(?:(?:^|(?<=[\s-]))(?P<field>[A-Za-z]+):)?(?:{_QUOTED}|(?P<bare>[^\s{_MARKS}]+))"
    rf"|[{_MARKS}]"
)
_PREFIX = re.compile(r"[^\W_]{2,}(?:[-_.@/'\u2010\u2011\u2019][^\W_]+)*\*")
_AFTER_VALUE = ".,;:!?)]"


@dataclass(frozen=True, slots=True)
class Part:
    """Words in this order, or the beginning of a word, that passages must hold, or must not."""

    kind: Literal["phrase", "prefix"]
    text: str
    is_excluded: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A question, read. `typed` is all of it; `text` is what is asked, without the signs.

    `words` is what of it stands outside quotation marks, `without` the words that passages must not hold.
    """

    typed: str
    text: str
    words: str
    parts: tuple[Part, ...] = ()
    without: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()

    @property
    def has_signs(self) -> bool:
        """Whether anything in it narrows what is found."""
        return bool(self.parts or self.without or self.filters)


@dataclass(slots=True)
class _Reading:
    """What was read so far, in the order in which it was typed."""

    text: str = ""
    words: str = ""
    parts: list[Part] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    end: int = 0

    def say(self, piece: re.Match[str], text: str, *, is_exact: bool = False) -> None:
        """Keep what is asked for, as close to what stands before it as it was typed."""
        gap = "" if piece.start() == self.end else " "
        self.text += gap + text
        self.words += " " if is_exact else gap + text
        self.end = piece.end()


def clean_query(text: str) -> str:
    """Return a question as it is kept. Raises InvalidInputError where it is empty or too long."""
    query = " ".join(text.replace("\x00", " ").split())
    if not query:
        raise InvalidInputError("The question is empty. Type what you want to know.")
    if len(query) > settings.MAX_QUESTION_CHARS:
        raise InvalidInputError(
            f"The question has {len(query):,} characters; "
            f"at most {settings.MAX_QUESTION_CHARS:,} are searched. Shorten it to what you want to know."
        )
    return query


def parse_query(text: str) -> Query:
    """Read a question.

    Raises InvalidInputError where nothing is asked for, for a filter's value that cannot be one, and for too
    many signs.
    """
    typed = clean_query(text)
    reading = _Reading()
    for piece in _PIECE.finditer(typed):
        _read(piece, reading)
    if len(reading.parts) + len(reading.without) + len(reading.filters) > _MOST_SIGNS:
        raise InvalidInputError(
            f"The question has more than {_MOST_SIGNS} filters, quoted words and exclusions. Leave some out."
        )
    asked = reading.text.strip()
    if not asked:
        raise InvalidInputError(
            f"“{typed[:80]}” says where to look and what to leave out, not what to look for. "
            "Add the words that you want to find."
        )
    check_filters(reading.filters)
    has_signs = bool(reading.parts or reading.without or reading.filters)
    return Query(
        typed=typed,
        text=asked if has_signs else typed,
        words=" ".join(reading.words.split()),
        parts=tuple(dict.fromkeys(reading.parts)),
        without=tuple(dict.fromkeys(reading.without)),
        filters=tuple(reading.filters),
    )


def _read(piece: re.Match[str], reading: _Reading) -> None:
    name = (piece["field"] or "").lower()
    value = piece["quoted"] if piece["bare"] is None else piece["bare"].rstrip(_AFTER_VALUE)
    if name in FIELDS and value and value.strip():
        reading.filters.append(_filter(piece, name, value.strip()))
    elif name:
        reading.say(piece, piece[0])
    elif piece["quoted"] is not None:
        _read_phrase(piece, reading)
    elif piece["bare"] is not None:
        _read_word(piece, reading)


def _filter(piece: re.Match[str], name: str, value: str) -> Filter:
    if piece["minus"] and name in _ONE_WAY:
        raise InvalidInputError(f"“-{name}:” is not understood. Write {_ONE_WAY[name]}:{value} instead.")
    end = piece.end() if piece["bare"] is None else piece.start("bare") + len(value)
    return Filter(name, value, bool(piece["minus"]), piece.start(), end, is_whole=piece["bare"] is None)


def _read_phrase(piece: re.Match[str], reading: _Reading) -> None:
    phrase = piece["quoted"].strip()
    if not any(character.isalnum() for character in phrase):
        return
    reading.parts.append(Part("phrase", phrase, is_excluded=bool(piece["minus"])))
    if not piece["minus"]:
        reading.say(piece, phrase, is_exact=True)


def _read_word(piece: re.Match[str], reading: _Reading) -> None:
    bare: str = piece["bare"]
    if prefix := _PREFIX.fullmatch(bare.rstrip(_AFTER_VALUE)):
        beginning = prefix[0].removesuffix("*")
        reading.parts.append(Part("prefix", beginning, is_excluded=bool(piece["minus"])))
        if not piece["minus"]:
            reading.say(piece, beginning, is_exact=True)
    elif piece["minus"] and is_without_gaps(bare):
        reading.parts.append(Part("phrase", bare, is_excluded=True))
    elif piece["minus"] and bare[0].isalpha():
        reading.without.append(bare.rstrip(_AFTER_VALUE))
    else:
        reading.say(piece, piece[0])


def with_filters(query: Query, filters: Iterable[tuple[str, str]]) -> str:
    """Return the question as it is typed with more filters."""
    return " ".join([query.typed, *(written(name, value) for name, value in filters)])


def without_filter(query: Query, unwanted: Filter) -> str:
    """Return the question as it is typed without one of its filters."""
    return " ".join(f"{query.typed[: unwanted.start]} {query.typed[unwanted.end :]}".split())


def written(name: str, value: str) -> str:
    """Return a filter as it is typed."""
    is_quoted = name in _WHOLE_IN_QUOTES or re.search(r"[\s.,;:!?)\]]", value)
    return f'{name}:"{value}"' if is_quoted else f"{name}:{value}"
