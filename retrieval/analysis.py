"""Text to terms, per language: what BM25 counts and what a snippet marks."""

import re
import threading
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

import Stemmer

_LANGUAGES = {
    "da": "danish", "de": "german", "en": "english", "es": "spanish", "fi": "finnish", "fr": "french",
    "hu": "hungarian", "it": "italian", "nl": "dutch", "no": "norwegian", "pt": "portuguese",
    "ru": "russian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
LANGUAGE_CHOICES = [(code, name.capitalize()) for code, name in sorted(_LANGUAGES.items())]
MAX_TERM = 64

# An identifier such as ISO-9001, foo_bar.baz or name@example.com is found whole and in parts.
# Hyphens that a typesetter put there count as plain ones, and an address may have a plus in it.
_TOKEN = re.compile(r"[^\W_]+(?:(?:[-_.@/'\u2010\u2011\u2019]|\+(?=[^\s@]{0,64}@)|__)[^\W_]+)*")
_PART = re.compile(r"[^\W_]+")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
_ACCENTS = re.compile(r"[\u0300-\u036f]+")
_APOSTROPHE = re.compile(r"['\u2019].*$")
_local = threading.local()


@cache
def _stop_words(language: str) -> frozenset[str]:
    path = Path(__file__).parent / "stopwords" / f"{_LANGUAGES.get(language, 'english')}.stop"
    return frozenset(fold(word) for word in path.read_text(encoding="utf-8").split())


def _stemmer(language: str) -> Stemmer.Stemmer:
    stemmers: dict[str, Stemmer.Stemmer] = _local.__dict__.setdefault("stemmers", {})  # not thread safe
    if language not in stemmers:
        # Without a cache of its own: terms are kept by token, and tidying it takes longer than a stem.
        stemmers[language] = Stemmer.Stemmer(_LANGUAGES.get(language, "english"), 0)
    return stemmers[language]


def fold(text: str) -> str:
    """Return text as it is compared: compatibility forms, case and accents of Latin letters folded."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    if folded.isascii():
        return folded
    parts = unicodedata.normalize("NFD", folded.replace("\u2010", "-"))
    return unicodedata.normalize("NFC", _ACCENTS.sub("", parts))


def tokens(text: str) -> list[str]:
    """Return the words of a text as they are written, identifiers and addresses whole."""
    return _TOKEN.findall(text)


def is_without_gaps(text: str) -> bool:
    """Return whether a text has Chinese, Japanese or Korean in it, which become pairs of characters."""
    return _CJK.search(text) is not None


def is_stop_word(word: str, language: str = "en") -> bool:
    return fold(word) in _stop_words(language)


@lru_cache(maxsize=50_000)  # few words make most of any text, and each of every shown passage is looked up
def _terms_of_token(token: str, language: str) -> tuple[str, ...]:
    return tuple(_read_token(token, language))


def _read_token(token: str, language: str) -> Iterator[str]:
    folded = fold(token)
    if _CJK.search(folded):
        yield from _bigrams(folded)
        return
    parts = _PART.findall(folded)
    if len(parts) > 1 and not re.search(r"['\u2019]", folded):
        yield folded[:MAX_TERM]
        if re.fullmatch(r"\d+(?:\.\d+)+", folded):
            return  # a decimal number: its halves mean nothing
    else:
        parts = [_APOSTROPHE.sub("", folded)]
    stop = _stop_words(language)
    stem = _stemmer(language).stemWord
    yield from (stem(part)[:MAX_TERM] for part in parts if part and part not in stop)


def _bigrams(text: str) -> Iterator[str]:
    for run in _CJK.findall(text):
        yield from (run[i : i + 2] for i in range(max(1, len(run) - 1)))
    yield from _PART.findall(_CJK.sub(" ", text))


def analyse(text: str, language: str) -> list[str]:
    """Return the terms of a text in order, with repeats: folded, stemmed, without stop words.

    Numbers lose their thousands separators; Chinese, Japanese and Korean become character bigrams.
    """
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    return [term for match in _TOKEN.finditer(text) for term in _terms_of_token(match.group(), language)]


class _Matching(dict[str, bool]):
    """Whether a token shares a term with a question: looked into once, as most words of a text come again."""

    def __init__(self, terms: frozenset[str], language: str) -> None:
        super().__init__()
        self._terms, self._language = terms, language
        self._begins = {term[:1] for term in terms}

    def __missing__(self, token: str) -> bool:
        # A stem begins as its word does, and most words of a passage begin as no word of the question.
        is_other = token[0].lower() not in self._begins and token.isascii() and token.isalpha()
        found = not is_other and not self._terms.isdisjoint(_terms_of_token(token, self._language))
        self[token] = found
        return found


@lru_cache(maxsize=4)  # one question marks ten passages
def _matching(terms: frozenset[str], language: str) -> _Matching:
    return _Matching(terms, language)


def matching_spans(text: str, terms: frozenset[str], language: str) -> list[tuple[int, int]]:
    """Return the character spans of the words of a text that share a term with `terms`."""
    if not terms:
        return []
    matching = _matching(terms, language)
    return [match.span() for match in _TOKEN.finditer(text) if matching[match[0]]]
