"""Words of a question in a text: the same, another form, a compound, misspelt, or not there."""

import pytest

from llm.near_words import QuestionWords
from llm.words import content_terms, weighted_terms


@pytest.mark.parametrize(
    ("asked", "told", "language"),
    [
        ("ARPNET", "ARPANET", "en"),
        ("Maastrich", "Maastricht", "en"),
        ("authorization", "authority", "en"),
        ("Versicherung", "Versicherungen", "de"),
        ("Wohngebäude", "Wohngebäudeschutz", "de"),
    ],
)
def test_a_word_counts_in_part_where_one_like_it_stands(asked: str, told: str, language: str) -> None:
    words = QuestionWords(weighted_terms(asked, language))
    assert 0.6 <= words.coverage(words.found_in(content_terms(told, language))) <= 1


@pytest.mark.parametrize(
    ("asked", "told"), [("hotel", "hospital"), ("2023", "2024"), ("sea", "seat"), ("hit", "struck")]
)
def test_other_words_numbers_and_short_words_do_not_count(asked: str, told: str) -> None:
    words = QuestionWords(weighted_terms(asked, "en"))
    assert words.found_in(content_terms(told, "en")) == {}


def test_the_same_word_counts_whole_beside_one_like_it() -> None:
    words = QuestionWords({"compact": 1.0, "price": 3.0})
    assert words.found_in(["compacts", "compact"]) == {"compact": 1.0}
    assert words.coverage(words.found_in(["compact"])) == 0.25


def test_words_can_be_left_out() -> None:
    words = QuestionWords({"warranty": 1.0, "pump": 3.0})
    found = words.found_in(["pump"])
    assert words.coverage(found, without={"pump"}) == 0.0
    assert words.coverage(found, without={"warranty"}) == 1.0
    assert words.coverage(found, without={"warranty", "pump"}) == 1.0, "nothing is missing"
    assert QuestionWords({}).coverage({}) == 0.0
