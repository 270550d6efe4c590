"""Dictionaries: who keeps them, what they add to a question, and that hidden ones leave no trace."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.dictionary import add_synonyms, expand, keys_in, remove_synonyms, synonyms_of
from retrieval.errors import InvalidInputError, NotAllowedError, NotVisibleError
from retrieval.models import Collection, Role
from retrieval.search import SearchResults, search
from tests import factories

pytestmark = pytest.mark.django_db

PASSAGES = ["Paid time off is thirty days.", "The kettle has a lid.", "Thirty kettles were sold."]


class Cast:
    """Alice manages the handbook, Bob reads it, Charlie has a collection of his own, Root is an admin."""

    def __init__(self) -> None:
        self.alice, self.bob = factories.user("alice@example.com"), factories.user("bob@example.com")
        self.charlie, self.root = factories.user(), factories.user(is_admin=True)
        blue = factories.team("Blue", managers=[self.alice], members=[])
        readers = factories.team("Readers", members=[self.bob])
        red = factories.team("Red", managers=[self.charlie])
        self.handbook = factories.collection("Handbook", owner=blue, readers=[readers])
        self.secret = factories.collection("Secret", owner=red)
        factories.searchable_document(self.handbook, title="Rules", passages=PASSAGES)


@pytest.fixture
def cast() -> Cast:
    return Cast()


def comparable(results: SearchResults) -> SearchResults:
    return replace(results, timings={})


def test_a_question_is_searched_for_what_its_words_stand_for(cast: Cast) -> None:
    before = search(user=cast.bob, query="PTO")
    assert before.also_searched_for == ()
    assert before.hits[0].bm25 == 0
    add_synonyms(user=cast.alice, collection=cast.handbook, words="PTO, paid time off")
    after = search(user=cast.bob, query="how much pto?")
    assert after.also_searched_for == ("paid time off",)
    assert after.question == "how much pto? (paid time off)"
    assert after.query == "how much pto?"
    assert after.hits[0].text == PASSAGES[0]
    assert after.hits[0].bm25 > 0
    assert "Paid" in [part.text for part in after.hits[0].snippet if part.marked]
    assert search(user=cast.bob, query="Paid time-off rules").also_searched_for == ("PTO",)


def test_quoted_words_are_not_expanded(cast: Cast) -> None:
    add_synonyms(user=cast.root, collection=None, words="lid, cover")
    assert search(user=cast.bob, query='"lid" kettle').also_searched_for == ()


def test_the_portals_dictionary_is_for_everyone(cast: Cast) -> None:
    add_synonyms(user=cast.root, collection=None, words="PTO = paid time off; leave")
    assert search(user=cast.bob, query="PTO").also_searched_for == ("paid time off", "leave")
    assert search(user=cast.charlie, query="PTO").also_searched_for == ("paid time off", "leave")


def test_a_collections_words_count_in_it_alone(cast: Cast) -> None:
    other = factories.collection("Other", owner=cast.handbook.owner_team)
    factories.searchable_document(other, title="More", passages=["Paid time off elsewhere."])
    add_synonyms(user=cast.alice, collection=other, words="PTO, paid time off")
    scores = {hit.collection_slug: hit.bm25 for hit in search(user=cast.alice, query="PTO", limit=10).hits}
    assert scores["other"] > 0
    assert scores["handbook"] == 0
    narrowed = search(user=cast.alice, query="PTO", collections=["handbook"])
    assert narrowed.also_searched_for == ()


def test_a_hidden_dictionary_changes_nothing(cast: Cast) -> None:
    factories.searchable_document(cast.secret, passages=["PTO is paid time off."])
    before = comparable(search(user=cast.bob, query="PTO rules", with_facets=True))
    add_synonyms(user=cast.charlie, collection=cast.secret, words="PTO, paid time off")
    assert comparable(search(user=cast.bob, query="PTO rules", with_facets=True)) == before
    narrowed = "PTO rules collection:secret"
    assert search(user=cast.bob, query=narrowed).also_searched_for == ()
    assert search(user=cast.charlie, query="PTO rules").also_searched_for == ("paid time off",)


def test_capitals_keep_an_abbreviation_apart_from_a_common_word(cast: Cast) -> None:
    add_synonyms(user=cast.root, collection=None, words="IT, information technology")
    assert search(user=cast.bob, query="is it there?").also_searched_for == ()
    assert search(user=cast.bob, query="who is in IT?").also_searched_for == ("information technology",)
    assert search(user=cast.bob, query="Information Technology").also_searched_for == ("IT",)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("PTO", "2 to 12 different words"),
        ("PTO, pto", "2 to 12 different words"),
        (", ;\n", "2 to 12"),
        (",".join(f"w{number}" for number in range(13)), "2 to 12"),
        ("a b c d e f g, x", "cannot be looked up"),
        ("x" * 81 + ", y", "cannot be looked up"),
        ("?!, y", "cannot be looked up"),
        ("it, information technology", "almost every question"),
    ],
)
def test_what_cannot_be_an_entry_is_explained(cast: Cast, words: str, told: str) -> None:
    with pytest.raises(InvalidInputError, match=told):
        add_synonyms(user=cast.root, collection=None, words=words)
    assert not synonyms_of(collection=None)


def test_the_same_entry_twice_is_refused(cast: Cast) -> None:
    add_synonyms(user=cast.root, collection=None, words="PTO, paid time off")
    add_synonyms(user=cast.alice, collection=cast.handbook, words="PTO, paid time off")
    with pytest.raises(InvalidInputError, match="already"):
        add_synonyms(user=cast.root, collection=None, words="Paid Time-Off, pto")


def test_who_keeps_which_dictionary(cast: Cast) -> None:
    """Readers none, managers their collections', admins the portal's and no collection's."""
    portal = add_synonyms(user=cast.root, collection=None, words="a1, b1")
    kept = add_synonyms(user=cast.alice, collection=cast.handbook, words="a1, b1")
    refused: list[tuple[object, Collection | None]] = [
        (cast.alice, None),
        (cast.bob, None),
        (cast.bob, cast.handbook),
        (cast.root, cast.handbook),
        (cast.charlie, cast.handbook),
    ]
    for user, collection in refused:
        with pytest.raises(NotAllowedError):
            add_synonyms(user=user, collection=collection, words="c1, d1")  # type: ignore[arg-type]
        with pytest.raises(NotAllowedError):
            remove_synonyms(user=user, collection=collection, entry_id=kept.pk)  # type: ignore[arg-type]
    with pytest.raises(NotVisibleError):
        remove_synonyms(user=cast.alice, collection=cast.handbook, entry_id=portal.pk)
    remove_synonyms(user=cast.alice, collection=cast.handbook, entry_id=kept.pk)
    assert list(synonyms_of(collection=cast.handbook)) == []
    assert list(synonyms_of(collection=None)) == [portal]


def test_a_role_that_is_taken_away_ends_the_keeping(cast: Cast) -> None:
    cast.handbook.grants.filter(role=Role.MANAGER).delete()
    with pytest.raises(NotAllowedError):
        add_synonyms(user=cast.alice, collection=cast.handbook, words="c1, d1")


@given(st.text(max_size=200))
def test_any_question_has_keys(text: str) -> None:
    keys = keys_in(text)
    assert expand([(None, ["zq", "qz"])], keys) is not None
