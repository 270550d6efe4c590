"""The words, titles and headings of a version, as they are suggested to who types.

Words are looked up by their beginning, titles and headings by the beginning of any of their words.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from retrieval.analysis import fold, is_stop_word, is_without_gaps, tokens
from retrieval.models import MAX_PHRASE, MAX_WORD, Phrase

SHORTEST_WORD = 4
_MOST_WORDS = 500
_MOST_HEADINGS = 200
_MOST_BEGINNINGS = 8
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class PhraseRow:
    """A way to find a title or heading: `key` is what of it follows from its word number `place` on."""

    kind: int
    number: int
    place: int
    key: str
    text: str


def words_of(texts: Iterable[str], language: str) -> list[tuple[str, str]]:
    """Return the words of some texts as (key, word), sorted, the most frequent of them.

    Stop words and short ones are left out. A word is shown in small letters where it stands so anywhere.
    What is written without gaps has no words.
    """
    written: dict[str, Counter[str]] = defaultdict(Counter)
    for text in texts:
        for token, number in Counter(tokens(text)).items():
            written[fold(token)][token] += number
    counted = Counter({key: sum(forms.values()) for key, forms in written.items() if _is_word(key, language)})
    return sorted((key, _shown(written[key])) for key, _ in counted.most_common(_MOST_WORDS))


def _is_word(key: str, language: str) -> bool:
    return (
        SHORTEST_WORD <= len(key) <= MAX_WORD
        and any(character.isalpha() for character in key)
        and not is_without_gaps(key)
        and not is_stop_word(key, language)
    )


def _shown(forms: Counter[str]) -> str:
    small = sorted(form for form in forms if form == form.lower())
    return (small[0] if small else forms.most_common(1)[0][0])[:MAX_WORD]


def phrases_of(title: str, text: str, blocks: Iterable[Sequence[Any]]) -> list[PhraseRow]:
    """Return the rows for a title and for the headings among the blocks of a text, each heading once.

    Blocks are (kind, start, end, level).
    """
    headings = (" ".join(text[start:end].split()) for kind, start, end, _ in blocks if kind == "heading")
    rows = list(_rows(Phrase.Kind.TITLE, 0, title))
    for number, heading in enumerate(islice(dict.fromkeys(headings), _MOST_HEADINGS)):
        rows += _rows(Phrase.Kind.HEADING, number, heading)
    return rows


def _rows(kind: int, number: int, text: str) -> Iterator[PhraseRow]:
    words = phrase_key(text).split()
    shown = " ".join(text.split())[:MAX_PHRASE]
    for place in range(min(len(words), _MOST_BEGINNINGS)):
        if place == 0 or (len(words[place]) > 2 and not is_stop_word(words[place])):  # noqa: PLR2004 - letters
            yield PhraseRow(kind, number, place, " ".join(words[place:])[:MAX_PHRASE], shown)


def phrase_key(text: str) -> str:
    """Return a title, a heading or the beginning of one as it is looked up."""
    return " ".join(_WORD.findall(fold(text)))
