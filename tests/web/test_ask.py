from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from portal.answers.models import Question
from tests import factories
from tests.factories import Cast
from tests.web.browser import Reader, text


def test_home_says_what_is_searched(cast: Cast) -> None:
    assert "1 collection, 1 document that you can see" in text(Reader(cast.bob).get("/"))


def test_home_of_an_outsider_says_how_to_begin(cast: Cast) -> None:
    page = text(Reader(cast.charlie).get("/"))
    assert "There is nothing to search yet" in page
    assert "Blueprints" not in page


def test_home_says_that_the_first_documents_are_being_read(cast: Cast) -> None:
    team = factories.team("Green", members=[cast.charlie])
    papers = factories.collection("Greenprints", owner=team)
    factories.waiting_document(papers, title="Plan")
    page = text(Reader(cast.charlie).get("/"))
    assert "A document is being read" in page
    assert "There is nothing to search yet" not in page
    factories.waiting_document(papers, title="Other plan")
    assert "2 documents are being read" in text(Reader(cast.charlie).get("/"))
    assert "being read" not in text(Reader(cast.bob).get("/"))


def test_what_was_typed_is_not_swapped_away_while_documents_are_read(cast: Cast) -> None:
    papers = factories.collection("Greenprints", owner=factories.team("Green", members=[cast.charlie]))
    factories.waiting_document(papers, title="Plan")
    assert 'hx-trigger="every 3s"' in text(Reader(cast.charlie).get("/"))
    refused = text(Reader(cast.charlie).post("/ask", {"q": "kettle after:foo"}), 400)
    assert "A document is being read" in refused
    assert "kettle after:foo" in refused
    assert "every 3s" not in refused


def test_what_others_wait_for_is_not_told(cast: Cast) -> None:
    factories.waiting_document(cast.papers, title="Secret plan")
    page = text(Reader(cast.charlie).get("/"))
    assert "There is nothing to search yet" in page
    assert "being read" not in page


def test_ask_goes_to_the_page_of_the_question(cast: Cast) -> None:
    response = Reader(cast.bob).post("/ask", {"q": "How long is the warranty?"})
    question = Question.objects.get()
    assert response.headers["Location"] == f"/questions/{question.pk}"
    assert question.user == cast.bob


def test_ask_can_be_narrowed(cast: Cast) -> None:
    Reader(cast.bob).post("/ask", {"q": "How long?", "collection": "blueprints"})
    assert Question.objects.get().collections == ["blueprints"]


def test_a_hidden_collection_is_like_a_missing_one(cast: Cast) -> None:
    outsider = Reader(cast.charlie)
    statuses = [
        outsider.post("/ask", {"q": "How long?", "collection": slug}).status_code
        for slug in ("blueprints", "no-such-one")
    ]
    assert statuses == [404, 404]
    assert not Question.objects.exists()


@pytest.mark.parametrize(
    ("question", "told"),
    [("", "The question is empty"), ("   \n", "empty"), ("x " * 50_000, "at most 2,000")],
)
def test_a_bad_question_is_explained_and_kept(cast: Cast, question: str, told: str) -> None:
    page = text(Reader(cast.bob).post("/ask", {"q": question}), 400)
    assert told in page
    assert question.strip()[:1000] in page
    assert not Question.objects.exists()


def test_search_only_goes_to_results(cast: Cast) -> None:
    response = Reader(cast.bob).post("/ask", {"q": "kettle & lid", "action": "search"})
    assert response.headers["Location"] == "/search?q=kettle+%26+lid"


def test_a_long_search_is_explained(cast: Cast) -> None:
    long = "x" * (settings.MAX_QUESTION_CHARS + 1)
    text(Reader(cast.bob).post("/ask", {"q": long, "action": "search"}), 400)
    text(Reader(cast.bob).get("/search", {"q": ""}), 400)


def test_results_mark_words_and_link_to_the_passage(searchable_cast: Cast) -> None:
    page = text(Reader(searchable_cast.bob).get("/search", {"q": "kettle warranty"}))
    assert "<mark>warranty</mark>" in page
    assert "#passage" in page


def test_results_hide_from_outsiders(searchable_cast: Cast) -> None:
    page = text(Reader(searchable_cast.charlie).get("/search", {"q": "kettle warranty"}))
    assert "Nothing fits" in page
    for word in ("Warranty terms", "24 months", "Blueprints"):
        assert word not in page


def test_markup_in_a_question_stays_text(searchable_cast: Cast) -> None:
    page = text(Reader(searchable_cast.bob).get("/search", {"q": "<img src=x onerror=alert(1)>"}))
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_history_is_ones_own(cast: Cast) -> None:
    factories.question(cast.alice, "Is the merger on?")
    assert "merger" in text(Reader(cast.alice).get("/history"))
    assert "merger" not in text(Reader(cast.bob).get("/history"))


def test_home_tells_what_is_new_since_the_last_visit(cast: Cast) -> None:
    reader = Reader(cast.bob)
    assert "New since" not in text(reader.get("/"))
    session = reader.session
    before = (timezone.now() - timedelta(days=1)).isoformat()
    session["home_seen_at"] = [before, ""]
    session.save()
    factories.document(cast.papers, title="Fresh paper")
    assert "Fresh paper" in text(reader.get("/"))


def test_pages_of_people_are_kept_out_of_caches(searchable_cast: Cast) -> None:
    for path in ("/", "/history", "/collections", "/search?q=x"):
        assert "no-store" in Reader(searchable_cast.bob).get(path).headers["Cache-Control"]
