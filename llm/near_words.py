"""The words of a question in a text, also in another form, in a compound, or misspelt."""

from collections.abc import Iterable, Mapping, Set
from functools import lru_cache

_ALIKE = 0.6  # from which on one word stands for another
_FEWEST_LETTERS = 4

Found = Mapping[str, float]


class QuestionWords:
    """The words of one question, by stem, each with its weight.

    Words are alike by the letters that they share, three in a row, with their beginning and end: Dice's
    coefficient, as in Adamson and Boreham, "The Use of an Association Measure Based on Character Structure to
    Identify Semantically Related Pairs of Words and Document Titles", Information Storage and Retrieval 10,
    1974. Words of less than four letters, and numbers, are the same or different.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.weights = weights
        self._letters = {word: _letters(word) for word in weights if _has_letters_enough(word)}
        self._all_letters = frozenset[str]().union(*self._letters.values())
        self._fewest = min(map(len, self._letters.values()), default=0)
        self._alike: dict[str, Found] = {}

    def found_in(self, terms: Iterable[str]) -> Found:
        """How much of each word a text of these stems has: 1, or the likeness of the nearest to it."""
        found: dict[str, float] = {}
        for term in terms:
            if (alike := self._alike.get(term)) is None:
                alike = self._alike[term] = self._words_like(term)
            for word, likeness in alike.items():
                found[word] = max(likeness, found.get(word, 0.0))
        return found

    def coverage(self, found: Found, *, without: Set[str] = frozenset()) -> float:
        """The weighted share, in 0..1, that was found of the words that are not in `without`.

        1 where there are no others: nothing is missing. 0 where the question has no words.
        """
        total = sum(weight for word, weight in self.weights.items() if word not in without)
        if not total:
            return float(bool(self.weights))
        kept = sum(
            self.weights.get(word, 0.0) * share for word, share in found.items() if word not in without
        )
        return kept / total

    def _words_like(self, term: str) -> Found:
        own = {term: 1.0} if term in self.weights else {}
        if not _has_letters_enough(term):
            return own
        letters = _letters(term)
        if 2 * len(letters & self._all_letters) < _ALIKE * (len(letters) + self._fewest):
            return own  # like none of them: nearly every word of a text
        likeness = {word: _dice(letters, others) for word, others in self._letters.items()}
        return own | {word: alike for word, alike in likeness.items() if alike >= _ALIKE}


def _has_letters_enough(word: str) -> bool:
    return len(word) >= _FEWEST_LETTERS and not word[0].isdigit()


def _dice(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other))


@lru_cache(maxsize=50_000)
def _letters(word: str) -> frozenset[str]:
    whole = f"_{word}_"
    return frozenset(whole[start : start + 3] for start in range(len(whole) - 2))
