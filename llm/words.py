"""Words as this layer compares them: folded, stemmed, and weighed by how much they say."""

import math
import re
import threading
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

import snowballstemmer  # type: ignore[import-untyped]  # the package has no types

from llm._frequency import common_rank
from llm.stopwords import BY_LANGUAGE, ENGLISH

_WORD = re.compile(r"\d+(?:[.,]\d+)*(?!\w)|[^\W_]+(?:['\u2019][^\W_]+)*")
_NUMBER = re.compile(r"(?<![^\W_])\d+(?:[.,]\d+)*")
_GROUPED = re.compile(r"\d{1,3}(?:[.,]\d{3})+")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")

_STEMMERS = {
    "en": "english", "de": "german", "fr": "french", "es": "spanish", "it": "italian", "nl": "dutch",
    "pt": "portuguese", "sv": "swedish", "da": "danish", "no": "norwegian", "fi": "finnish", "ru": "russian",
}  # fmt: skip

# Weights: a word as common as the 100th of a frequency list says almost nothing, one as rare as the
# 30,000th, or on no list, says all it can. A token of letters and digits is a part number or a case file.
_COMMON_RANK = 100
_RARE_RANK = 30_000
_LEAST_WEIGHT = 0.1
_UNLISTED_WEIGHT = 1.1
_NUMBER_WEIGHT = 1.0
_IDENTIFIER_WEIGHT = 1.5

_stemmers = threading.local()


def words(text: str) -> list[str]:
    """The words of `text` in order, case folded; runs of Chinese, Japanese or Korean as bigrams."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    found: list[str] = []
    for match in _WORD.finditer(folded):
        found.extend(_bigrams(match.group()) if _CJK.search(match.group()) else [match.group()])
    return found


def content_terms(text: str, language: str) -> list[str]:
    """The stems of the words of `text` that carry meaning, in order, with repeats."""
    stop = BY_LANGUAGE.get(language, ENGLISH)
    return [_stem(word, language) for word in words(text) if word not in stop]


def weighted_terms(text: str, language: str) -> dict[str, float]:
    """Each content stem of `text` with a weight in 0.1..1.5 that grows with how rare the word is."""
    stop = BY_LANGUAGE.get(language, ENGLISH)
    return {_stem(word, language): _weight(word) for word in words(text) if word not in stop}


def coverage(weights: Mapping[str, float], terms: Iterable[str]) -> float:
    """The weighted share of the keys of `weights` that are among `terms`, in 0..1."""
    total = sum(weights.values())
    present = set(terms)
    return sum(weight for term, weight in weights.items() if term in present) / total if total else 0.0


def numbers(text: str) -> set[str]:
    """The numbers in `text`, without thousands separators and with a point for the decimals."""
    return {_plain_number(match.group()) for match in _NUMBER.finditer(unicodedata.normalize("NFKC", text))}


def guess_language(text: str, default: str) -> str:
    """The language whose small words fill `text`; `default` unless another clearly has more."""
    found = words(text)
    hits = {code: sum(word in stop for word in found) for code, stop in BY_LANGUAGE.items()}
    best = max(hits, key=lambda code: (hits[code], code == default))
    return best if hits[best] > hits.get(default, 0) + 1 or default not in hits else default


def _plain_number(number: str) -> str:
    if _GROUPED.fullmatch(number):
        return re.sub(r"[.,]", "", number)
    whole, _, decimals = number.replace(",", ".").rpartition(".")
    if not whole:
        return decimals
    whole = whole.replace(".", "")
    return f"{whole}.{decimals.rstrip('0')}".rstrip(".")


def _bigrams(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]


def _weight(word: str) -> float:
    if any(char.isdigit() for char in word):
        return _NUMBER_WEIGHT if word[0].isdigit() and word[-1].isdigit() else _IDENTIFIER_WEIGHT
    rank = common_rank(word)
    if rank is None:
        return _UNLISTED_WEIGHT
    share = math.log(max(rank, 1) / _COMMON_RANK) / math.log(_RARE_RANK / _COMMON_RANK)
    return max(_LEAST_WEIGHT, share)


def _stem(word: str, language: str) -> str:
    if word[0].isdigit():
        return _plain_number(word) if _NUMBER.fullmatch(word) else word
    return _stem_letters(word.removesuffix("'s").removesuffix("\u2019s"), language)


@lru_cache(maxsize=50_000)
def _stem_letters(word: str, language: str) -> str:
    # A stemmer keeps the word at hand in itself, so every thread has its own.
    stemmers: dict[str, snowballstemmer.SnowballStemmer] = _stemmers.__dict__.setdefault("by_language", {})
    if language not in stemmers:
        stemmers[language] = snowballstemmer.stemmer(_STEMMERS.get(language, "english"))
    stem: str = stemmers[language].stemWord(word)
    return stem
