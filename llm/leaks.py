"""Keeps the instructions that a model was given out of what it writes."""

import base64
import codecs
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

# Squeezed characters (letters and digits, case folded). So many in a row are no chance: eight words or so.
_LEAK = 44
_HELD_FROM = 14


class LeakedError(Exception):
    """The model writes its instructions out."""


class LeakGuard:
    """Lets a stream of words through, and holds back what begins to be its instructions.

    Instructions are recognised as they are, backwards, and in rot13, base64 and hexadecimal, whatever stands
    between their letters. What the `sources` say as well may be said.
    """

    def __init__(self, instructions: str, sources: Iterable[str] = ()) -> None:
        self._forms, self._begins = _known(instructions)
        self._allowed = "".join(_squeezed(text) for text in sources)
        self._held = ""
        self._match = ""

    def feed(self, text: str) -> str:
        """What may be shown now that `text` follows. Raises LeakedError."""
        self._held += text
        for char in _squeezed(text):
            self._match = self._longest(self._match + char)
            if len(self._match) >= _LEAK and self._match not in self._allowed:
                raise LeakedError
        length = len(self._match) if len(self._match) >= _HELD_FROM else 0
        cut = _start_of_last(self._held, length) if length else len(self._held)
        ready, self._held = self._held[:cut], self._held[cut:]
        return ready

    def flush(self) -> str:
        """What is still held back when a sentence is over."""
        ready, self._held = self._held, ""
        return ready

    def _longest(self, tail: str) -> str:
        """The longest end of `tail` that the instructions hold; short ones are not looked up."""
        while len(tail) > _HELD_FROM and not any(tail in form for form in self._forms):
            tail = tail[1:]
        return tail[1:] if len(tail) == _HELD_FROM and tail not in self._begins else tail


@lru_cache(maxsize=4)
def _known(instructions: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """The forms of some instructions, and all that a copy may begin with.

    They are the same for every answer. Made anew they took 10 to 20 ms before its first word, and 1 MB each.
    """
    forms = tuple(_forms(instructions))
    return forms, frozenset(form[i : i + _HELD_FROM] for form in forms for i in range(len(form)))


def _forms(instructions: str) -> Iterator[str]:
    plain = _squeezed(instructions)
    if len(plain) < _LEAK:
        return
    spaced = " ".join(instructions.split())
    yield plain
    yield plain[::-1]
    yield _squeezed(codecs.encode(plain, "rot13"))
    for text in (instructions, spaced):
        for shift in range(3):
            yield _squeezed(base64.b64encode(text[shift:].encode()).decode())
        yield text.encode().hex()


def _squeezed(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())


def _start_of_last(text: str, length: int) -> int:
    """Where the last `length` squeezed characters begin, at the space before; 0 where the text has fewer."""
    left = length
    for place in range(len(text) - 1, -1, -1):
        left -= len(_squeezed(text[place]))
        if left <= 0:
            space = max(text.rfind(" ", 0, place), text.rfind("\n", 0, place))
            return max(space, 0)
    return 0
