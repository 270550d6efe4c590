"""One period is read from all the ways in which people write it."""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.identifiers import other_forms
from retrieval.periods import Period, periods_in, quarter_terms

Q2 = Period(date(2023, 4, 1), date(2023, 6, 30))


@pytest.mark.parametrize(
    "text",
    [
        "2023 Q2 ACME.pdf",
        "ACME_Q2_2023",
        "ACME-2023Q2",
        "Q2'23",
        "results of 2Q23",
        "Q2 FY23",
        "In the second quarter of 2023, what grew?",
        "the 2nd quarter 2023",
        "second quarter of fiscal year 2023",
        "im zweiten Quartal des Jahres 2023",
        "2. Quartal 2023",
    ],
)
def test_a_quarter_in_many_forms(text: str) -> None:
    assert [one.period for one in periods_in(text)] == [Q2]
    assert "q2" in quarter_terms(text)
    assert "2023q2" in other_forms(text)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("H2 2024", date(2024, 7, 1), date(2024, 12, 31)),
        ("the first half of 2024", date(2024, 1, 1), date(2024, 6, 30)),
        ("Minutes 2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("minutes of March 2024", date(2024, 3, 1), date(2024, 3, 31)),
        ("for the quarterly period ended June 30, 2022", date(2022, 6, 30), date(2022, 6, 30)),
        ("am 3. März 2024", date(2024, 3, 3), date(2024, 3, 3)),
        ("3.4.2024", date(2024, 4, 3), date(2024, 4, 3)),
        ("20240315-report", date(2024, 3, 15), date(2024, 3, 15)),
        ("Budget 2025", date(2025, 1, 1), date(2025, 12, 31)),
    ],
)
def test_other_periods(text: str, first: date, last: date) -> None:
    assert [one.period for one in periods_in(text)] == [Period(first, last)]


@pytest.mark.parametrize("text", ["the Q2 10-Q", "part 12023", "IMG_20231299", "1.2.3", "may it be", "Q5"])
def test_what_is_no_period(text: str) -> None:
    assert periods_in(text) == []


def test_dates_that_do_not_exist_are_read_as_what_is_left_of_them() -> None:
    year = Period(date(2023, 1, 1), date(2023, 12, 31))
    assert [one.period for one in periods_in("February 31, 2023")] == [year]
    assert [one.period for one in periods_in("H3 2023")] == [year]


def test_shares() -> None:
    year = Period(date(2023, 1, 1), date(2023, 12, 31))
    assert Q2.share_in(year) == 1
    assert year.share_in(Q2) == pytest.approx(91 / 365)
    assert Q2.share_in(Period(date(2023, 7, 1), date(2023, 9, 30))) == 0


@given(st.text(alphabet="qQhH1234 0123456789./-'fy", max_size=60))
def test_any_text_is_read_without_overlaps(text: str) -> None:
    found = periods_in(text)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert all(one.period.first <= one.period.last for one in found)
