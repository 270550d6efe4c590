"""Deletion: at once from everything, back within the retention time, erased for good after it."""

import io
import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone
from pytest_django import Settings

from ingestion import housekeeping
from ingestion.deleted import erase_deleted, restore_document
from ingestion.documents import DELETED, add_document, delete_document
from ingestion.models import IngestionJob
from ingestion.pipeline import work_on_next
from portal.accounts.models import User
from retrieval import access
from retrieval.blobs import blob_path, page_images_folder
from retrieval.errors import NotAllowedError, NotVisibleError
from retrieval.generations import ensure_first_generation
from retrieval.models import Collection, Document, DocumentText, DocumentVersion, Role
from retrieval.search import search
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = b"The kettle has a warranty of 24 months from the day of purchase."


@pytest.fixture(autouse=True)
def no_embedded_broker(settings: Settings) -> None:
    """Its tables are made by the broker itself, which no test here starts."""
    settings.EMBEDDED_BROKER = False


@pytest.fixture
def alice() -> User:
    return factories.user("alice@example.com")


@pytest.fixture
def plans(alice: User) -> Collection:
    ensure_first_generation()
    return factories.collection("Plans", owner=factories.team("Blue", managers=[alice]))


@pytest.fixture
def kettle(alice: User, plans: Collection) -> Document:
    made = add_document(user=alice, collection=plans, name="kettle.txt", content=io.BytesIO(TEXT))
    assert work_on_next()
    return made.document


def delete(user: User, document: Document) -> Document:
    delete_document(user=user, document=Document.objects.get(pk=document.pk))
    return Document.objects.select_related("collection").get(pk=document.pk)


def test_what_was_deleted_comes_back_with_its_history(alice: User, kettle: Document) -> None:
    gone = delete(alice, kettle)
    assert not search(user=alice, query="warranty").hits
    assert list(access.deleted_documents(user=alice)) == [gone]
    back = restore_document(user=alice, document=gone)
    assert (back.name, back.deleted_at, back.deleted_by) == ("kettle.txt", None, None)
    assert not access.deleted_documents(user=alice).exists()
    assert work_on_next()
    assert [hit.text for hit in search(user=alice, query="warranty").hits] == [TEXT.decode()]


def test_what_was_never_read_comes_back_to_be_read(alice: User, plans: Collection) -> None:
    waiting = factories.waiting_document(plans)
    gone = delete(alice, waiting)
    assert IngestionJob.objects.get().message == DELETED
    restore_document(user=alice, document=gone)
    assert IngestionJob.objects.get().state == "queued"


def test_what_failed_stays_failed(alice: User, plans: Collection) -> None:
    gone = delete(alice, factories.failed_document(plans))
    restore_document(user=alice, document=gone)
    assert IngestionJob.objects.get().state == "failed"


def test_a_newer_version_that_failed_does_not_keep_the_searched_one_away(
    alice: User, plans: Collection, kettle: Document
) -> None:
    add_document(user=alice, collection=plans, name="kettle.txt", content=io.BytesIO(b"%PDF-1.7\n1 0 obj"))
    assert work_on_next()
    restore_document(user=alice, document=delete(alice, kettle))
    assert work_on_next()
    assert [hit.text for hit in search(user=alice, query="warranty").hits] == [TEXT.decode()]


def test_a_name_that_is_taken_gets_a_number(alice: User, plans: Collection, kettle: Document) -> None:
    gone = delete(alice, kettle)
    add_document(user=alice, collection=plans, name="kettle.txt", content=io.BytesIO(b"Another kettle."))
    assert restore_document(user=alice, document=gone).name == "kettle (2).txt"


def test_restoring_twice_is_missing(alice: User, kettle: Document) -> None:
    gone = delete(alice, kettle)
    restore_document(user=alice, document=gone)
    with pytest.raises(NotVisibleError):
        restore_document(user=alice, document=gone)


def test_readers_and_outsiders_restore_nothing(alice: User, plans: Collection, kettle: Document) -> None:
    charlie, admin = factories.user(), factories.user(is_admin=True)
    factories.grant(plans, team=factories.team("Red", members=[charlie]), role=Role.READER)
    gone = delete(alice, kettle)
    for person in (charlie, admin):
        assert not access.deleted_documents(user=person).exists()
        with pytest.raises(NotVisibleError):
            access.get_deleted_document(user=person, document_id=gone.pk)
        with pytest.raises(NotAllowedError):
            restore_document(user=person, document=gone)


def test_a_narrowed_document_is_not_listed_for_contributors_outside(alice: User, plans: Collection) -> None:
    charlie = factories.user()
    factories.grant(plans, team=factories.team("Red", members=[charlie]), role=Role.CONTRIBUTOR)
    hidden = factories.document(plans, narrowed_to=[plans.owner_team])
    delete(alice, hidden)
    assert access.deleted_documents(user=alice).count() == 1
    assert not access.deleted_documents(user=charlie).exists()


def test_after_the_retention_time_rows_bytes_and_page_images_are_erased(
    alice: User, kettle: Document
) -> None:
    sha256 = DocumentVersion.objects.get().sha256
    image = page_images_folder() / sha256[:2] / f"{sha256}-1-1400.webp"
    image.parent.mkdir(parents=True, exist_ok=True)
    image.write_bytes(b"an image")
    gone = delete(alice, kettle)
    erase_deleted()
    assert Document.objects.exists(), "its time is not over"
    before = timezone.now() - timedelta(days=settings.DELETED_RETENTION_DAYS, seconds=1)
    Document.objects.filter(pk=gone.pk).update(deleted_at=before)
    _grow_old(blob_path(sha256))
    housekeeping.tidy()
    assert not Document.objects.exists()
    assert not DocumentText.objects.exists()
    assert not blob_path(sha256).exists()
    assert not image.exists()


def test_bytes_of_a_deleted_document_stay_until_it_is_erased(alice: User, kettle: Document) -> None:
    delete(alice, kettle)
    path = blob_path(DocumentVersion.objects.get().sha256)
    _grow_old(path)
    housekeeping.tidy()
    assert path.read_bytes() == TEXT


def test_a_killed_housekeeper_leaves_no_hole(alice: User, kettle: Document) -> None:
    """It takes a file away before it looks again; a kill between the two must not lose bytes in use."""
    path = blob_path(DocumentVersion.objects.get().sha256)
    path.rename(path.with_name(path.name + ".doomed"))
    housekeeping.tidy()
    assert path.read_bytes() == TEXT


@override_settings(DELETED_RETENTION_DAYS=0)
def test_without_retention_a_deleted_document_is_erased_at_the_next_tidying(
    alice: User, kettle: Document
) -> None:
    delete(alice, kettle)
    assert erase_deleted() == 1


def _grow_old(path: Path) -> None:
    two_days_ago = timezone.now().timestamp() - 2 * 86400
    os.utime(path, (two_days_ago, two_days_ago))
