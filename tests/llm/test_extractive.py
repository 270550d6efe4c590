"""Which sentences are quoted, and in which order."""

import numpy as np

from llm.calibration import Features
from llm.evidence import Candidate, Evidence
from llm.extractive import choose_quotes
from llm.passages import Passage

NO_FEATURES = Features(0, 0, 0, 0, 0, 0, 0)


def passage(key: str, *, document: str, score: float) -> Passage:
    return Passage(key, "A report", (), 1, "", None, score, 0.5, document)


def candidate(number: int, passage: int, start: int, cosine: float) -> Candidate:
    text = f"This is what sentence number {number} says."
    vector = np.eye(8, dtype=np.float32)[number]
    return Candidate(passage, start, start + len(text), text, 0.5, cosine, 0, vector)


def chosen(candidates: list[Candidate], passages: list[Passage]) -> list[int]:
    evidence = Evidence("en", tuple(candidates), NO_FEATURES, 1.0)
    return [int(one.vector.argmax()) for one in choose_quotes(evidence, passages)]


def test_the_best_two_come_first_and_the_others_as_they_are_read() -> None:
    passages = [passage("a", document="1", score=1.0)]
    sentences = [
        candidate(0, 0, 0, 0.60),
        candidate(1, 0, 100, 0.65),
        candidate(2, 0, 200, 0.75),
        candidate(3, 0, 300, 0.80),
    ]
    assert chosen(sentences, passages) == [3, 2, 0, 1]


def test_the_document_s_best_passage_speaks_for_its_other_passages() -> None:
    passages = [
        passage("a", document="1", score=1.0),
        passage("b", document="1", score=0.5),
        passage("c", document="2", score=0.6),
    ]
    alike = [candidate(0, 1, 0, 0.6), candidate(1, 2, 0, 0.6)]
    assert chosen(alike, passages)[0] == 0
    assert chosen(alike, [passages[0], passage("b", document="3", score=0.5), passages[2]])[0] == 1


def test_no_candidates_no_quotes() -> None:
    assert chosen([], []) == []
