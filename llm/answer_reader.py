"""A model's stream of tokens becomes plain sentences with the numbers that they cite, as it is written."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from llm.plain_text import plain_text, unescaped
from llm.sentences import ends_sentence

_MARKER = re.compile(
    r"[\[【\uff3b]\s*(?:\^|source\s*|#)?(\d{1,3}(?:\s*(?:[,;\u2013-]|and)\s*\d{1,3})*)"
    r"[^\]】\uff3d\[\n]{0,20}[\]】\uff3d](?!\()",
    re.I,
)
_RANGE = re.compile(r"(\d+)\s*[\u2013-]\s*(\d+)")
_WORD = re.compile(r"\s+|\S+")
_PUNCTUATION = re.compile(r"[.,;:!?…)]+")
_TERMINATED = re.compile(r"[.!?…。\uff01\uff1f][\"'”\u2019»)]*$")
_LINE_MARK = re.compile(r"(?:\n|\A)[ \t]*(?:#{1,6}|>+|[*+•‣▪-])$")
_THINK_START, _THINK_END = "<think>", "</think>"

# A construct that is still open after this many characters is not waited for: it is read as text.
_LONGEST_CONSTRUCT = 500
_LONGEST_SENTENCE = 1_500


@dataclass(frozen=True, slots=True)
class Words:
    """More text of the running sentence."""

    text: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """The running sentence is over; `numbers` are those it cites, in order, unchecked."""

    text: str
    numbers: tuple[int, ...]


Read = Words | Sentence


class AnswerReader:
    """Feed it the stream; it gives back plain words and whole sentences.

    A sentence's words, joined, are its text. `marker` is the character that datamarking put in place of
    spaces; a model that copies it gets its spaces back. The first letters of all are given back before their
    word is whole, but for those of `whole`, a word that means something by itself.
    """

    def __init__(self, marker: str = "", *, whole: str = "") -> None:
        self._marker, self._whole = marker, whole
        self._has_begun = False
        self._early = ""
        self._raw = ""
        self._thinking: bool | None = None
        self._text = ""
        self._space = ""
        self._numbers: list[int] = []
        self._after_marker = False

    def feed(self, chunk: str) -> list[Read]:
        """What became certain with `chunk`."""
        self._raw += chunk.replace(self._marker, " ") if self._marker else chunk
        self._skip_thoughts()
        cut = 0 if self._thinking else _certain_length(self._raw)
        ready, self._raw = self._raw[:cut], self._raw[cut:]
        self._has_begun = self._has_begun or bool(ready.strip())
        return _merged([*self._read(ready), *self._first_letters()])

    def close(self) -> list[Read]:
        """What is left when the stream has ended."""
        rest, self._raw = ("" if self._thinking else self._raw), ""
        return _merged([*self._read(rest), *self._end_sentence()])

    def _skip_thoughts(self) -> None:
        """Drop a leading `<think>` block, which reasoning models write before they answer."""
        if self._thinking is None:
            start = self._raw.lstrip()
            if _THINK_START.startswith(start[: len(_THINK_START)]) and len(start) < len(_THINK_START):
                return
            self._thinking = start.startswith(_THINK_START)
        if self._thinking and _THINK_END in self._raw:
            self._raw = self._raw.partition(_THINK_END)[2].lstrip()
            self._thinking = False

    def _first_letters(self) -> Iterator[Read]:
        """The letters that the answer begins with, of a word that may still go on."""
        start = self._raw.strip()
        if self._has_begun or self._thinking is not False or not start.isalpha():
            return
        if not self._whole.startswith(start):
            self._has_begun, self._early, self._raw = True, start, ""
            yield self._append(start)

    def _read(self, raw: str) -> Iterator[Read]:
        raw, position = unescaped(raw), 0
        for match in _MARKER.finditer(raw):
            yield from self._read_text(raw[position : match.start()])
            self._numbers.extend(_numbers(match.group(1)))
            self._after_marker = True
            position = match.end()
        yield from self._read_text(raw[position:])

    def _read_text(self, raw: str) -> Iterator[Read]:
        for match in _WORD.finditer(self._plain(raw)):
            word = match.group()
            if word.isspace():
                self._space = "\n" if "\n" in word or self._space == "\n" else " "
                continue
            if self._sentence_is_over(word):
                yield from self._end_sentence()
            yield self._append(word)
            if len(self._text) > _LONGEST_SENTENCE:
                yield from self._end_sentence()

    def _plain(self, raw: str) -> str:
        """What follows as plain text. The letters that were given back early are read with it."""
        early, self._early = (self._early, "") if raw else ("", self._early)
        text = plain_text(early + raw)
        return text.removeprefix(early) if text.startswith(early) else f" {text}"

    def _sentence_is_over(self, following: str) -> bool:
        if not self._text or (self._after_marker and _PUNCTUATION.fullmatch(following)):
            return False
        if self._space == "\n":
            return True
        apart = bool(self._space) or self._after_marker
        return apart and bool(_TERMINATED.search(self._text)) and ends_sentence(self._text, following)

    def _append(self, word: str) -> Words:
        joins = not self._text or (not self._space and not self._after_marker)
        # What a marker kept apart must not become a link: "javascript:[1])".
        if self._after_marker and _PUNCTUATION.fullmatch(word) and not self._text.endswith(":"):
            joins = True
        self._space, self._after_marker = "", False
        text = word if joins else f" {word}"
        self._text += text
        return Words(text)

    def _end_sentence(self) -> Iterator[Read]:
        if self._text:
            yield Sentence(self._text, tuple(dict.fromkeys(self._numbers)))
        self._text, self._space, self._numbers, self._after_marker = "", "", [], False


def _certain_length(raw: str) -> int:
    """How much of `raw` can be read now: up to a white space outside of every open construct."""
    if len(raw) > _LONGEST_CONSTRUCT:
        return len(raw)
    cut = max(raw.rfind(" "), raw.rfind("\n"))
    while cut > 0 and (start := _open_construct(raw[:cut])) is not None:
        cut = max(raw.rfind(" ", 0, start), raw.rfind("\n", 0, start))
    mark = _LINE_MARK.search(raw[: max(cut, 0)])
    # A white space at the cut stays with what follows, so that a line's beginning is seen whole.
    return mark.start() if mark else max(cut, 0)


def _open_construct(text: str) -> int | None:
    """Where a bracket, link target or tag begins that `text` does not close; None when there is none."""
    for opening, closing in (("[", "]"), ("【", "】"), ("](", ")"), ("<", ">")):
        start = text.rfind(opening)
        if start >= 0 and closing not in text[start + len(opening) :] and _may_open(text, start):
            return start
    return None


def _may_open(text: str, start: int) -> bool:
    return text[start] != "<" or text[start + 1 : start + 2].strip() != "" or start + 1 == len(text)


def _numbers(listing: str) -> Iterator[int]:
    for part in re.split(r"[,;]|and", listing):
        bounds = _RANGE.fullmatch(part.strip())
        if bounds:
            first, last = int(bounds[1]), int(bounds[2])
            yield from range(first, min(last, first + 20) + 1)
        elif part.strip().isdigit():
            yield int(part)


def _merged(reads: Iterator[Read] | list[Read]) -> list[Read]:
    """Neighbouring words as one."""
    merged: list[Read] = []
    for read in reads:
        if merged and isinstance(read, Words) and isinstance(merged[-1], Words):
            merged[-1] = Words(merged[-1].text + read.text)
        else:
            merged.append(read)
    return merged
