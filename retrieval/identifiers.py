"""Codes, part numbers, addresses and quarters in a question, and how else documents write them.

An index holds ISO-9001 whole and in parts, and ISO9001 whole only. A question asks for all the forms, so that
each of ISO-9001, ISO 9001 and ISO9001 finds the others, and the second quarter of 2023 finds Q2.
"""

import re
from collections.abc import Iterator

from retrieval.analysis import MAX_TERM, fold, is_stop_word, tokens
from retrieval.periods import quarter_terms

_PART = re.compile(r"[^\W\d_]+|\d+")
_SPLIT = re.compile(r"[^\W_]+")
_DECIMAL = re.compile(r"\d+(?:[.,/-]\d+)*")
_LEAST_DIGITS = 5
_LEAST_SHARE = 1 / 3
_LETTERS_AND_DIGITS = 2


def is_identifier(token: str) -> bool:
    """Return whether a word stands for one thing: ISO-9001, foo_bar.baz, FX9001, 4711815, a@example.com."""
    folded = fold(token)
    if "@" in folded or "_" in folded:
        return True
    if any(character.isdigit() for character in folded):
        return not _DECIMAL.fullmatch(folded) or (len(folded) >= _LEAST_DIGITS and folded.isdigit())
    parts = folded.split(".")
    return len(parts) > 1 and all(len(part) > 1 for part in parts)


def asks_for_identifier(text: str, language: str) -> bool:
    """Return whether identifiers are at least a third of the words of a question that are not stop words."""
    words = [token for token in tokens(text) if not is_stop_word(token, language)]
    found = sum(map(is_identifier, words))
    return found > 0 and found >= _LEAST_SHARE * len(words)


def other_forms(text: str) -> list[str]:
    """Return terms under which documents may hold what a question identifies, beside those of its words."""
    return list(dict.fromkeys([*(form[:MAX_TERM] for form in _forms(text)), *quarter_terms(text)]))


def _forms(text: str) -> Iterator[str]:
    before = ""
    for token in map(fold, tokens(text)):
        if is_identifier(token) and "@" not in token:
            yield from _forms_of(token)
        if token.isdigit() and before.isalpha() and not is_stop_word(before):
            yield before + token  # ISO 9001, written apart
            yield f"{before}-{token}"
        before = token


def _forms_of(token: str) -> Iterator[str]:
    pieces = _SPLIT.findall(token)
    if len(pieces) > 1:
        yield "".join(pieces)
        return
    parts = _PART.findall(token)
    if len(parts) == _LETTERS_AND_DIGITS:
        yield "-".join(parts)
        yield from parts if all(len(part) > 1 for part in parts) else ()
