# ruff: noqa: RUF001 - closing signs of several scripts
"""Where sentences end. Rules alone: they hold for any language with these signs, and cost no model."""

from __future__ import annotations

import re
from collections.abc import Iterator

# After a closing sign and a blank, before anything but a small letter; at line ends; after a full stop of
# Chinese or Japanese, which needs no blank.
_END = re.compile(r"[.!?…][\"'”’)\]»]*\s+(?![a-z\s])|\n+|[。！？]+[」』”’]*\s*")
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|No|Nos|Fig|Figs|Eq|Sec|vs|cf|al|etc|e\.g|i\.e|approx|Inc|Ltd|Co|Corp|U\.S)"
    r"|^\d{1,2})\.\s+$"
)


def sentence_spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield spans that cover ``text[start:end]`` without gaps, each a sentence with the blanks after it."""
    first = start
    for match in _END.finditer(text, start, end):
        if match.end() < end and not _ABBREVIATION.search(text, max(first, match.end() - 12), match.end()):
            yield first, match.end()
            first = match.end()
    if first < end:
        yield first, end
