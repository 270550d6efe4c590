"""Uploads: kept once, versioned by name, refused in words; and deletion that takes everything at once."""

import io

import pytest
from django.test import override_settings

from ingestion.documents import add_document, clean_name, delete_document
from ingestion.jobs import retry_document
from ingestion.models import IngestionJob
from ingestion.states import describe_state, documents_with_state
from portal.accounts.models import User
from retrieval.blobs import blob_path
from retrieval.errors import InvalidInputError, NotAllowedError
from retrieval.models import Chunk, Collection, Document, PostingBlock, Role
from retrieval.search import search
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return factories.user("alice@example.com")


@pytest.fixture
def plans(alice: User) -> Collection:
    return factories.collection("Plans", owner=factories.team("Blue", managers=[alice]))


def upload(
    user: User, collection: Collection, name: str = "plan.txt", content: bytes = b"A plan."
) -> Document:
    return add_document(user=user, collection=collection, name=name, content=io.BytesIO(content)).document


def test_an_upload_is_on_disk_and_in_the_ledger(alice: User, plans: Collection) -> None:
    added = add_document(user=alice, collection=plans, name="plan.txt", content=io.BytesIO(b"A plan."))
    assert added.outcome == "created"
    assert blob_path(added.version.sha256).read_bytes() == b"A plan."
    assert added.version.media_type == "text/plain"
    assert IngestionJob.objects.get().version == added.version


def test_the_same_name_makes_a_version_and_the_same_bytes_make_nothing(
    alice: User, plans: Collection
) -> None:
    first = upload(alice, plans)
    outcomes = [
        add_document(user=alice, collection=plans, name="plan.txt", content=io.BytesIO(content))
        for content in (b"A plan.", b"A better plan.")
    ]
    assert [(one.outcome, one.document, one.version.number) for one in outcomes] == [
        ("unchanged", first, 1),
        ("replaced", first, 2),
    ]
    assert IngestionJob.objects.count() == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.txt", b"", "“empty.txt” is empty"),
        ("big.txt", b"x" * (1 << 20) + b"x", "larger than 1 MB"),
        ("tool.exe", b"MZ\x90\x00" + bytes(100), "tool.exe"),
        ("\u202e\u200b", b"A plan.", "no name that can be shown"),
        ("x" * 300 + ".txt", b"A plan.", "304 characters"),
    ],
)
def test_what_cannot_be_used_is_refused_and_leaves_nothing(
    alice: User, plans: Collection, name: str, content: bytes, message: str
) -> None:
    with override_settings(MAX_UPLOAD_MB=1), pytest.raises(InvalidInputError, match=message):
        upload(alice, plans, name, content)
    assert not Document.objects.exists()
    assert not IngestionJob.objects.exists()


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\me\\plan.pdf", "plan.pdf"),
        ("invoice\u202efdp.exe.txt", "invoicefdp.exe.txt"),
        ("a\x00b\nc.txt", "abc.txt"),
    ],
)
def test_names_lose_folders_and_invisible_characters(name: str, cleaned: str) -> None:
    assert clean_name(name) == cleaned


def test_readers_and_outsiders_do_not_upload(alice: User, plans: Collection) -> None:
    charlie = factories.user()
    red = factories.team("Red", managers=[charlie])
    with pytest.raises(NotAllowedError):
        upload(charlie, plans)
    factories.grant(plans, team=red, role=Role.READER)
    with pytest.raises(NotAllowedError, match="contributor role"):
        upload(charlie, plans)


def test_a_name_that_a_hidden_document_has_is_not_given_away(alice: User, plans: Collection) -> None:
    charlie = factories.user()
    factories.grant(plans, team=factories.team("Red", managers=[charlie]), role=Role.CONTRIBUTOR)
    blue = plans.owner_team
    hidden = add_document(
        user=alice, collection=plans, name="plan.txt", content=io.BytesIO(b"A plan."), teams=[blue]
    ).document
    theirs = upload(charlie, plans, "plan.txt", b"Another plan.")
    assert theirs != hidden
    assert theirs.name == "plan (2).txt"
    assert hidden.versions.count() == 1


def test_a_deleted_document_answers_nothing_more(alice: User, plans: Collection) -> None:
    document = factories.searchable_document(plans, passages=["The plan is to win."])
    assert search(user=alice, query="plan").hits
    delete_document(user=alice, document=document)
    assert not search(user=alice, query="plan").hits
    assert not Chunk.objects.exists()
    assert not PostingBlock.objects.exists()
    upload(alice, plans, document.name)
    assert Document.objects.count() == 2


def test_deleting_cancels_what_is_queued(alice: User, plans: Collection) -> None:
    delete_document(user=alice, document=upload(alice, plans))
    assert IngestionJob.objects.get().state == IngestionJob.State.CANCELLED


def test_states_are_told_in_words(alice: User, plans: Collection) -> None:
    document = upload(alice, plans)
    told = describe_state(documents_with_state(user=alice, collection=plans).get())
    assert (told.word, told.tone, told.is_final, told.can_cancel) == ("Waiting", "waiting", False, True)
    with pytest.raises(InvalidInputError, match="Waiting"):
        retry_document(user=alice, document=document)
    IngestionJob.objects.update(state="failed", reason="encrypted", message="It is encrypted.")
    told = describe_state(documents_with_state(user=alice).get())
    assert (told.word, told.tone, told.detail, told.can_retry) == ("Failed", "bad", "It is encrypted.", True)
    retry_document(user=alice, document=document)
    assert describe_state(documents_with_state(user=alice).get()).word == "Waiting"


def test_an_outsider_sees_no_states(alice: User, plans: Collection) -> None:
    upload(alice, plans)
    assert not documents_with_state(user=factories.user(is_admin=True)).exists()
