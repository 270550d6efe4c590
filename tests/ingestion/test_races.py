"""Uploads of one name at the same moment, and deletions while one publishes: nothing lost or doubled."""

import io
import threading
from collections.abc import Callable

import pytest
from django.db import connection

from ingestion.documents import add_document, delete_document
from ingestion.models import IngestionJob
from ingestion.pipeline import work_on_next
from portal.accounts.models import User
from retrieval.generations import ensure_first_generation
from retrieval.models import Chunk, Collection, Document, PostingBlock
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 6


@pytest.fixture
def alice() -> User:
    return factories.user("alice@example.com")


@pytest.fixture
def plans(alice: User) -> Collection:
    return factories.collection("Plans", owner=factories.team("Blue", managers=[alice]))


def at_once(*acts: Callable[[], object]) -> list[BaseException]:
    """Do things in threads that begin together; return what went wrong."""
    gate, wrong = threading.Barrier(len(acts)), list[BaseException]()

    def run(act: Callable[[], object]) -> None:
        try:
            gate.wait()
            act()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            wrong.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def uploading(user: User, collection: Collection, content: bytes) -> Callable[[], object]:
    return lambda: add_document(
        user=user, collection=collection, name="plan.txt", content=io.BytesIO(content)
    )


def test_uploads_of_one_name_become_versions_of_one_document(alice: User, plans: Collection) -> None:
    contents = [f"Plan number {n}.".encode() for n in range(AT_ONCE)]
    assert at_once(*(uploading(alice, plans, content) for content in contents)) == []
    document = Document.objects.get()
    assert list(document.versions.order_by("number").values_list("number", flat=True)) == [1, 2, 3, 4, 5, 6]
    assert IngestionJob.objects.count() == AT_ONCE


def test_the_same_bytes_at_the_same_moment_are_kept_once(alice: User, plans: Collection) -> None:
    assert at_once(*(uploading(alice, plans, b"The plan.") for _ in range(AT_ONCE))) == []
    assert Document.objects.get().versions.count() == 1
    assert IngestionJob.objects.count() == 1


def test_a_deletion_beats_or_follows_what_publishes(alice: User, plans: Collection) -> None:
    ensure_first_generation()
    for _ in range(3):
        document = add_document(
            user=alice, collection=plans, name="plan.txt", content=io.BytesIO(b"The plan is to win.")
        ).document
        wrong = at_once(work_on_next, lambda: delete_document(user=alice, document=document))  # noqa: B023 - done within this turn
        assert wrong == []
        assert not Document.objects.filter(deleted_at__isnull=True).exists()
        assert not Chunk.objects.exists()
        assert not PostingBlock.objects.exists()
