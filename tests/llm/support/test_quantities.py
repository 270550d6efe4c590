from decimal import Decimal

import pytest

from llm.support.quantities import quantities


@pytest.mark.parametrize(
    ("text", "language", "value", "unit"),
    [
        ("1,200 euros", "en", "1200", "€"),
        ("1.200 Euro", "de", "1200", "€"),
        ("1\u202f200 €", "fr", "1200", "€"),
        ("EUR 1,200.50", "en", "1200.5", "€"),
        ("$ 3.5 million", "en", "3500000", "$"),
        ("3,5 Mio. Euro", "de", "3500000", "€"),
        ("12.5 %", "en", "12.5", "%"),
        ("12.5 percent", "en", "12.5", "%"),
        ("24 months", "en", "24", "month"),
        ("twenty-four months", "en", "24", "month"),
        ("two hundred and fifty thousand people", "en", "250000", ""),
        ("fünfundzwanzig Tage", "de", "25", "day"),
        ("dreihundert Meter", "de", "300", "metre"),
        ("the 3rd visit", "en", "3", ""),
        ("5mg", "en", "5", "mg"),
        ("at 2:30 pm", "en", "870", "clock"),
        ("at 14:30", "en", "870", "clock"),
    ],
)
def test_reads_numbers_as_they_are_meant(text: str, language: str, value: str, unit: str) -> None:
    (found,) = quantities(text, language)
    assert (found.value, found.unit) == (Decimal(value), unit)


def test_two_numbers_are_not_one() -> None:
    assert [one.value for one in quantities("twelve and thirteen, two or three dozen")] == [12, 13, 2, 36]


@pytest.mark.parametrize("text", ["part AB-12C", "one of them", "millions of people", "N123AB"])
def test_reads_no_number_where_there_is_none(text: str) -> None:
    assert quantities(text) == []


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("1,200 km", "1200 km", True),
        ("2.5 million", "2,500,000", True),
        ("5 million euros", "5 (in millions of euros)", True),
        ("5 million", "5 billion", False),
        ("30 days", "30 months", False),
        ("5 %", "5 euros", False),
        ("180", "180 euros", True),
    ],
)
def test_compares_value_and_unit(one: str, other: str, *, agree: bool) -> None:
    assert quantities(one)[0].agrees_with(quantities(other)[0]) is agree
