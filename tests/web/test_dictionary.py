import pytest

from retrieval.models import Role, Synonyms
from tests import factories
from tests.factories import Cast
from tests.web.browser import Reader, bare, text

PORTAL, BLUEPRINTS = "/manage/dictionary", "/collections/blueprints/dictionary"


def test_managers_keep_the_dictionary_of_their_collection(cast: Cast) -> None:
    reader = Reader(cast.alice)
    page = text(reader.post(BLUEPRINTS, {"form": "add", "words": "PTO, paid time off"}, follow=True))
    assert "“PTO, paid time off” was added" in page
    entry = Synonyms.objects.get()
    assert entry.collection == cast.papers
    assert entry.created_by == cast.alice
    page = text(reader.post(BLUEPRINTS, {"form": "remove", "entry": entry.pk}, follow=True))
    assert "was removed" in page
    assert not Synonyms.objects.exists()


def test_a_bad_entry_is_explained_and_kept(cast: Cast) -> None:
    page = text(Reader(cast.alice).post(BLUEPRINTS, {"form": "add", "words": "alone"}), 400)
    assert "2 to 12 different words" in page
    assert 'value="alone"' in page


@pytest.mark.parametrize("entry", ["", "0", "x", "9" * 30])
def test_an_entry_that_is_not_there(cast: Cast, entry: str) -> None:
    response = Reader(cast.alice).post(BLUEPRINTS, {"form": "remove", "entry": entry})
    assert response.status_code == 404


def test_readers_do_not_keep_it_and_outsiders_cannot_tell_it_is_there(cast: Cast) -> None:
    factories.grant(cast.papers, team=factories.team("Readers", members=[reader := factories.user()]))
    assert Reader(reader).get(BLUEPRINTS).status_code == 403
    assert Reader(reader).post(BLUEPRINTS, {"form": "add", "words": "a1, b1"}).status_code == 403
    outsider = Reader(cast.charlie, headers={"X-Request-ID": "the-same-one"})
    hidden, missing = (outsider.get(f"/collections/{slug}/dictionary") for slug in ("blueprints", "no-such"))
    assert hidden.status_code == missing.status_code == 404
    assert bare(hidden) == bare(missing)
    assert not Synonyms.objects.exists()


def test_admins_keep_the_portals_dictionary(cast: Cast) -> None:
    root = Reader(factories.user(is_admin=True))
    assert "was added" in text(root.post(PORTAL, {"form": "add", "words": "HR, people team"}, follow=True))
    assert Synonyms.objects.get().collection is None
    page = text(Reader(cast.charlie).get(PORTAL))
    assert "HR, people team" in page
    assert "Add the words" not in page
    refused = Reader(cast.alice).post(PORTAL, {"form": "remove", "entry": Synonyms.objects.get().pk})
    assert refused.status_code == 403
    assert Synonyms.objects.exists()


def test_the_portals_page_leads_to_the_collections_that_one_manages(cast: Cast) -> None:
    factories.grant(cast.papers, team=cast.red, role=Role.READER)
    assert BLUEPRINTS in text(Reader(cast.alice).get(PORTAL))
    assert BLUEPRINTS not in text(Reader(cast.charlie).get(PORTAL))
    assert BLUEPRINTS in text(Reader(cast.alice).get("/collections/blueprints/settings"))


def test_search_says_what_else_it_searched_for(searchable_cast: Cast) -> None:
    Reader(searchable_cast.alice).post(BLUEPRINTS, {"form": "add", "words": "guarantee, warranty"})
    page = text(Reader(searchable_cast.bob).get("/search", {"q": "guarantee"}))
    assert "Also searched for: warranty" in page
    assert "<mark>warranty</mark>" in page
    hidden = text(Reader(searchable_cast.charlie).get("/search", {"q": "guarantee"}))
    assert "Also searched" not in hidden
    assert "warranty" not in hidden
