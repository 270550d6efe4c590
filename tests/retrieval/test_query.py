"""What is typed into the box: signs are read, anything else stays text, and nothing breaks the parser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import InvalidInputError
from retrieval.filters import FIELDS
from retrieval.query import Part, parse_query, with_filters, without_filter


def _filters(text: str) -> list[tuple[str, str, bool]]:
    return [(one.field, one.value, one.is_excluded) for one in parse_query(text).filters]


@pytest.mark.parametrize(
    "text",
    [
        "How long is the kettle's warranty?",
        "type: pdf, and other lines: two",
        "see https://example.com/a?b=c and foo:bar",
        'a 21" and a 24" screen',
        'an "unclosed quotation',
        "below -5 degrees - or -40°C, --verbose",
        "A* and C++ and 5*3 and *",
        '"" and "?!" and -""',
        "-",
    ],
)
def test_what_means_nothing_special_is_text(text: str) -> None:
    query = parse_query(text)
    assert not query.has_signs
    assert query.text == query.typed == text


@pytest.mark.parametrize(
    ("text", "phrase", "asked"),
    [
        ('who gets "annual leave"?', "annual leave", "who gets annual leave?"),
        ("(“annual leave”)", "annual leave", "(annual leave)"),
        ("„Jahres Urlaub“ heute", "Jahres Urlaub", "Jahres Urlaub heute"),
        ('"iso-9001"', "iso-9001", "iso-9001"),
    ],
)
def test_phrases(text: str, phrase: str, asked: str) -> None:
    query = parse_query(text)
    assert query.parts == (Part("phrase", phrase),)
    assert query.text == asked


def test_prefixes_and_what_must_not_be_there() -> None:
    query = parse_query('kett* FX-90*, -draft. -"two words" -old* -北京大学 lid')
    assert query.parts == (
        Part("prefix", "kett"),
        Part("prefix", "FX-90"),
        Part("phrase", "two words", is_excluded=True),
        Part("prefix", "old", is_excluded=True),
        Part("phrase", "北京大学", is_excluded=True),
    )
    assert query.without == ("draft",)
    assert query.text == "kett FX-90 lid"
    assert query.words == "lid"


def test_filters() -> None:
    assert _filters(
        'COLLECTION:hr, type:.PDF -team:"Red Team" language:german after:2024-03 before:"2025" title:x leave'
    ) == [
        ("collection", "hr", False),
        ("type", ".PDF", False),
        ("team", "Red Team", True),
        ("language", "german", False),
        ("after", "2024-03", False),
        ("before", "2025", False),
        ("title", "x", False),
    ]


def test_words_of_quotations_are_kept_apart_from_the_rest() -> None:
    assert parse_query('the PTO "of PTO" rules').words == "the PTO rules"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("after:foo x", "Write a year, a month or a day: after:2024, after:2024-03 or after:2024-03-15"),
        ("before:2024-13 x", "“before:2024-13” is no date"),
        ("before:0000 x", "no date"),
        ("after:2024-02-30 x", "no date"),
        ("-after:2024 x", "Write before:2024 instead"),
        ("type:foo x", "Write one of pdf, word, slides"),
        ("language:klingonish x", "language:en or language:de"),
        ("type:pdf -draft", "Add the words that you want to find"),
        ("x " + "-draft " * 3 + " ".join(f"-no{number}x" for number in range(30)), "more than 12 filters"),
        (" ", "is empty"),
    ],
)
def test_what_cannot_be_meant_is_explained(text: str, told: str) -> None:
    with pytest.raises(InvalidInputError, match=told):
        parse_query(text)


def test_filters_are_added_and_taken_away() -> None:
    query = parse_query("annual leave type:pdf, collection:hr days")
    assert with_filters(query, [("language", "de")]) == f"{query.typed} language:de"
    assert without_filter(query, query.filters[0]) == "annual leave , collection:hr days"
    assert without_filter(query, query.filters[1]) == "annual leave type:pdf, days"
    spaced = parse_query(with_filters(query, [("team", "Red Team")]))
    assert spaced.filters[-1].value == "Red Team"


_PIECES = st.sampled_from(
    [
        *(f"{name}:" for name in FIELDS),
        "-",
        '"',
        "“",
        "„",
        "*",
        ":",
        " ",
        "2024",
        "pdf",
        "\x00",
        "'",
        "(",
        "北",
    ]
)


@given(st.one_of(st.text(max_size=200), st.lists(st.one_of(_PIECES, st.text(max_size=5))).map("".join)))
def test_any_text_is_read_or_explained(text: str) -> None:
    try:
        query = parse_query(text)
    except InvalidInputError:
        return
    assert query.text.strip()
    again = parse_query(query.typed)
    assert again == query
    for one in query.filters:
        assert query.typed[one.start : one.end].lstrip("-").lower().startswith(f"{one.field}:")
