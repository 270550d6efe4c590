"""Versions: an earlier one comes back through the ledger, and what is searched serves until then."""

import io

import pytest

from ingestion.documents import add_document
from ingestion.models import IngestionJob
from ingestion.pipeline import work_on_next
from ingestion.versions import document_history, roll_back
from portal.accounts.models import User
from retrieval import access
from retrieval.errors import InvalidInputError, NotAllowedError, NotVisibleError
from retrieval.generations import ensure_first_generation
from retrieval.models import Chunk, Collection, Document, Role
from retrieval.search import search
from tests import factories

# The heartbeat has a connection of its own, so what the pipeline works on must be committed.
pytestmark = pytest.mark.django_db(transaction=True)

OLD = b"The kettle has a warranty of 24 months from the day of purchase."
NEW = b"The kettle has a warranty of 36 months from the day of purchase."


@pytest.fixture
def alice() -> User:
    return factories.user("alice@example.com")


@pytest.fixture
def plans(alice: User) -> Collection:
    ensure_first_generation()
    return factories.collection("Plans", owner=factories.team("Blue", managers=[alice]))


@pytest.fixture
def document(alice: User, plans: Collection) -> Document:
    """A document of two versions; the second is searched."""
    for content in (OLD, NEW):
        add_document(user=alice, collection=plans, name="kettle.txt", content=io.BytesIO(content))
        assert work_on_next()
    return Document.objects.get()


def found(user: User) -> list[str]:
    return [hit.text for hit in search(user=user, query="How long is the warranty?").hits]


def test_an_earlier_version_comes_back_and_nothing_is_lost(alice: User, document: Document) -> None:
    assert found(alice) == [NEW.decode()]
    version = roll_back(user=alice, document=document, number=1)
    assert (version.number, version.restored_from) == (3, 1)
    assert found(alice) == [NEW.decode()], "what is searched serves until the other is read"
    assert work_on_next()
    assert found(alice) == [OLD.decode()]
    assert Chunk.objects.count() == 1
    document.refresh_from_db()
    history = document_history(user=alice, document=document)
    assert [(one.version.number, one.is_searched, one.can_roll_back) for one in history] == [
        (3, True, False),
        (2, False, True),
        (1, False, True),
    ]


def test_the_same_bytes_as_what_came_back_make_nothing(alice: User, document: Document) -> None:
    roll_back(user=alice, document=document, number=1)
    again = add_document(
        user=alice, collection=document.collection, name="kettle.txt", content=io.BytesIO(OLD)
    )
    assert again.outcome == "unchanged"
    assert IngestionJob.objects.filter(state="queued").count() == 1


def test_the_newest_version_and_unknown_ones_do_not_come_back(alice: User, document: Document) -> None:
    with pytest.raises(InvalidInputError, match="newest one already"):
        roll_back(user=alice, document=document, number=2)
    with pytest.raises(NotVisibleError):
        roll_back(user=alice, document=document, number=9)


def test_history_is_for_managers(alice: User, document: Document) -> None:
    bob = factories.user()
    factories.grant(document.collection, team=factories.team("Red", members=[bob]), role=Role.CONTRIBUTOR)
    seen = access.get_visible_document(user=bob, document_id=document.pk)
    with pytest.raises(NotAllowedError):
        document_history(user=bob, document=seen)
    with pytest.raises(NotAllowedError):
        roll_back(user=bob, document=seen, number=1)
    assert document.versions.count() == 2
