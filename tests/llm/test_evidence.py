"""What the first few sentences say of a question, and what all of them say."""

from collections.abc import Sequence
from dataclasses import replace

from llm.calibration import WEIGHTS
from llm.embedding import Embedder, Vectors
from llm.evidence import Gathering, gather_evidence
from tests.fakes.hash_embedder import HashEmbedder
from tests.llm.conftest import passage

QUESTION = "How much may I spend on a hotel in Paris?"
TEXT = "Staff may spend up to 180 euros a night on a hotel in Paris. " + " ".join(
    f"Chapter {number} tells what the company pays for a journey of its staff." for number in range(9)
)


class Counting(HashEmbedder):
    """Counts the texts that it embeds."""

    def __init__(self) -> None:
        super().__init__()
        self.embedded = 0

    def _embed(self, texts: Sequence[str]) -> Vectors:
        self.embedded += len(texts)
        return super()._embed(texts)


def test_all_sentences_say_at_least_what_the_first_ones_say(embedder: Embedder) -> None:
    passages = [passage(TEXT, key="k1"), passage("Meals are paid at cost. Keep every receipt.", key="k2")]
    gathering = Gathering(question=QUESTION, passages=passages, embedder=embedder)
    first, whole = gathering.begin(), gathering.complete()
    assert first.suffices
    assert first.chance <= whole.chance
    assert len(first.candidates) < len(whole.candidates)
    at_once = gather_evidence(question=QUESTION, passages=passages, embedder=embedder)
    assert [one.text for one in whole.candidates] == [one.text for one in at_once.candidates]
    assert abs(whole.chance - at_once.chance) < 0.001


def test_more_sentences_can_only_add() -> None:
    assert min(WEIGHTS) >= 0


def test_each_sentence_is_embedded_once() -> None:
    embedder = Counting()
    gathering = Gathering(question=QUESTION, passages=[passage(TEXT)], embedder=embedder)
    gathering.begin()
    gathering.complete()
    embedded = embedder.embedded
    assert gathering.complete().candidates
    assert embedder.embedded == embedded


def test_a_heading_is_no_evidence(embedder: Embedder) -> None:
    text = "Breakfast is included. Keep every receipt for seven years."
    plain, headed = (
        gather_evidence(question=QUESTION, passages=[passage(whole)], embedder=embedder)
        for whole in (text, f"Hotels in Paris\n\n{text}")
    )
    assert [one.text for one in headed.candidates] == [one.text for one in plain.candidates]
    assert headed.features.sentence_cosine == plain.features.sentence_cosine


def test_a_passage_that_is_a_heading_alone_is_no_evidence(embedder: Embedder) -> None:
    text, heading = (
        replace(passage(words, key=key), document="1", similarity=similarity)
        for words, key, similarity in (
            ("Breakfast is included. Keep every receipt for seven years.", "k1", 0.3),
            ("Hotels in Paris", "k2", 0.9),
        )
    )
    evidence = gather_evidence(question=QUESTION, passages=[heading, text], embedder=embedder)
    assert evidence.features.passage_cosine == 0.3
    assert {one.passage for one in evidence.candidates} == {1}
    note = gather_evidence(question=QUESTION, passages=[heading], embedder=embedder)
    assert [one.text for one in note.candidates] == ["Hotels in Paris"], "a note of one line"


def test_what_a_report_names_on_its_first_page_counts_on_the_others(embedder: Embedder) -> None:
    first = replace(passage("This guide is about Paris."), document="1")
    second = replace(passage("Staff may spend up to 180 euros a night on a hotel.", key="k2"), document="1")
    of_another = replace(first, document="2")
    together, apart = (
        gather_evidence(question=QUESTION, passages=[one, second], embedder=embedder).features
        for one in (first, of_another)
    )
    assert together.document_coverage > apart.document_coverage
    assert together.sentence_coverage > apart.sentence_coverage, "a name counts in part"


def test_what_the_title_says_is_not_told_by_a_sentence_that_repeats_it(embedder: Embedder) -> None:
    of_hotels, of_travel = (
        gather_evidence(
            question=QUESTION,
            passages=[passage("A hotel in Paris has a view of the river and many guests.", title=title)],
            embedder=embedder,
        ).features
        for title in ("Hotels in Paris", "Travel policy")
    )
    assert of_hotels.sentence_coverage == of_hotels.agreement == 0
    assert of_travel.sentence_coverage > 0
    assert of_travel.agreement > 0


def test_a_misspelt_question_finds_its_words(embedder: Embedder) -> None:
    right, misspelt, other = (
        gather_evidence(question=question, passages=[passage(TEXT)], embedder=embedder).features
        for question in ("the cost of the journeys", "the cost of the jurneys", "the cost of the breakfasts")
    )
    assert right.sentence_coverage > misspelt.sentence_coverage > other.sentence_coverage


def test_a_sentence_that_only_repeats_the_question_agrees_with_nothing(embedder: Embedder) -> None:
    repeated, told = (
        gather_evidence(question=QUESTION, passages=[passage(text)], embedder=embedder).features.agreement
        for text in (
            "Staff may spend much on a hotel in Paris.",
            "Staff may spend 180 euros a night on a hotel in Paris, breakfast and taxes included.",
        )
    )
    assert repeated < told


def test_a_question_of_few_words_weighs_less(embedder: Embedder) -> None:
    short, long = (
        gather_evidence(
            question=question, passages=[passage(TEXT)], embedder=embedder
        ).features.question_weight
        for question in ("What is a hotel?", QUESTION)
    )
    assert 0 < short < long <= 1


def test_less_is_asked_of_evidence_in_a_language_that_the_model_hardly_knows(embedder: Embedder) -> None:
    known = passage("Staff may spend up to 180 euros a night.")
    strange = replace(known, strangeness=1.0)
    chances = [
        gather_evidence(question=QUESTION, passages=[one], embedder=embedder).chance
        for one in (known, strange)
    ]
    assert chances[0] < chances[1]
