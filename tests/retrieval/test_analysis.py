"""Terms: folded, stemmed, identifiers whole and in parts, bigrams for Chinese."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.analysis import MAX_TERM, analyse, matching_spans


@pytest.mark.parametrize(
    ("text", "language", "terms"),
    [
        ("Running the kettles", "en", ["run", "kettl"]),
        ("ISO-9001", "en", ["iso-9001", "iso", "9001"]),
        ("foo_bar.baz", "en", ["foo_bar.baz", "foo", "bar", "baz"]),
        ("ask name@example.com", "en", ["ask", "name@example.com", "name", "exampl", "com"]),
        ("$1,234.50 don't", "en", ["1234.50"]),
        ("Die Ärzte prüften die Häuser", "de", ["arzt", "pruft", "haus"]),
        ("北京大学", "en", ["北京", "京大", "大学"]),
        ("\ufb01le \uff26\uff55ll", "en", ["file", "full"]),
        ("", "en", []),
    ],
)
def test_terms(text: str, language: str, terms: list[str]) -> None:
    assert analyse(text, language) == terms


@given(st.text(max_size=300))
def test_any_text_gives_short_terms_without_nul(text: str) -> None:
    for term in analyse(text, "en"):
        assert 0 < len(term) <= MAX_TERM
        assert "\x00" not in term


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_spans_lie_in_the_text(text: str) -> None:
    terms = frozenset(analyse(text, "en"))
    for start, end in matching_spans(text, terms, "en"):
        assert 0 <= start < end <= len(text)
