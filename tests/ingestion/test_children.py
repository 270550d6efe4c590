"""Files in files: published with their parent, read by their own parser, seen and removed with it."""

import io
import zipfile
from email.message import EmailMessage

import pytest
from django.test import override_settings

from ingestion import pipeline
from ingestion.deleted import restore_document
from ingestion.documents import add_document, delete_document
from ingestion.ledger import State
from ingestion.models import IngestionJob
from ingestion.moving import move_document
from portal.accounts.models import User
from retrieval import access
from retrieval.collections import narrow_document
from retrieval.errors import InvalidInputError
from retrieval.generations import ensure_first_generation
from retrieval.models import Chunk, Collection, Document
from retrieval.search import search
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

KETTLE = b"# Kettles\n\nThe Falcon kettle has a warranty of 24 months from the day of purchase.\n"


@pytest.fixture
def alice() -> User:
    return factories.user("alice@example.com")


@pytest.fixture
def bob() -> User:
    return factories.user("bob@example.com")


@pytest.fixture
def plans(alice: User, bob: User) -> Collection:
    ensure_first_generation()
    return factories.collection("Plans", owner=factories.team("Blue", managers=[alice], members=[bob]))


def archive(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as output:
        for name, content in files.items():
            output.writestr(name.replace("__", "/").replace("_", "."), content)
    return packed.getvalue()


def mail(*attachments: tuple[str, bytes], subject: str = "Re: budget") -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", subject
    message.set_content("The figures are attached.")
    for name, content in attachments:
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def ingest(user: User, collection: Collection, name: str, content: bytes) -> Document:
    added = add_document(user=user, collection=collection, name=name, content=io.BytesIO(content))
    while pipeline.work_on_next():
        pass
    return added.document


def live(user: User) -> dict[str, str]:
    """Return the visible documents by their shown names, with the state of their newest job."""
    documents = access.visible_documents(user=user).select_related("parent")
    return {
        one.shown_name: IngestionJob.objects.filter(version__document=one).latest("created_at").state
        for one in documents
    }


def test_attachments_become_documents_of_their_own_type(alice: User, plans: Collection) -> None:
    ingest(alice, plans, "budget.eml", mail(("kettle.md", KETTLE), ("sums.csv", b"a,b\nTea,12\n")))
    assert live(alice) == {
        "budget.eml": State.INDEXED,
        "kettle.md, in budget.eml": State.INDEXED,
        "sums.csv, in budget.eml": State.INDEXED,
    }
    hit = search(user=alice, query="How long is the warranty of the kettle?").hits[0]
    assert (hit.name, hit.heading_path) == ("kettle.md", ("Kettles",))


def test_an_archive_lists_its_files_and_hands_them_on(alice: User, plans: Collection) -> None:
    inner = archive(deep_md=KETTLE)
    ingest(alice, plans, "all.zip", archive(a__kettle_md=KETTLE, b__kettle_md=KETTLE, inner_zip=inner))
    assert set(live(alice)) == {
        "all.zip", "a/kettle.md, in all.zip", "b/kettle.md, in all.zip", "inner.zip, in all.zip",
        "deep.md, in inner.zip",
    }  # fmt: skip
    assert set(live(alice).values()) == {State.INDEXED}
    version = Document.objects.get(name="all.zip").current_version
    assert version is not None
    assert "b/kettle.md" in version.stored_text.text


def test_what_cannot_be_read_is_kept_and_says_why(alice: User, plans: Collection) -> None:
    ingest(alice, plans, "a.eml", mail(("song.mp3", b"ID3\4\0\0\0\0\0\0" + bytes(range(256)) * 20)))
    job = IngestionJob.objects.get(version__document__name="song.mp3")
    assert (job.state, job.reason) == (State.FAILED, "unsupported_type")
    assert "song.mp3 is of a type that cannot be read" in job.message


def test_a_new_version_replaces_what_changed_and_removes_what_is_gone(alice: User, plans: Collection) -> None:
    document = ingest(alice, plans, "a.zip", archive(same_md=KETTLE, other_md=b"Old words.", gone_md=KETTLE))
    before = {one.name: one for one in document.children.all()}
    ingest(
        alice, plans, "a.zip", archive(same_md=KETTLE, other_md=b"New words about bread.", fresh_md=KETTLE)
    )
    after = {one.name: one for one in document.children.filter(deleted_at__isnull=True)}
    assert set(after) == {"same.md", "other.md", "fresh.md"}
    assert (after["same.md"].pk, after["same.md"].versions.count()) == (before["same.md"].pk, 1)
    assert (after["other.md"].pk, after["other.md"].versions.count()) == (before["other.md"].pk, 2)
    assert not Chunk.objects.filter(version__document=before["gone.md"]).exists()
    assert not any("Old words" in chunk.text for chunk in Chunk.objects.all())


def test_reading_the_same_again_changes_nothing(alice: User, plans: Collection) -> None:
    document = ingest(alice, plans, "a.zip", archive(same_md=KETTLE))
    child = document.children.get()
    IngestionJob.objects.filter(version__document=document).update(state=State.QUEUED, attempts=0)
    while pipeline.work_on_next():
        pass
    assert list(document.children.all()) == [child]
    assert IngestionJob.objects.filter(version__document=child).count() == 1


def test_a_child_is_never_seen_where_its_parent_is_not(alice: User, bob: User, plans: Collection) -> None:
    document = ingest(alice, plans, "a.zip", archive(inner_zip=archive(deep_md=KETTLE)))
    assert len(live(bob)) == 3
    green = factories.team("Green", members=[alice])
    narrow_document(user=alice, document=document, teams=[green])
    assert live(bob) == {}
    assert not search(user=bob, query="warranty of the kettle").hits
    assert len(live(alice)) == 3
    narrow_document(user=alice, document=document, teams=None)
    Document.objects.filter(name="inner.zip").update(is_narrowed=True)
    assert set(live(bob)) == {"a.zip"}


def test_deleting_the_parent_deletes_everything_in_it(alice: User, plans: Collection) -> None:
    document = ingest(alice, plans, "a.zip", archive(inner_zip=archive(deep_md=KETTLE), k_md=KETTLE))
    delete_document(user=alice, document=document)
    assert live(alice) == {}
    assert not Chunk.objects.exists()
    assert not Document.objects.filter(deleted_at__isnull=True).exists()


def test_a_part_is_neither_deleted_nor_narrowed_alone(alice: User, plans: Collection) -> None:
    child = ingest(alice, plans, "a.zip", archive(k_md=KETTLE)).children.get()
    with pytest.raises(InvalidInputError, match="a part of"):
        delete_document(user=alice, document=child)
    with pytest.raises(InvalidInputError, match="Narrow that"):
        narrow_document(user=alice, document=child, teams=None)


def test_an_upload_of_the_same_name_is_not_the_part(alice: User, plans: Collection) -> None:
    ingest(alice, plans, "a.zip", archive(k_md=KETTLE))
    ingest(alice, plans, "k.md", b"Other words.")
    assert set(live(alice)) == {"a.zip", "k.md, in a.zip", "k.md"}


def test_what_lies_too_deep_is_said_and_not_unpacked(alice: User, plans: Collection) -> None:
    content = KETTLE
    for _ in range(6):
        content = archive(inner_zip=content) if content is not KETTLE else archive(deep_md=content)
    ingest(alice, plans, "a.zip", content)
    assert Document.objects.count() == 4
    deepest = Document.objects.filter(children__isnull=True).get().current_version
    assert deepest is not None
    assert "over 3 files deep" in deepest.warnings[0]


def test_the_whole_tree_counts_against_the_limits(alice: User, plans: Collection) -> None:
    inner = archive(**{f"f{number}_md": KETTLE for number in range(4)})
    with override_settings(PARSE_MAX_ATTACHMENTS=6):
        ingest(alice, plans, "a.zip", archive(a_zip=inner, b_zip=inner + b" "))
    states = live(alice)
    assert states["a.zip, in a.zip"] == State.INDEXED
    assert states["b.zip, in a.zip"] == State.FAILED
    assert IngestionJob.objects.get(version__document__name="b.zip").reason == "too_large"


def test_a_lost_claim_publishes_neither_parent_nor_children(
    alice: User, plans: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed = pipeline._embed

    def lose_it(*args: object) -> object:
        IngestionJob.objects.update(fence=99)
        return embed(*args)  # type: ignore[arg-type] # passed on as they came

    monkeypatch.setattr(pipeline, "_embed", lose_it)
    add_document(user=alice, collection=plans, name="a.zip", content=io.BytesIO(archive(k_md=KETTLE)))
    pipeline.work_on_next()
    assert Document.objects.count() == 1
    assert not Chunk.objects.exists()


def test_what_was_deleted_with_its_parent_is_restored_with_it(alice: User, plans: Collection) -> None:
    document = ingest(alice, plans, "a.zip", archive(gone_md=KETTLE, k_md=KETTLE))
    document = ingest(alice, plans, "a.zip", archive(k_md=KETTLE))
    ingest(alice, plans, "k.md", b"Other words.")
    delete_document(user=alice, document=document)
    assert [one.name for one in access.deleted_documents(user=alice)] == ["a.zip"]
    restore_document(user=alice, document=Document.objects.get(pk=document.pk))
    while pipeline.work_on_next():
        pass
    assert set(live(alice)) == {"a.zip", "k.md, in a.zip", "k.md"}
    assert search(user=alice, query="How long is the warranty of the kettle?").hits[0].name == "k.md"


def test_a_move_takes_everything_along(alice: User, bob: User, plans: Collection) -> None:
    document = ingest(alice, plans, "a.zip", archive(inner_zip=archive(k_md=KETTLE)))
    own = factories.collection("Own", owner=factories.team("Green", managers=[alice]))
    child = document.children.get()
    with pytest.raises(InvalidInputError, match="a part of"):
        move_document(user=alice, document=child, target=own, allow_wider=True)
    move_document(user=alice, document=document, target=own, allow_wider=True)
    assert live(bob) == {}
    assert set(live(alice)) == {"a.zip", "inner.zip, in a.zip", "k.md, in inner.zip"}
    assert search(user=alice, query="warranty of the kettle").hits
