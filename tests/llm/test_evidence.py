"""Evidence: a sentence is weighed with the heading above it, and a heading is never quoted."""

import pytest

from llm.embedding import Embedder
from llm.evidence import gather_evidence
from llm.extractive import choose_quotes
from llm.passages import Passage

GUIDE = """Teams

Who may open it?

The members of its teams, and nobody else.

Where is it kept?

In the folder that the administrator chose at the beginning."""


def passage(text: str, *, heading_path: tuple[str, ...] = ()) -> Passage:
    return Passage(
        key="1",
        title="Guide",
        heading_path=heading_path,
        page=None,
        text=text,
        date=None,
        score=1,
        similarity=0.5,
    )


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Who may open it?", "The members of its teams, and nobody else."),
        ("Where is it kept?", "In the folder that the administrator chose at the beginning."),
    ],
)
def test_a_sentence_means_what_its_heading_says(embedder: Embedder, question: str, answer: str) -> None:
    passages = [passage(GUIDE)]
    evidence = gather_evidence(question=question, passages=passages, embedder=embedder)
    assert choose_quotes(evidence, passages)[0].text == answer


def test_headings_are_no_candidates(embedder: Embedder) -> None:
    evidence = gather_evidence(question="Who may open it?", passages=[passage(GUIDE)], embedder=embedder)
    assert {candidate.text for candidate in evidence.candidates}.isdisjoint(
        {"Teams", "Who may open it?", "Where is it kept?"}
    )


def test_a_row_and_a_closed_sentence_are_no_headings(embedder: Embedder) -> None:
    text = "Net sales | 127,101\nThe margin rose.\nOne more row | 5"
    evidence = gather_evidence(question="What were net sales?", passages=[passage(text)], embedder=embedder)
    assert "Net sales | 127,101" in {candidate.text for candidate in evidence.candidates}
    assert "The margin rose." in {candidate.text for candidate in evidence.candidates}
