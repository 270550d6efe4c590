"""The pipeline with the real parser, model and index; and how it ends when things go wrong."""

import io
from pathlib import Path

import pytest
from django.db.models.functions import Now

from ingestion import pipeline
from ingestion.documents import add_document, delete_document
from ingestion.ledger import State
from ingestion.models import IngestionJob
from ingestion.states import describe_state, documents_with_state
from llm.errors import EmbeddingError
from portal.accounts.models import User
from retrieval.generations import ensure_first_generation
from retrieval.models import Chunk, Collection, Document, DocumentText
from retrieval.search import search
from tests import factories
from tests.ingestion.parsing.test_tesseract import scan, tesseract

__all__ = ["tesseract"]  # a fixture

# The heartbeat has a connection of its own, so what the pipeline works on must be committed.
pytestmark = pytest.mark.django_db(transaction=True)

MARKDOWN = b"""# Travel

## Trains

Second class is booked for journeys of less than three hours, and first class for longer ones. A seat is
reserved on every long-distance train. Tickets are bought through the travel desk, which keeps the receipts
and passes them on to the accounts department at the end of each month.

## Flights

Flights are booked four weeks ahead. The limit for a hotel night is 140 euros. Whoever needs a dearer room
asks the head of the department first and adds the written answer to the claim. Breakfast is paid where it
is part of the price of the room, and never on its own.
"""


@pytest.fixture
def alice() -> User:
    return factories.user("alice@example.com")


@pytest.fixture
def plans(alice: User) -> Collection:
    ensure_first_generation()
    return factories.collection("Plans", owner=factories.team("Blue", managers=[alice]))


def ingest(user: User, collection: Collection, name: str, content: bytes) -> Document:
    added = add_document(user=user, collection=collection, name=name, content=io.BytesIO(content))
    assert pipeline.work_on_next()
    return added.document


def state(user: User) -> str:
    return describe_state(documents_with_state(user=user).get()).word


def test_an_upload_is_found_by_its_words_with_its_headings(alice: User, plans: Collection) -> None:
    ingest(alice, plans, "travel.md", MARKDOWN)
    hit = search(user=alice, query="How much may a hotel cost?").hits[0]
    assert "140 euros" in hit.text
    assert hit.heading_path[-1] == "Flights"
    text = DocumentText.objects.get().text
    for chunk in Chunk.objects.all():
        assert text[chunk.start : chunk.end] == chunk.text
    assert state(alice) == "Indexed"


@pytest.mark.usefixtures("tesseract")
def test_a_scan_is_read_in_the_language_of_its_collection(
    alice: User, plans: Collection, tmp_path: Path
) -> None:
    Collection.objects.update(language="ru")
    lines = ["Насос охлаждения осматривается", "каждые шесть недель дежурным."]
    ingest(alice, plans, "журнал.pdf", scan(tmp_path / "scan.pdf", lines).read_bytes())
    hit = search(user=alice, query="осмотр насосов").hits[0]
    assert hit.text == " ".join(lines)


def test_every_chunk_has_its_vector_and_postings(alice: User, plans: Collection) -> None:
    document = ingest(alice, plans, "travel.md", MARKDOWN)
    document.refresh_from_db()
    version = document.current_version
    assert version is not None
    chunks = Chunk.objects.filter(version=version).count()
    assert version.chunk_count == chunks == len(search(user=alice, query="travel", limit=50).hits)
    assert version.term_count == factories.indexed_terms()


@pytest.mark.parametrize(
    ("name", "content", "expected", "reason"),
    [
        ("cut.pdf", b"%PDF-1.7\n1 0 obj\n<< /Type", "Failed", "damaged"),
        ("blank.html", b"<!doctype html><html><body><p> </p></body></html>", "No text found", "no_text"),
    ],
)
def test_a_bad_file_ends_with_a_reason_in_words(
    alice: User, plans: Collection, name: str, content: bytes, expected: str, reason: str
) -> None:
    ingest(alice, plans, name, content)
    document = documents_with_state(user=alice).get()
    told = describe_state(document)
    assert (told.word, getattr(document, "job_reason")) == (expected, reason)  # noqa: B009 - an annotation
    assert len(told.detail) > 20
    assert told.can_retry


def test_a_failing_new_version_leaves_the_old_one_searchable(alice: User, plans: Collection) -> None:
    ingest(alice, plans, "travel.md", MARKDOWN)
    ingest(alice, plans, "travel.md", b"%PDF-1.7\n1 0 obj\n<< /Type")
    assert "140 euros" in search(user=alice, query="hotel limit").hits[0].text


def test_a_document_deleted_in_mid_work_is_not_published(
    alice: User, plans: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed = pipeline._embed

    def delete_first(*args: object) -> object:
        delete_document(user=alice, document=Document.objects.get())
        return embed(*args)  # type: ignore[arg-type] # passed on as they came

    monkeypatch.setattr(pipeline, "_embed", delete_first)
    ingest(alice, plans, "travel.md", MARKDOWN)
    assert not Chunk.objects.exists()
    assert IngestionJob.objects.get().state == State.CANCELLED


def test_a_model_that_is_away_costs_no_attempt(
    alice: User, plans: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise EmbeddingError("connection refused", permanent=False)

    monkeypatch.setattr(pipeline, "_embed", away)
    ingest(alice, plans, "travel.md", MARKDOWN)
    job = IngestionJob.objects.get()
    assert (job.state, job.attempts) == (State.QUEUED, 0)
    assert "tried again by itself" in job.message
    monkeypatch.undo()
    IngestionJob.objects.update(due_at=Now())
    assert pipeline.work_on_next()
    assert state(alice) == "Indexed"


def test_a_bug_ends_in_the_ledger_and_not_in_silence(
    alice: User, plans: Collection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def bug(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(pipeline, "_cut", bug)
    ingest(alice, plans, "travel.md", MARKDOWN)
    assert "ZeroDivisionError" in IngestionJob.objects.get().message
    assert "Traceback" in caplog.text


def test_nothing_due_is_said(plans: Collection) -> None:
    assert pipeline.work_on_next() is False


def test_due_jobs_are_worked_through_until_the_time_is_over(alice: User, plans: Collection) -> None:
    for name in ("one.md", "two.md", "three.md"):
        add_document(user=alice, collection=plans, name=name, content=io.BytesIO(name.encode() + MARKDOWN))
    indexed = IngestionJob.objects.filter(state=State.INDEXED)
    assert pipeline.work_through(seconds=0) is True
    assert indexed.count() == 1
    assert pipeline.work_through(seconds=60) is False
    assert indexed.count() == 3


@pytest.mark.parametrize("group", ["aviation", "clinical-trials", "agencies"])
def test_real_pdfs_are_indexed_whole(alice: User, plans: Collection, corpora: Path, group: str) -> None:
    path = min((corpora / "us-public" / group).glob("*.pdf"), key=lambda one: one.stat().st_size)
    document = ingest(alice, plans, path.name, path.read_bytes())
    assert state(alice) == "Indexed"
    text = DocumentText.objects.get(version__document=document).text
    covered = [False] * len(text)
    for chunk in Chunk.objects.all():
        assert chunk.page is not None
        covered[chunk.start : chunk.end] = [True] * (chunk.end - chunk.start)
    lost = "".join(character for character, kept in zip(text, covered, strict=True) if not kept)
    assert not lost.strip()
