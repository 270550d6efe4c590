"""The part of a passage that is shown in a result list, with the words that matched."""

import re
from bisect import bisect_left
from dataclasses import dataclass

from retrieval.analysis import matching_spans

_LENGTH = 280
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")


@dataclass(frozen=True, slots=True)
class SnippetPart:
    text: str
    marked: bool = False


def make_snippet(text: str, *, terms: frozenset[str], language: str) -> tuple[SnippetPart, ...]:
    """Return about 280 characters of a passage that hold the most matching words, cut between sentences."""
    spans = matching_spans(text, terms, language)
    start, end = _best_window(text, spans)
    parts: list[SnippetPart] = []
    position = start
    for left, right in spans:
        if left < position or right > end:
            continue
        parts += [SnippetPart(text[position:left]), SnippetPart(text[left:right], marked=True)]
        position = right
    parts.append(SnippetPart(text[position:end]))
    return tuple(part for part in parts if part.text)


def _best_window(text: str, spans: list[tuple[int, int]]) -> tuple[int, int]:
    starts = [0, *(match.end() for match in _SENTENCE_END.finditer(text) if match.end() < len(text))]
    lefts = [left for left, _ in spans]
    best = max(starts, key=lambda at: (bisect_left(lefts, at + _LENGTH) - bisect_left(lefts, at), -at))
    end = min(len(text), best + _LENGTH)
    if end < len(text):
        stops = [match.start() for match in _SENTENCE_END.finditer(text, best, end)]
        full = [stop for stop in stops if stop - best > _LENGTH // 2]
        end = full[-1] if full else max(text.rfind(" ", best, end), best + 1)
    return best, end
