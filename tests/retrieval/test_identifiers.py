"""Identifiers are recognised, and asked for in every form in which documents write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.analysis import MAX_TERM, analyse
from retrieval.identifiers import asks_for_identifier, is_identifier, other_forms


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("ISO-9001", True),
        ("ISO\u20119001", True),
        ("FX9001", True),
        ("foo_bar.baz", True),
        ("name@example.com", True),
        ("www.example.com", True),
        ("4711815", True),
        ("kettle", False),
        ("state-of-the-art", False),
        ("e.g", False),
        ("2024", False),
        ("2024-03-01", False),
        ("3.14", False),
        ("and/or", False),
    ],
)
def test_identifiers(word: str, expected: bool) -> None:
    assert is_identifier(word) is expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("iso-9001", True),
        ("what is the FX-9001 filter?", True),
        ("Where is name@example.com from?", True),
        ("how long is the warranty of the kettle with the number FX-9001 in years", False),
        ("how long is the warranty in 2024?", False),
        ("?", False),
    ],
)
def test_questions_for_identifiers(question: str, expected: bool) -> None:
    assert asks_for_identifier(question, "en") is expected


@pytest.mark.parametrize("written", ["ISO-9001", "ISO\u20119001", "ISO9001", "ISO 9001", "iso_9001"])
@pytest.mark.parametrize("asked", ["ISO-9001", "ISO9001", "ISO 9001"])
def test_every_form_finds_every_other(written: str, asked: str) -> None:
    wanted = {*analyse(asked, "en"), *other_forms(asked)}
    assert wanted & set(analyse(written, "en")), (asked, written)


def test_addresses_stay_whole() -> None:
    assert analyse("first.last+tag@example.com", "en")[0] == "first.last+tag@example.com"
    assert analyse("foo__bar", "en") == ["foo__bar", "foo", "bar"]
    assert other_forms("name@example.com") == []


@given(st.text(max_size=200))
def test_any_text_gives_short_forms(text: str) -> None:
    asks_for_identifier(text, "en")
    assert all(0 < len(form) <= MAX_TERM for form in other_forms(text))
