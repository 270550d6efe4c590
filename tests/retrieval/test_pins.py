"""Pinned documents come first for a question, for those who see them, where the settings say so."""

import pytest
from pytest_django import Settings

from portal.accounts.models import User
from retrieval._candidates import Candidate
from retrieval.errors import InvalidInputError, NotAllowedError, NotVisibleError
from retrieval.models import Collection, Document, Role
from retrieval.pins import add_pin, pins_of, remove_pin
from retrieval.search import search
from tests import factories

pytestmark = pytest.mark.django_db

PASSAGES = ["Annual leave is thirty days.", "Leave has to be asked for."]
QUESTION = "How much leave?"


@pytest.fixture
def pinned(people: tuple[User, User], handbook: Collection, settings: Settings) -> Document:
    settings.SEARCH_PINNED = True
    document: Document = factories.searchable_document(
        handbook, title="Canteen", passages=["Soup is at noon.", "Bread is free."]
    )
    add_pin(user=people[0], document=document, question=QUESTION)
    return document


def found(user: User, query: str = QUESTION) -> list[tuple[str, bool]]:
    return [(hit.title, hit.is_pinned) for hit in search(user=user, query=query, limit=3).hits]


def test_it_comes_first_for_exactly_this_question(
    people: tuple[User, User], pinned: Document, settings: Settings
) -> None:
    assert found(people[0], "how MUCH, léave")[:2] == [("Canteen", True), ("Staff handbook", False)]
    for other in (
        "How much annual leave?",
        '"how much leave"',
        "how much leave? -soup",
        "how much leave type:pdf",
    ):
        assert ("Canteen", True) not in found(people[0], other)
    hits = search(user=people[0], query=QUESTION, limit=50).hits
    assert len(hits) == len({(hit.version_id, hit.ordinal) for hit in hits}) == 4
    settings.SEARCH_PINNED = False
    assert found(people[0])[0] == ("Staff handbook", False)


def test_it_is_pinned_for_nobody_who_does_not_see_it(people: tuple[User, User], pinned: Document) -> None:
    alice, charlie = people
    own = factories.collection("Own", owner=charlie.memberships.get().team)
    factories.searchable_document(own, title="Own", passages=["Leave is free."])
    before = found(charlie)
    assert before == [("Own", False)]
    pinned.narrowed_to.set([])
    Document.objects.filter(pk=pinned.pk).update(is_narrowed=True)
    assert ("Canteen", True) not in found(alice)
    pinned.delete()
    assert found(charlie) == before


def test_a_document_that_was_not_found_is_shown_from_its_beginning(
    people: tuple[User, User], pinned: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [Candidate((0, 0, 0), 1.0, 1.0)]
    monkeypatch.setattr("retrieval.search.find_candidates", lambda **_: others)
    (hit,) = search(user=people[0], query=QUESTION).hits
    assert (hit.title, hit.ordinal, hit.score) == ("Canteen", 0, 1.0)


def test_managers_keep_pins(people: tuple[User, User], pinned: Document) -> None:
    alice, charlie = people
    for question, message in (
        ("  ?! ", "cannot be pinned"),
        ("x" * 300, "cannot be pinned"),
        (QUESTION, "already"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            add_pin(user=alice, document=pinned, question=question)
    factories.grant(pinned.collection, team=charlie.memberships.get().team, role=Role.CONTRIBUTOR)
    pin = pins_of(document=pinned).get()
    with pytest.raises(NotAllowedError):
        add_pin(user=charlie, document=pinned, question="leave")
    with pytest.raises(NotAllowedError):
        remove_pin(user=charlie, document=pinned, pin_id=pin.pk)
    with pytest.raises(NotVisibleError):
        remove_pin(user=alice, document=pinned, pin_id=pin.pk + 1)
    remove_pin(user=alice, document=pinned, pin_id=pin.pk)
    assert not pins_of(document=pinned).exists()
