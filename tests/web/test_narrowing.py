import re
from html import unescape

import pytest
from django.conf import settings

from retrieval.models import DocumentVersion
from tests import factories
from tests.factories import Cast
from tests.web.browser import Reader, bare, text


@pytest.fixture
def library(searchable_cast: Cast) -> Cast:
    """Blue's paper, a PDF of theirs in another collection, and one of Red's that they do not see."""
    plans = factories.collection("Plans", owner=searchable_cast.blue)
    factories.searchable_document(plans, name="plan.pdf", passages=["A kettle plan."])
    secret = factories.collection("Redprints", owner=searchable_cast.red)
    factories.searchable_document(secret, name="red.pdf", passages=["A red kettle."])
    pdfs = DocumentVersion.objects.filter(document__name__endswith=".pdf")
    pdfs.update(media_type="application/pdf")
    return searchable_cast


def links(page: str) -> dict[str, str]:
    """Return the chips of a page: their words with the address behind them."""
    chips = re.findall(r'<a class="chip" href="([^"]+)">(.*?)</a>', page)
    return {" ".join(re.sub("<[^>]+>", "", label).split()): unescape(address) for address, label in chips}


def test_facets_count_and_lead_to_what_they_counted(library: Cast) -> None:
    reader = Reader(library.bob)
    page = text(reader.get("/search", {"q": "kettle", "collection": ["blueprints", "plans"]}))
    shown = links(page)
    assert set(shown) == {
        "Blueprints 1 document",
        "Plans 1 document",
        "PDF 1 document",
        "Plain text 1 document",
    }
    assert "Redprints" not in page
    narrowed = text(reader.get(shown["PDF 1 document"]))
    assert "out of 1 document in 1 collection" in narrowed
    assert "plan.pdf" in narrowed
    assert "warranty.txt" not in narrowed
    (label, back), *others = links(narrowed).items()
    assert label == "type:pdf ×: take away"
    assert not others
    assert "out of 2 documents" in text(reader.get(back))


def test_someone_who_sees_one_kind_gets_no_facets(library: Cast) -> None:
    assert links(text(Reader(library.charlie).get("/search", {"q": "kettle"}))) == {}


def test_a_hidden_value_is_like_none(library: Cast) -> None:
    outsider = Reader(library.charlie, headers={"X-Request-ID": "the-same-one"})
    pages = [
        bare(outsider.get("/search", {"q": f"kettle collection:{slug}"})).replace(slug, "")
        for slug in ("blueprints", "no-such")
    ]
    assert pages[0] == pages[1]
    assert "Nothing fits" in pages[0]
    assert "Take away a filter" in pages[0]


def test_a_filter_that_cannot_be_is_explained(library: Cast) -> None:
    page = text(Reader(library.bob).get("/search", {"q": "kettle after:foo"}), 400)
    assert "“after:foo” is no date" in page
    asked = text(Reader(library.bob).post("/ask", {"q": "kettle after:foo"}), 400)
    assert "“after:foo” is no date" in asked


def test_markup_in_a_filter_stays_text(library: Cast) -> None:
    page = text(Reader(library.bob).get("/search", {"q": "kettle title:<b>x</b>"}))
    assert "<b>x" not in page


def test_more_of_a_document_is_one_click_away(library: Cast) -> None:
    rules = [f"A kettle rule about {letter}." for letter in "abcdefgh"]
    passages = [text for rule in rules for text in (rule, f"Soup {rule[-2]} at noon.")]
    factories.searchable_document(library.papers, title="Rules & more", passages=passages)
    filler = factories.collection("Filler", owner=library.blue)
    for number in range(18):
        factories.searchable_document(
            filler, title=f"Shelf {number}", passages=[f"A kettle on shelf {number}."]
        )
    reader = Reader(library.bob)
    page = text(reader.get("/search", {"q": "kettle rule about"}))
    ((link, count),) = re.findall(r'<a href="([^"]+)">(\d+) more from this document</a>', page)
    assert int(count) >= len(rules) - settings.SEARCH_PER_DOCUMENT
    narrowed = text(reader.get(unescape(link)))
    assert "In “Rules &amp; more” ×: take away" in links(narrowed)
    assert "A kettle plan" not in narrowed


def test_copies_are_told_of(library: Cast) -> None:
    for name in ("one.md", "two.md"):
        factories.searchable_document(library.papers, name=name, passages=["The kettle is red and round."])
    page = text(Reader(library.bob).get("/search", {"q": "red round kettle"}))
    assert "1 more passage says the same" in page
    assert len(re.findall('<p class="snippet">The <mark>kettle</mark> is <mark>red</mark>', page)) == 1
