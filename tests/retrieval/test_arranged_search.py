"""What a first page shows, over real vectors and postings: copies, documents, neighbours, boosts."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from portal.accounts.models import User
from retrieval.diversity import first_page
from retrieval.errors import InvalidInputError, NotAllowedError
from retrieval.models import Collection, Document, DocumentText
from retrieval.pages import page_of
from retrieval.search import SearchResults, search
from retrieval.verification import is_verified, verify_document, withdraw_verification
from tests import factories

pytestmark = pytest.mark.django_db

COPY = "Annual leave is thirty days a year, and what is left of it may be taken until the end of March."
PASSAGES = [COPY, "The canteen serves soup.", "Leave has to be asked for.", "Trains are second class."]
QUERY = "How much annual leave is there?"


def page(user: User, query: str = QUERY, *, limit: int = 10, per_document: int = 3) -> SearchResults:
    return search(user=user, query=query, limit=limit, arrangement=first_page(per_document=per_document))


def test_a_copy_is_counted_only_where_it_may_be_seen(people: tuple[User, User], handbook: Collection) -> None:
    alice, charlie = people
    hidden = factories.collection("Hidden", owner=charlie.memberships.get().team)
    factories.searchable_document(hidden, passages=[COPY])
    factories.searchable_document(handbook, passages=[COPY], narrowed_to=[])
    assert page(alice).hits[0].similar_count == 0
    factories.searchable_document(handbook, passages=[COPY])
    first = page(alice).hits[0]
    assert (first.text, first.similar_count) == (COPY, 1)
    assert [hit.text for hit in page(alice).hits].count(COPY) == 1
    assert page(charlie).hits[0].similar_count == 0
    assert [hit.text for hit in search(user=alice, query=QUERY).hits].count(COPY) == 2


def test_more_of_a_document_is_told_and_found_by_its_id(
    people: tuple[User, User], handbook: Collection
) -> None:
    alice, charlie = people
    rules = [f"Rule {number} about annual leave is of {word}." for number, word in enumerate("abcdefghij")]
    long = factories.searchable_document(handbook, passages=[x for r in rules for x in (r, f"Soup {r[5]}.")])
    factories.searchable_document(handbook, passages=["Annual leave in brief."])
    first = search(
        user=alice, query="rule about annual leave", limit=4, arrangement=first_page(per_document=2)
    )
    of_long = [hit for hit in first.hits if hit.document_id == long.pk]
    assert len(of_long) == 2
    assert of_long[0].more_from_document == 0 < of_long[1].more_from_document
    narrowed = page(alice, f"rule about annual leave document:{long.pk}", limit=20, per_document=2)
    assert {hit.document_id for hit in narrowed.hits} == {long.pk}
    assert sum(hit.passages for hit in narrowed.hits) == 20
    assert page(charlie, f"leave document:{long.pk}").hits == ()
    with pytest.raises(InvalidInputError, match="is no document"):
        page(alice, "leave document:handbook")


def test_neighbours_are_one_hit_with_an_exact_span_and_all_its_pages(
    people: tuple[User, User], handbook: Collection
) -> None:
    both = ["Annual leave is thirty days.", "There is more annual leave after ten years."]
    made = factories.searchable_document(handbook, passages=["Soup.", *both, "Trains."])
    text = DocumentText.objects.get(version__document=made).text
    joined = next(hit for hit in page(people[0]).hits if hit.document_id == made.pk)
    assert joined.text == text[joined.start : joined.end] == "\n\n".join(both)
    assert (joined.passages, joined.page, joined.last_page) == (2, 2, 3)
    at = joined.text.index("There is more")
    assert page_of(joined.start + at, first=joined.page, starts=joined.page_starts) == 3
    assert [hit.text for hit in search(user=people[0], query=QUERY).hits].count(joined.text) == 0


def test_boosts_lift_what_is_recent_or_verified_and_are_off_by_default(
    people: tuple[User, User], handbook: Collection, settings: Settings
) -> None:
    alice, _ = people
    old = factories.searchable_document(handbook, title="Old", passages=["A rule about travel by train."])
    new = factories.searchable_document(handbook, title="New", passages=["A rule on travel by train, too."])
    Document.objects.filter(pk=old.pk).update(updated_at=timezone.now() - timedelta(days=3650))

    def order() -> list[str]:
        results = search(user=alice, query="rule about travel by train", limit=2)
        assert all(0 <= hit.score <= 1 for hit in results.hits)
        return [hit.title for hit in results.hits]

    assert order() == ["Old", "New"]
    settings.SEARCH_BOOST_RECENCY = 100
    assert order() == ["New", "Old"]
    settings.SEARCH_BOOST_RECENCY, settings.SEARCH_BOOST_VERIFIED = 0, 100
    assert order() == ["Old", "New"]
    verify_document(user=alice, document=new, version_number=1)
    assert order() == ["New", "Old"]
    withdraw_verification(user=alice, document=new)
    assert order() == ["Old", "New"]


def test_verified_is_the_version_that_was_read(people: tuple[User, User], handbook: Collection) -> None:
    alice, charlie = people
    document = handbook.documents.get()
    with pytest.raises(InvalidInputError, match="has changed"):
        verify_document(user=alice, document=document, version_number=2)
    with pytest.raises(NotAllowedError):
        verify_document(user=charlie, document=document, version_number=1)
    verify_document(user=alice, document=document, version_number=1)
    assert (is_verified(document), document.verified_by) == (True, alice)
    assert page(alice).hits[0].verified_at == document.verified_at
    document.versions.update(number=2)
    document.refresh_from_db()
    assert not is_verified(document)
    assert page(alice).hits[0].verified_at is None
