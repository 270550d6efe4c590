"""Names in a sentence: words with a capital inside it, acronyms, part numbers."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from llm._frequency import common_rank
from llm.stopwords import BY_LANGUAGE, ENGLISH

Span = tuple[int, int]

_TOKEN = re.compile(r"[^\W_]+(?:[.&'\u2019][^\W_]+)*(?:\.(?=[^\W\d_]\.))?", re.UNICODE)
_POSSESSIVE = re.compile(r"['\u2019]s?$")
_BEGINS_SENTENCE = re.compile(r"(?:^|[.!?:;]|[-*•|\u2013\u2014]\s|\d\.)[\s\"'«(\[\u201c\u2018]*$")
# A word this common begins a sentence with a capital without being a name.
_COMMON_RANK = 8_000
_SHORTEST_ACRONYM, _LONGEST_ACRONYM = 2, 8
# Where every noun has a capital, only acronyms, part numbers and words on no list are names.
_CAPITALISES_NOUNS = {"de"}


@dataclass(frozen=True, slots=True)
class Name:
    """One word of a name: `key` is what it is compared by, `span` where it stands."""

    key: str
    span: Span
    text: str
    opens: bool

    @property
    def is_acronym(self) -> bool:
        letters = [char for char in self.text if char.isalpha()]
        return _SHORTEST_ACRONYM <= len(letters) <= _LONGEST_ACRONYM and all(map(str.isupper, letters))


def names_in(sentence: str, language: str) -> list[Name]:
    """The words of names in `sentence`, in order. `opens` says that it begins a sentence or a line."""
    return list(_names(sentence, language))


def _names(sentence: str, language: str) -> Iterator[Name]:
    shouted = sum(map(str.isupper, sentence)) > sum(map(str.islower, sentence))
    for match in _TOKEN.finditer(sentence):
        word = _POSSESSIVE.sub("", match.group())
        opens = bool(_BEGINS_SENTENCE.search(sentence, 0, match.start()))
        if _is_name(word, opens=opens or shouted, language=language):
            yield Name(name_key(word), match.span(), match.group(), opens)


def _is_name(word: str, *, opens: bool, language: str) -> bool:
    if not word[0].isalpha() or len(word) < _SHORTEST_ACRONYM:
        return False
    if any(char.isdigit() for char in word):
        return True
    if not word[0].isupper() or word.casefold() in BY_LANGUAGE.get(language, ENGLISH):
        return False
    strange = common_rank(word.casefold()) is None
    if language in _CAPITALISES_NOUNS:
        return strange and len(word) > _SHORTEST_ACRONYM
    rank = common_rank(word.casefold())
    return not opens or rank is None or rank > _COMMON_RANK


@lru_cache(maxsize=20_000)
def name_key(word: str) -> str:
    """`word` without case, accents, points and a plural's or possessor's "s"."""
    bare = _POSSESSIVE.sub("", word)
    plain = "".join(char for char in unicodedata.normalize("NFKD", bare) if not unicodedata.combining(char))
    folded = re.sub(r"[^\w]", "", plain).casefold()
    return folded[:-1] if len(folded) > 3 and folded.endswith("s") else folded  # noqa: PLR2004  "gas" stays


def keys_of(text: str) -> set[str]:
    """The keys of all words of a text, also of the parts that a hyphen or a point joins."""
    keys = {name_key(match.group()) for match in _TOKEN.finditer(text)}
    return keys | {name_key(part) for part in re.findall(r"[^\W_]+", text)}


def initials_of(text: str) -> str:
    """The first letters of the words with a capital, in order: where an acronym is spelt out."""
    return "".join(word[0] for word in re.findall(r"[^\W\d_][^\W_]*", text) if word[0].isupper()).casefold()
