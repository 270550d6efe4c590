import pytest

from tests import factories
from tests.factories import Cast
from tests.web.browser import Reader, text


@pytest.fixture
def asked(searchable_cast: Cast) -> Cast:
    cast = searchable_cast
    for number in range(5):
        factories.question(cast.alice, f"Which warranty has kettle {number}?")
    factories.question(cast.alice, "which WARRANTY has kettle 4")
    return cast


def test_they_are_choices_of_a_list(asked: Cast) -> None:
    page = text(Reader(asked.alice).get("/suggestions", {"q": "warr", "box": "bar-q"}))
    assert page.count('role="option"') == page.count('id="bar-q-choice-') == 5
    assert page.index("which WARRANTY has kettle 4") < page.index("kettle 3?") < page.index("kettle 2?")
    assert "kettle 4?" not in page
    assert 'data-query="warranty"' in page
    assert "Warranty terms" in page


def test_a_team_mate_gets_no_questions_of_others(asked: Cast) -> None:
    page = text(Reader(asked.bob).get("/suggestions?q=warr"))
    assert "You asked" not in page
    assert "Warranty terms" in page


def test_outsiders_and_strangers_get_nothing(asked: Cast) -> None:
    nothing = text(Reader(asked.charlie).get("/suggestions?q=nothing"))
    assert text(Reader(asked.charlie).get("/suggestions?q=warr")) == nothing
    assert Reader().get("/suggestions?q=warr").headers["Location"].startswith("/sign-in?")


def test_nothing_typed_and_odd_boxes_are_fine(asked: Cast) -> None:
    assert "option" not in text(Reader(asked.alice).get("/suggestions"))
    page = text(Reader(asked.alice).get("/suggestions", {"q": "warr", "box": '"><script>'}))
    assert 'id="q-choice-1"' in page


def test_without_scripts_the_box_is_a_plain_one(asked: Cast) -> None:
    page = text(Reader(asked.bob).get("/"))
    assert 'role="combobox"' not in page
    assert 'id="q-choices" role="listbox" aria-label="Suggestions" hidden' in page
    other = text(Reader(asked.bob).get("/collections"))
    assert "/suggestions?box=bar-q" in other


def test_they_are_not_kept_by_caches(asked: Cast) -> None:
    assert "no-store" in Reader(asked.bob).get("/suggestions?q=warr").headers["Cache-Control"]


def test_choices_escape_what_documents_say(cast: Cast) -> None:
    factories.searchable_document(cast.papers, title='<img src=x> "quoted"', passages=["Words."])
    page = text(Reader(cast.bob).get("/suggestions?q=img"))
    assert "&lt;img src=x&gt;" in page
    assert "<img" not in page
