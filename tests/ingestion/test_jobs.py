"""What people ask of the ledger: retry, cancel, read again; one, many, all that failed."""

import io

import pytest

from ingestion.documents import add_document
from ingestion.jobs import act_on, cancel_document, reprocess_document, retry_document, retry_failed
from ingestion.ledger import State
from ingestion.models import IngestionJob
from ingestion.pipeline import work_on_next
from portal.accounts.models import User
from portal.answers.kept import shown_answer
from portal.answers.services import answer_now, ask
from retrieval.errors import InvalidInputError, NotAllowedError
from retrieval.generations import ensure_first_generation
from retrieval.models import Chunk, Collection, Document, DocumentText, Role
from retrieval.search import search
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = b"The kettle has a warranty of 24 months from the day of purchase."


@pytest.fixture
def alice() -> User:
    return factories.user("alice@example.com")


@pytest.fixture
def plans(alice: User) -> Collection:
    return factories.collection("Plans", owner=factories.team("Blue", managers=[alice]))


@pytest.fixture
def kettle(alice: User, plans: Collection) -> Document:
    ensure_first_generation()
    made = add_document(user=alice, collection=plans, name="kettle.txt", content=io.BytesIO(TEXT))
    assert work_on_next()
    return made.document


def states() -> list[str]:
    return sorted(IngestionJob.objects.values_list("state", flat=True))


def test_a_document_is_read_again_and_the_old_index_serves_until_then(alice: User, kettle: Document) -> None:
    Chunk.objects.update(text="Made by an older parser.")
    reprocess_document(user=alice, document=kettle)
    assert [hit.text for hit in search(user=alice, query="warranty").hits] == ["Made by an older parser."]
    assert work_on_next()
    assert [hit.text for hit in search(user=alice, query="warranty").hits] == [TEXT.decode()]
    assert (Chunk.objects.count(), kettle.versions.count(), states()) == (1, 1, ["indexed"])


def test_reading_again_that_fails_leaves_what_was_searched(alice: User, kettle: Document) -> None:
    version = kettle.versions.get()
    version.media_type = "application/pdf"
    version.sha256 = "0" * 64
    version.save()
    reprocess_document(user=alice, document=kettle)
    for _ in range(3):
        IngestionJob.objects.update(due_at="2000-01-01T00:00Z")
        work_on_next()
    assert states()[0] in {"failed", "quarantined"}
    assert search(user=alice, query="warranty").hits


def test_an_answer_is_closed_when_its_source_reads_otherwise_now(alice: User, kettle: Document) -> None:
    question = ask(user=alice, text="How long is the warranty of the kettle?")
    assert answer_now(user=alice, question=question).state == "answered"
    reprocess_document(user=alice, document=kettle)
    assert work_on_next()
    question.refresh_from_db()
    shown = shown_answer(user=alice, question=question)
    assert shown is not None
    assert shown.state == "answered", "the same text keeps the answer open"
    DocumentText.objects.update(text="A newer parser found other words here, and more of them than before.")
    shown = shown_answer(user=alice, question=question)
    assert shown is not None
    assert shown.state == "closed"


def test_what_waits_is_not_queued_twice(alice: User, plans: Collection) -> None:
    waiting = factories.waiting_document(plans)
    for action in (retry_document, reprocess_document):
        with pytest.raises(InvalidInputError, match="Waiting"):
            action(user=alice, document=waiting)


def test_many_at_once_skip_what_is_in_no_state_for_it(alice: User, plans: Collection) -> None:
    failed = [factories.failed_document(plans).pk for _ in range(3)]
    fine = factories.document(plans).pk
    told = act_on(user=alice, documents=[*failed, fine], action="retry")
    assert (told.done, told.skipped) == (3, 1)
    told = act_on(user=alice, documents=[*failed, fine], action="cancel")
    assert (told.done, told.skipped) == (3, 1)
    assert states() == ["cancelled"] * 3 + ["indexed"]
    told = act_on(user=alice, documents=[*failed, fine], action="reprocess")
    assert (told.done, told.skipped) == (4, 0)


def test_retry_all_that_failed(alice: User, plans: Collection) -> None:
    other = factories.collection("Other", owner=plans.owner_team)
    for state in ("failed", "quarantined", "no_text", "cancelled"):
        factories.waiting_document(plans, job={"state": state})
    factories.failed_document(other)
    assert retry_failed(user=alice, collection=plans) == 3
    assert states() == ["cancelled", "failed", "queued", "queued", "queued"]
    assert retry_failed(user=alice) == 1


def test_nobody_else_changes_anything(alice: User, plans: Collection) -> None:
    failed, waiting = factories.failed_document(plans), factories.waiting_document(plans)
    reader, charlie, admin = factories.user(), factories.user(), factories.user(is_admin=True)
    factories.grant(plans, team=factories.team("Red", members=[reader]), role=Role.READER)
    for person in (reader, charlie, admin):
        assert act_on(user=person, documents=[failed.pk, waiting.pk], action="retry").done == 0
        assert retry_failed(user=person) == 0
        for action, document in (
            (retry_document, failed),
            (reprocess_document, failed),
            (cancel_document, waiting),
        ):
            with pytest.raises(NotAllowedError):
                action(user=person, document=document)
        with pytest.raises(NotAllowedError):
            retry_failed(user=person, collection=plans)
    assert states() == [State.FAILED, State.QUEUED]


def test_a_narrowed_document_is_out_of_reach_for_other_contributors(alice: User, plans: Collection) -> None:
    charlie = factories.user()
    factories.grant(plans, team=factories.team("Red", members=[charlie]), role=Role.CONTRIBUTOR)
    hidden = factories.failed_document(plans)
    Document.objects.update(is_narrowed=True)
    hidden.narrowed_to.set([plans.owner_team])
    assert retry_failed(user=charlie, collection=plans) == 0
    assert act_on(user=charlie, documents=[hidden.pk], action="retry").done == 0
    assert retry_failed(user=alice, collection=plans) == 1
