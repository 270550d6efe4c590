import pytest

from llm.support.dates import dates

DAY = (2021, None, 3, 12)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("12 March 2021", DAY),
        ("March 12, 2021", DAY),
        ("Mar. 12, 2021", DAY),
        ("12th of March 2021", DAY),
        ("2021-03-12", DAY),
        ("12.3.2021", DAY),
        ("12. März 2021", DAY),
        ("12 mars 2021", DAY),
        ("12 de marzo de 2021", DAY),
        ("March 2021", (2021, None, 3, None)),
        ("March 12", (None, None, 3, 12)),
        ("Q3 2021", (2021, 3, None, None)),
        ("third quarter of 2021", (2021, 3, None, None)),
        ("in 2021", (2021, None, None, None)),
        ("FY2021", (2021, None, None, None)),
    ],
)
def test_reads_the_forms_of_a_date(text: str, parts: tuple[int | None, ...]) -> None:
    (found,) = dates(text)
    assert found.parts == parts


def test_an_ambiguous_date_has_both_readings() -> None:
    assert {one.parts for one in dates("3/4/2021")} == {(2021, None, 3, 4), (2021, None, 4, 3)}


@pytest.mark.parametrize(
    "text", ["it may 12 times", "2,021 people", "part 2021-A", "1.5 litres", "99 months"]
)
def test_reads_no_date_where_there_is_none(text: str) -> None:
    assert dates(text) == []
