"""An archive with files in it is deleted, restored, moved and erased as a whole; its parts only with it."""

import io
import zipfile

import pytest

from ingestion.deleted import restore_document
from ingestion.documents import add_document, delete_document
from ingestion.moving import move_document
from ingestion.pipeline import work_on_next
from ingestion.versions import roll_back
from portal.accounts.models import User
from retrieval import access
from retrieval.errors import InvalidInputError
from retrieval.generations import ensure_first_generation
from retrieval.models import Chunk, Collection, Document, PostingBlock
from retrieval.search import search
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = "The kettle has a warranty of 24 months from the day of purchase."


@pytest.fixture
def alice() -> User:
    return factories.user("alice@example.com")


@pytest.fixture
def plans(alice: User) -> Collection:
    ensure_first_generation()
    return factories.collection("Plans", owner=factories.team("Blue", managers=[alice]))


@pytest.fixture
def archive(alice: User, plans: Collection) -> Document:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        made.writestr("kettle.txt", TEXT)
    content.seek(0)
    added = add_document(user=alice, collection=plans, name="papers.zip", content=content)
    while work_on_next():
        pass
    return Document.objects.select_related("collection").get(pk=added.document.pk)


def found(user: User) -> bool:
    return any(hit.text == TEXT for hit in search(user=user, query="warranty of the kettle").hits)


def test_it_is_deleted_listed_once_and_restored_as_a_whole(alice: User, archive: Document) -> None:
    assert found(alice)
    delete_document(user=alice, document=archive)
    assert not found(alice)
    assert not Chunk.objects.exists()
    assert not PostingBlock.objects.exists()
    (listed,) = access.deleted_documents(user=alice)
    assert listed == archive
    restore_document(user=alice, document=listed)
    while work_on_next():
        pass
    assert found(alice)
    assert access.visible_documents(user=alice).count() == 2


def test_it_moves_as_a_whole(alice: User, plans: Collection, archive: Document) -> None:
    target = factories.collection("Target", owner=plans.owner_team)
    move_document(user=alice, document=archive, target=target)
    assert set(Document.objects.values_list("collection", flat=True)) == {target.pk}
    assert set(Chunk.objects.values_list("collection", flat=True)) == {target.pk}
    assert found(alice)


def test_its_parts_go_nowhere_by_themselves(alice: User, plans: Collection, archive: Document) -> None:
    target = factories.collection("Target", owner=plans.owner_team)
    part = archive.children.select_related("parent", "collection").get()
    for act in (
        lambda: delete_document(user=alice, document=part),
        lambda: move_document(user=alice, document=part, target=target),
        lambda: roll_back(user=alice, document=part, number=1),
    ):
        with pytest.raises(InvalidInputError, match="is a part of"):
            act()
    assert found(alice)
