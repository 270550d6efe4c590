"""Each sentence is judged by what it cites; a wrong citation is moved to the passage that says it."""

import pytest

from llm.embedding import Embedder
from llm.grounding import Grounder
from llm.passages import Passage
from tests.llm.conftest import passage


@pytest.fixture
def grounder(embedder: Embedder) -> Grounder:
    return Grounder(
        [
            passage(
                "Staff may spend up to 180 euros a night on a hotel in Paris. Breakfast is included.", key="a"
            ),
            passage("Meals are paid at cost. Keep every receipt for seven years.", key="b"),
            passage("The office in Lyon does not open on Sundays.", key="c", title="Opening hours"),
        ],
        embedder,
        "en",
    )


@pytest.mark.parametrize(
    ("sentence", "cited", "support", "repair", "passages"),
    [
        ("Staff may spend 180 euros a night on a hotel in Paris.", [1], "supported", "", [0]),
        ("Staff may spend 180 euros a night on a hotel in Paris.", [2], "supported", "moved", [0]),
        ("Staff may spend 180 euros a night on a hotel in Paris.", [9], "supported", "added", [0]),
        ("Staff may spend 180 euros a night on a hotel in Paris.", [1, 3], "supported", "moved", [0]),
        (
            "Breakfast is included, and every receipt is kept for seven years.",
            [1],
            "supported",
            "added",
            [0, 1],
        ),
        ("Staff may spend 280 euros a night on a hotel in Paris.", [1], "unsupported", "", [0]),
        ("Staff may spend 180 euros a night on a hotel in Rome.", [1], "unsupported", "", [0]),
        ("The office in Lyon opens on Sundays.", [3], "unsupported", "", [2]),
        ("Cats sleep most of the day.", [2], "unsupported", "", [1]),
    ],
)
def test_judges_and_repairs(
    grounder: Grounder, sentence: str, cited: list[int], support: str, repair: str, passages: list[int]
) -> None:
    judged = grounder.judge(sentence, cited)
    assert (judged.support, judged.repair) == (support, repair)
    assert sorted(source.passage for source in judged.sources) == passages


def test_says_why(grounder: Grounder) -> None:
    assert "280" in grounder.judge("Staff may spend up to 280 euros a night.", [1]).reason
    assert grounder.judge("Bananas are yellow.", []).reason.startswith("No source is cited")


def test_vectors_that_are_there_are_not_computed_again(
    embedder: Embedder, hotel_passages: list[Passage]
) -> None:
    from llm.evidence import gather_evidence

    evidence = gather_evidence(question="How much is a hotel?", passages=hotel_passages, embedder=embedder)
    grounder = Grounder(hotel_passages, embedder, "en", evidence.candidates)
    assert {candidate.text for candidate in evidence.candidates} <= set(grounder._vectors)
