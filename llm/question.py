"""What a question is about, and what it asks for.

Names say which document is meant, the other words which sentence of it: a report on "Flight 12 at Nevis"
tells what was hit in a sentence that names neither.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from llm.words import content_terms

# Where every noun has a capital, a capital tells no name.
_CAPITALISES_NOUNS = {"de"}
_EDGES = ".,;:?!()[]\"'\u201c\u201d\u2018\u2019\u00ab\u00bb"

_ASKS_FOR_NUMBER = {
    "en": re.compile(
        r"(?:^|\b(?:in|since|from|until|by|at|on|for|to|about|after) |[,;] ?)"
        r"(?:how (?:many|much|often|long|old|far|high|large|big|fast|wide|tall|deep|late|early)|when"
        r"|(?:what|which) (?:year|month|day|date|age|time|share|percentage|number|amount|score))\b",
        re.IGNORECASE,
    ),
    "de": re.compile(
        r"(?:^|\b(?:in|seit|von|bis|ab|um|an|am|für|nach|vor) |[,;] ?)"
        r"(?:wie (?:viele?n?|oft|lange|alt|weit|hoch|groß|schnell|breit|tief|spät|früh)|wann"
        r"|welche[smnr]? (?:jahr|anteil|prozentsatz|datum|zahl|anzahl|tag|monat|alter))\b",
        re.IGNORECASE,
    ),
}
_NUMBER_WORDS = {
    "en": "one two three four five six seven eight nine ten eleven twelve fifteen twenty thirty fifty "
    "hundred thousand million billion once twice half third quarter daily weekly monthly yearly annually",
    "de": "ein eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf fünfzehn zwanzig dreißig "
    "fünfzig hundert tausend million millionen milliarde milliarden einmal zweimal dreimal halb hälfte "
    "drittel viertel täglich wöchentlich monatlich jährlich",
}
_NUMBER = {
    language: re.compile(rf"\d[\d.,]*|\b(?:{'|'.join(words.split())})\b", re.IGNORECASE)
    for language, words in _NUMBER_WORDS.items()
}

_COUNTS = ("many", "much", "viel", "viele", "vielen")
_UNIT_WITHIN = 3  # words between a number and what it counts: "734,000 private retirement plans"


def names(question: str, language: str) -> frozenset[str]:
    """The stems of the names in a question: words with a capital inside the sentence, and part numbers.

    A figure right after a name belongs to it ("Global 5000").
    """
    found: set[str] = set()
    after_name = False
    for position, word in enumerate(question.split()):
        bare = word.strip(_EDGES)
        after_name = _is_name(bare, position, language) or (after_name and bare.isdigit())
        if after_name:
            found.update(content_terms(bare, language))
    return frozenset(found)


def _is_name(word: str, position: int, language: str) -> bool:
    if any(character.isdigit() for character in word) and any(character.isalpha() for character in word):
        return True
    return position > 0 and word[:1].isupper() and language not in _CAPITALISES_NOUNS


def without_terms(question: str, terms: Collection[str], language: str) -> str:
    """The question without the words whose stems are all among `terms`; whole where nothing would be left."""
    kept, says_something = [], False
    for word in question.split():
        stems = content_terms(word, language)
        if stems and all(stem in terms for stem in stems):
            continue
        says_something = says_something or bool(stems)
        kept.append(word)
    return " ".join(kept) if says_something else question


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whether a question asks for a number, and the stem of what is to be counted ("how many pages")."""

    number: bool
    unit: str
    language: str

    def found_in(self, text: str) -> int:
        """2 where `text` has a number of that unit, 1 where it has any number, -1 where it has none.

        0 where the question asks for no number.
        """
        if not self.number:
            return 0
        numbers = _number(self.language)
        if not numbers.search(text):
            return -1
        return 2 if self.unit and self._counts_unit(text, numbers) else 1

    def _counts_unit(self, text: str, numbers: re.Pattern[str]) -> bool:
        following = (text[match.end() :].split()[:_UNIT_WITHIN] for match in numbers.finditer(text))
        return any(self.unit in content_terms(" ".join(few), self.language) for few in following)


def wanted(question: str, language: str) -> Wanted:
    """What a question asks for; no number in languages not known here."""
    pattern = _ASKS_FOR_NUMBER.get(language)
    asks = pattern.search(question) if pattern else None
    if asks is None:
        return Wanted(number=False, unit="", language=language)
    counts = asks.group().casefold().endswith(_COUNTS)
    following = content_terms(question[asks.end() :], language) if counts else []
    return Wanted(number=True, unit=following[0] if following else "", language=language)


def _number(language: str) -> re.Pattern[str]:
    return _NUMBER.get(language, _NUMBER["en"])
