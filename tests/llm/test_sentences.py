"""Where sentences begin and end."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.sentences import LONGEST_SENTENCE, heading_spans, sentence_spans


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        (
            "Dr. Smith paid $3.2 million, e.g. in cash. Yes.",
            ["Dr. Smith paid $3.2 million, e.g. in cash.", "Yes."],
        ),
        ("The U.S. Senate met. It sat.", ["The U.S. Senate met.", "It sat."]),
        ('"Really?" he asked. Yes.', ['"Really?" he asked.', "Yes."]),
        ("Am 3. Mai kam z.B. Herr Dr. Kurz. Er blieb.", ["Am 3. Mai kam z.B. Herr Dr. Kurz.", "Er blieb."]),
        ("Il a dit « oui ». M. Roux partit.", ["Il a dit « oui ».", "M. Roux partit."]),
        ("Line one\nwraps here. Next.", ["Line one\nwraps here.", "Next."]),
        ("Intro:\n- first item\n- second item", ["Intro:", "- first item", "- second item"]),
        ("1. Open it.\n2. Close it.", ["1. Open it.", "2. Close it."]),
        ("Title\n\nBody text.", ["Title", "Body text."]),
        ("Name | Age\nBob. B | 3\nAfter it.", ["Name | Age", "Bob. B | 3", "After it."]),
        ("日本です。そうです。", ["日本です。", "そうです。"]),
        ("  \n ", []),
    ],
)
def test_splits(text: str, sentences: list[str]) -> None:
    assert split(text) == sentences


def test_cuts_what_has_no_end() -> None:
    pieces = split("word " * 1000)
    assert max(map(len, pieces)) <= LONGEST_SENTENCE
    assert " ".join(pieces).split() == ["word"] * 1000


@given(st.text(alphabet='aB1. !?\n|-é("', max_size=300))
def test_loses_nothing_but_white_space(text: str) -> None:
    spans = sentence_spans(text)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert "".join("".join(split(text)).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        ("Hotels in Paris\n\nStaff may spend 180 euros.", ["Hotels in Paris"]),
        ("Staff may spend it.\n\nHotels in St. Denis\n\nThey cost less.", ["Hotels in St. Denis"]),
        ("Travel\n \nHotels in Paris\n\nStaff may spend 180 euros.", ["Travel", "Hotels in Paris"]),
        ("Hotel: 180 euros\n\nBreakfast is included.", []),
        ("Hotel | 180 euros\n\nBreakfast is included.", []),
        ("- Hotel for 180 euros\n\nBreakfast is included.", []),
        ("Hotels in Paris", []),
        ("Hotels in Paris\ncost 180 euros.\n\nMeals are paid.", []),
        ("Breakfast is included.\n\nMeals are paid.", []),
    ],
)
def test_a_heading_is_a_short_line_above_a_paragraph(text: str, headings: list[str]) -> None:
    assert [text[start:end] for start, end in heading_spans(text)] == headings


def test_many_short_lines_in_a_row_are_a_list() -> None:
    slide = "\n\n".join(["Hotels cost 180 euros", "Meals are paid", "Trains are booked first", "Ask us."])
    assert heading_spans(slide) == []
