"""Words, weights, numbers and languages."""

import pytest

from llm.words import content_terms, coverage, guess_language, numbers, weighted_terms


def test_content_terms_drop_small_words_and_endings() -> None:
    assert content_terms("What are the running costs of hotels?", "en") == ["run", "cost", "hotel"]
    assert content_terms("Welche Kosten haben die Hotels?", "de") == ["kost", "hotel"]


def test_rare_words_and_identifiers_weigh_more() -> None:
    weights = weighted_terms("number turbofan DCA19FA089", "en")
    assert weights["number"] < weights["turbofan"] < weights["dca19fa089"]


def test_coverage_is_the_weighted_share() -> None:
    assert coverage({"a": 1.0, "b": 3.0}, ["b", "c"]) == 0.75
    assert coverage({}, ["b"]) == 0.0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,234.50 and 2.000", {"1234.5", "2000"}),
        ("3,5 % in 2020", {"3.5", "2020"}),
        ("1.234,5", {"1234.5"}),
        ("10-Q on 12/31", {"10", "12", "31"}),
        ("none", set()),
    ],
)
def test_numbers_are_compared_by_value(text: str, found: set[str]) -> None:
    assert numbers(text) == found


def test_guesses_the_language_from_small_words() -> None:
    assert guess_language("Wie viele Punkte hat die Mannschaft in der Saison erzielt?", "en") == "de"
    assert guess_language("who won the war in which the king died", "de") == "en"
    assert guess_language("hotel", "fr") == "fr"
