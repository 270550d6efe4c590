"""Answers made of the documents' own sentences: the engine that needs no language model."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from llm.evidence import Candidate, Evidence
from llm.passages import Passage

MAX_QUOTES = 4
_FIRST = 2

_COSINE, _COVERAGE, _PASSAGE, _DOCUMENT, _NUMBER = 0.55, 0.3, 0.15, 0.15, 0.1
_REPETITION = 0.35  # what likeness to a chosen sentence costs (MMR, Carbonell and Goldstein 1998)
_WORTH_SHOWING = 0.72  # of the best sentence's merit
_SAME_MEANING = 0.93
_QUESTION_PENALTY = 0.6
_FRAGMENT_PENALTY = 0.75
_FRAGMENT_WORDS = 5
_REFERENCE = re.compile(
    r"\bet al\b|\bdoi:|\b(?:19|20)\d\d;\s?\d+", re.IGNORECASE
)  # an entry of a bibliography
_WORDS_A_DELTA = 5


def choose_quotes(evidence: Evidence, passages: Sequence[Passage]) -> list[Candidate]:
    """Up to four sentences that answer best: the best two first, the others in reading order."""
    best_of: defaultdict[str, float] = defaultdict(float)
    for passage in passages:
        best_of[passage.document or passage.key] = max(
            best_of[passage.document or passage.key], passage.score
        )
    merits = [_merit(one, passages[one.passage], best_of) for one in evidence.candidates]
    chosen: list[int] = []
    while len(chosen) < MAX_QUOTES:
        position = _next_choice(evidence.candidates, merits, chosen)
        if position is None:
            break
        chosen.append(position)
    return _readable([evidence.candidates[i] for i in chosen])


def text_deltas(text: str) -> Iterator[str]:
    """`text` in pieces of a few words that join up to it again."""
    pieces = text.split(" ")
    for start in range(0, len(pieces), _WORDS_A_DELTA):
        lead = " " if start else ""
        yield lead + " ".join(pieces[start : start + _WORDS_A_DELTA])


def _merit(candidate: Candidate, passage: Passage, best_of: Mapping[str, float]) -> float:
    """What a sentence is worth; the best passage of its document speaks for it as much as its own."""
    merit = (
        _COSINE * max(candidate.cosine, 0.0)
        + _COVERAGE * candidate.coverage
        + _PASSAGE * passage.score
        + _DOCUMENT * best_of[passage.document or passage.key]
        + _NUMBER * candidate.number
    )
    if candidate.text.rstrip().endswith("?"):
        merit *= _QUESTION_PENALTY  # a heading that repeats the question does not answer it
    if len(candidate.text.split()) < _FRAGMENT_WORDS or _REFERENCE.search(candidate.text):
        merit *= _FRAGMENT_PENALTY
    return merit


def _next_choice(
    candidates: Sequence[Candidate], merits: Sequence[float], chosen: Sequence[int]
) -> int | None:
    """The position of the sentence that adds most to those chosen, or None when none is worth it."""
    best: int | None = None
    best_value = 0.0
    for position, merit in enumerate(merits):
        if position in chosen or merit < _WORTH_SHOWING * max(merits):
            continue
        likeness = max((_likeness(candidates[position], candidates[i]) for i in chosen), default=0.0)
        value = merit - _REPETITION * likeness * merit
        if likeness < _SAME_MEANING and value > best_value:
            best, best_value = position, value
    return best


def _likeness(one: Candidate, other: Candidate) -> float:
    return 1.0 if one.text == other.text else float(one.vector @ other.vector)


def _readable(chosen: Sequence[Candidate]) -> list[Candidate]:
    """The best two first; the rest passage by passage, beginning with the best one's, in document order.

    Many read no further than two sentences.
    """
    order = list(dict.fromkeys(c.passage for c in chosen))
    return [*chosen[:_FIRST], *sorted(chosen[_FIRST:], key=lambda c: (order.index(c.passage), c.start))]
