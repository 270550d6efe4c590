"""Moves between collections: with history and index, and never to more people without it being said."""

import io

import pytest

from ingestion.documents import add_document, delete_document
from ingestion.moving import WiderAudienceError, audience_after_move, move_document
from ingestion.pipeline import work_on_next
from portal.accounts.models import Team, User
from retrieval import access
from retrieval.errors import InvalidInputError, NotAllowedError, NotVisibleError
from retrieval.generations import ensure_first_generation
from retrieval.models import Chunk, Collection, Document, DocumentVersion, PostingBlock, Role
from retrieval.search import search
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = "The kettles have a warranty of 24 months."


@pytest.fixture
def alice() -> User:
    return factories.user("alice@example.com")


@pytest.fixture
def blue(alice: User) -> Team:
    return factories.team("Blue", managers=[alice])


@pytest.fixture
def plans(blue: Team) -> Collection:
    return factories.collection("Plans", owner=blue)


@pytest.fixture
def archive(blue: Team) -> Collection:
    return factories.collection("Archive", owner=blue)


def found(user: User, collection: Collection, query: str = "warranty") -> list[str]:
    return [hit.text for hit in search(user=user, query=query, collections=[collection.slug]).hits]


def test_a_document_moves_with_its_index_and_versions(
    alice: User, plans: Collection, archive: Collection
) -> None:
    document = factories.searchable_document(plans, passages=[TEXT], name="kettle.txt")
    rows = (Chunk.objects.count(), PostingBlock.objects.count())
    moved = move_document(user=alice, document=document, target=archive)
    assert moved.collection == archive
    assert found(alice, plans) == []
    assert found(alice, archive) == [TEXT]
    assert (Chunk.objects.count(), PostingBlock.objects.count()) == rows
    assert set(Chunk.objects.values_list("collection_id", flat=True)) == {archive.pk}
    assert moved.versions.count() == 1
    delete_document(user=alice, document=moved)
    assert not Chunk.objects.exists()
    assert not PostingBlock.objects.exists()


def test_words_are_analysed_in_the_language_of_the_new_collection(alice: User, plans: Collection) -> None:
    german = factories.collection("Akten", owner=plans.owner_team)
    Collection.objects.filter(pk=german.pk).update(language="de")
    german.refresh_from_db()
    document = factories.searchable_document(plans, passages=["Die Verträge und die Häuser."], name="a.txt")
    english = set(PostingBlock.objects.values_list("term", flat=True))
    move_document(user=alice, document=document, target=german)
    assert set(PostingBlock.objects.values_list("term", flat=True)) != english
    version = DocumentVersion.objects.get()
    assert version.term_count == factories.indexed_terms()
    assert found(alice, german, "Vertrag Haus")


def test_more_people_see_it_only_when_that_was_said(
    alice: User, plans: Collection, archive: Collection
) -> None:
    red = factories.team("Red", members=[factories.user()])
    factories.grant(archive, team=red)
    document = factories.document(plans)
    with pytest.raises(WiderAudienceError, match="Red"):
        move_document(user=alice, document=document, target=archive)
    document.refresh_from_db()
    assert document.collection == plans
    move_document(user=alice, document=document, target=archive, allow_wider=True)
    document.refresh_from_db()
    assert document.collection == archive


def test_a_collection_open_to_everyone_is_wider(alice: User, plans: Collection, blue: Team) -> None:
    public = factories.collection("Public", owner=blue, everyone=True)
    told = audience_after_move(user=alice, document=factories.document(plans), target=public)
    assert told.opens_to_everyone
    assert told.is_wider
    back = audience_after_move(user=alice, document=factories.document(public), target=plans)
    assert not back.is_wider


def test_a_narrowed_document_stays_narrowed(
    alice: User, plans: Collection, archive: Collection, blue: Team
) -> None:
    charlie = factories.user()
    factories.grant(archive, team=factories.team("Red", members=[charlie]))
    document = factories.document(plans, narrowed_to=[blue])
    moved = move_document(user=alice, document=document, target=archive)
    assert moved.is_narrowed
    assert list(moved.narrowed_to.all()) == [blue]
    assert not access.visible_documents(user=charlie).exists()


def test_narrowing_that_gave_nothing_before_may_widen_and_is_said(
    alice: User, plans: Collection, archive: Collection, blue: Team
) -> None:
    """Red is among the chosen teams and does not see the first collection, but the second."""
    red = factories.team("Red", members=[factories.user()])
    factories.grant(archive, team=red)
    document = factories.document(plans, narrowed_to=[blue, red])
    with pytest.raises(WiderAudienceError, match="Red"):
        move_document(user=alice, document=document, target=archive)


def test_a_taken_name_is_refused_and_a_hidden_one_not_given_away(
    alice: User, plans: Collection, archive: Collection
) -> None:
    document = factories.document(plans, name="kettle.txt")
    taken = factories.document(archive, name="kettle.txt")
    with pytest.raises(InvalidInputError, match="already"):
        move_document(user=alice, document=document, target=archive)
    taken.is_narrowed = True
    taken.save()
    assert move_document(user=alice, document=document, target=archive).name == "kettle (2).txt"


def test_it_needs_the_contributor_role_in_both(alice: User, plans: Collection) -> None:
    charlie = factories.user()
    red = factories.team("Red", managers=[charlie])
    theirs = factories.collection("Theirs", owner=red)
    document = factories.document(plans)
    for person in (alice, charlie, factories.user(is_admin=True)):
        with pytest.raises(NotAllowedError):
            move_document(user=person, document=document, target=theirs, allow_wider=True)
    factories.grant(plans, team=red, role=Role.READER)
    with pytest.raises(NotAllowedError, match="contributor"):
        move_document(user=charlie, document=document, target=theirs, allow_wider=True)


def test_what_was_deleted_meanwhile_does_not_move(
    alice: User, plans: Collection, archive: Collection
) -> None:
    document = factories.document(plans)
    delete_document(user=alice, document=document)
    with pytest.raises(NotVisibleError):
        move_document(user=alice, document=document, target=archive)


def test_a_job_in_the_queue_publishes_into_the_new_collection(
    alice: User, plans: Collection, archive: Collection
) -> None:
    ensure_first_generation()
    added = add_document(user=alice, collection=plans, name="a.txt", content=io.BytesIO(TEXT.encode()))
    move_document(user=alice, document=added.document, target=archive)
    assert work_on_next()
    assert found(alice, archive) == [TEXT]
    assert Document.objects.get().collection == archive
