"""What a question is about, and what it asks for."""

import pytest

from llm.embedding import Embedder
from llm.evidence import gather_evidence
from llm.extractive import choose_quotes
from llm.passages import Passage
from llm.question import names, wanted, without_terms

NEVIS = "What did the Global 5000 hit before it landed on Nevis?"


@pytest.mark.parametrize(
    ("question", "language", "found"),
    [
        (NEVIS, "en", {"global", "5000", "nevi"}),
        ("Who flew the PA-31T in 2007?", "en", {"pa", "31t"}),
        ("Which pump leaks?", "en", set()),
        ("Wie lange gilt die Garantie der Maschine?", "de", set()),
    ],
)
def test_names_are_words_with_a_capital_and_part_numbers(
    question: str, language: str, found: set[str]
) -> None:
    assert names(question, language) == found


def test_a_question_is_read_without_names() -> None:
    assert without_terms(NEVIS, {"global", "5000", "nevi"}, "en") == "What did the hit before it landed on"
    assert without_terms("Who is Luke?", {"luke"}, "en") == "Who is Luke?"


@pytest.mark.parametrize(
    ("question", "language", "asks", "unit"),
    [
        ("How many private retirement plans are covered?", "en", True, "privat"),
        ("For how many minutes should it boil?", "en", True, "minut"),
        ("How often is it checked?", "en", True, ""),
        ("When was it built?", "en", True, ""),
        ("Why did it stop when the pilot landed?", "en", False, ""),
        ("Wie viele Tage Urlaub gibt es?", "de", True, "tag"),
        ("Combien de jours ?", "fr", False, ""),
    ],
)
def test_whether_a_number_is_wanted_and_of_what(question: str, language: str, asks: bool, unit: str) -> None:
    assert (wanted(question, language).number, wanted(question, language).unit) == (asks, unit)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("We will recruit a total of 90 participants.", 2),
        ("About ninety of 90 adult participants left.", 2),
        ("Participants walk for 20 minutes.", 1),
        ("It is checked twice.", 1),
        ("Participants are recruited.", -1),
    ],
)
def test_a_number_counts_most_with_its_unit(text: str, found: int) -> None:
    assert wanted("How many participants are recruited?", "en").found_in(text) == found
    assert wanted("Who recruits participants?", "en").found_in(text) == 0


def _passage(key: str, text: str, *, document: str, score: float) -> Passage:
    return Passage(key, "Final report", (), 1, text, None, score, 0.5, document)


def test_a_sentence_that_names_nothing_answers_about_what_its_document_names(embedder: Embedder) -> None:
    """The head of a report repeats the question's names; what happened stands further down, without them."""
    passages = [
        _passage(
            "a", "Aircraft: Global 5000 | Location: Nevis\nDamage: substantial", document="1", score=1.0
        ),
        _passage(
            "b", "The airplane hit approach lights and a fence before it landed.", document="1", score=0.6
        ),
        _passage("c", "The airplane hit a deer before it landed on the grass.", document="2", score=0.5),
    ]
    evidence = gather_evidence(question=NEVIS, passages=passages, embedder=embedder)
    assert choose_quotes(evidence, passages)[0].passage == 1


def test_an_entry_of_a_bibliography_is_no_answer(embedder: Embedder) -> None:
    text = (
        "2. Brown J, Alwan NA, et al. Walking after meals in gestational diabetes. Lancet 2017;12.\n\n"
        "Women with gestational diabetes walk for 20 minutes after meals."
    )
    passages = [_passage("a", text, document="1", score=1.0)]
    asked = "Should women with gestational diabetes walk after meals?"
    evidence = gather_evidence(question=asked, passages=passages, embedder=embedder)
    assert choose_quotes(evidence, passages)[0].text.startswith("Women")
