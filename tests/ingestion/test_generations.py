"""Another embedding model beside the one that serves: added, filled, flipped to, flipped back, dropped."""

import io
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from django.db import connection
from django.db.models.functions import Now

from ingestion import embedding, filling, generations, ledger, pipeline
from ingestion.documents import add_document, delete_document
from ingestion.filling import fill
from ingestion.generation_states import describe_generations
from ingestion.jobs import reprocess_document
from ingestion.models import IngestionJob
from ingestion.moving import move_document
from portal.accounts.models import User
from retrieval.errors import InvalidInputError
from retrieval.filling import count_missing
from retrieval.generations import ensure_first_generation, live_generations, serving_generation
from retrieval.models import Chunk, Collection, Document, Generation
from retrieval.search import search
from tests import factories
from tests.fakes.embedding_server import FakeEmbeddings

# A partition is dropped in a transaction of its own, and the heartbeat has a connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)
State = Generation.State
QUESTION = "How long is the warranty of the kettle?"


@pytest.fixture
def alice() -> User:
    ensure_first_generation()
    return factories.user("alice@example.com")


@pytest.fixture
def plans(alice: User) -> Collection:
    made = factories.collection("Plans", owner=factories.team("Blue", managers=[alice]))
    factories.searchable_document(made, passages=[factories.WARRANTY, factories.RETURNS], name="old.txt")
    return made


@pytest.fixture
def server() -> Iterator[FakeEmbeddings]:
    embedding._failed_at.clear()
    with FakeEmbeddings().running() as running:
        yield running


def add(server: FakeEmbeddings, model: str = "fake") -> Generation:
    return generations.add_generation(
        model=model, base_url=server.base_url, api_key="sesame", max_tokens=4000
    )


def work() -> None:
    while pipeline.work_on_next():
        pass


def again(generation: Generation) -> Generation:
    return Generation.objects.get(pk=generation.pk)


def vectors_of(generation: Generation) -> dict[str, list[float]]:
    """Return each chunk's text with its vector in a generation; fail where a vector has no chunk."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT collection_id, version_id, ordinal, embedding::text FROM retrieval_vector"
            " WHERE generation_id = %s",
            [generation.pk],
        )
        rows = cursor.fetchall()
    texts = {(one.collection_id, one.version_id, one.ordinal): one for one in Chunk.objects.all()}
    found = {}
    for collection_id, version_id, ordinal, vector in rows:
        chunk = texts[collection_id, version_id, ordinal]
        found[f"{chunk.context}\n{chunk.text}"] = [float(value) for value in vector.strip("[]").split(",")]
    return found


def upload(alice: User, plans: Collection, name: str, text: str) -> Document:
    added = add_document(user=alice, collection=plans, name=name, content=io.BytesIO(text.encode()))
    return added.document


def test_a_local_model_of_another_dimension(alice: User, plans: Collection, wide_model: str) -> None:
    first = serving_generation()
    made = generations.add_generation(model=wide_model)
    assert (made.state, made.dimension, count_missing(made)) == (State.FILLING, 1024, 2)
    assert search(user=alice, query=QUESTION).generation_id == first.pk
    work()
    assert (again(made).state, made.jobs.get().state) == (State.READY, "filled")
    assert generations.flip_to(generation=made) == first
    found = search(user=alice, query=QUESTION)
    assert found.generation_id == made.pk
    assert {hit.text for hit in found.hits} == {factories.WARRANTY, factories.RETURNS}
    assert generations.flip_to(generation=first) == made
    found = search(user=alice, query=QUESTION)
    assert (found.generation_id, found.hits[0].text) == (first.pk, factories.WARRANTY)


def test_vectors_are_those_of_the_model_and_the_key_is_sent(
    plans: Collection, server: FakeEmbeddings
) -> None:
    made = add(server)
    work()
    kept = vectors_of(made)
    assert len(kept) == 2
    for text, vector in kept.items():
        assert float(np.dot(vector, server.vector(text))) > 0.999
    assert server.keys == {"Bearer sesame"}
    assert "sesame" not in again(made).secret


def test_what_is_published_meanwhile_is_in_every_live_generation(
    alice: User, plans: Collection, server: FakeEmbeddings
) -> None:
    first, made = serving_generation(), add(server)
    work()
    new = upload(alice, plans, "new.md", "# Kettles\n\nA kettle boils in three minutes.")
    work()
    assert again(made).state == State.READY
    assert len(vectors_of(first)) == len(vectors_of(made)) == 3
    generations.flip_to(generation=made)
    upload(alice, plans, "newer.md", "# Toasters\n\nA toaster takes two slices.")
    work()
    assert not count_missing(first)
    delete_document(user=alice, document=new)
    assert len(vectors_of(first)) == len(vectors_of(made)) == 3
    generations.flip_to(generation=first)
    assert search(user=alice, query="How many slices?").hits[0].name == "newer.md"


def test_moves_and_new_versions_during_a_fill(alice: User, plans: Collection, server: FakeEmbeddings) -> None:
    document = upload(alice, plans, "a.md", "# Old\n\nThe old words of a.")
    work()
    made = add(server)
    other = factories.collection("Other", owner=factories.team("Green", managers=[alice]))
    document.refresh_from_db()
    move_document(user=alice, document=document, target=other, allow_wider=True)
    upload(alice, other, "a.md", "# New\n\nThe new words of a.")
    work()
    assert again(made).state == State.READY
    assert set(vectors_of(made)) == set(vectors_of(serving_generation()))
    assert len(vectors_of(made)) == 3


def test_uploads_do_not_wait_for_a_model_that_is_away(
    alice: User, plans: Collection, server: FakeEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llm.embedding._FIRST_PAUSE_SECONDS", 0)
    made = add(server)
    work()
    server.status = 503
    document = upload(alice, plans, "new.md", "# Kettles\n\nA kettle boils in three minutes.")
    work()
    assert document.versions.get().jobs.get().state == "indexed"
    job = made.jobs.order_by("-created_at")[0]
    assert (again(made).state, count_missing(made), job.state) == (State.FILLING, 1, "queued")
    assert "does not answer" in job.message
    assert job.attempts == 0
    with pytest.raises(InvalidInputError, match="cannot be used now"):
        generations.flip_to(generation=made)
    server.status = 200
    with pytest.raises(InvalidInputError, match="no vectors of 1 passage yet"):
        generations.flip_to(generation=made)
    IngestionJob.objects.update(due_at=job.created_at)
    work()
    assert again(made).state == State.READY
    generations.flip_to(generation=made)


def test_a_generation_that_begins_to_serve_during_an_upload_gets_its_vectors(
    alice: User, plans: Collection, server: FakeEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed = pipeline._embed

    def flip_after(*args: object) -> object:
        monkeypatch.setattr(pipeline, "_embed", embed)
        vectors = embed(*args)  # type: ignore[arg-type] # passed on as they came
        made = add(server)
        work_on_fill(made)
        generations.flip_to(generation=made)
        return vectors

    monkeypatch.setattr(pipeline, "_embed", flip_after)
    upload(alice, plans, "new.md", "# Kettles\n\nA kettle boils in three minutes.")
    work()
    first, made = Generation.objects.order_by("pk")
    assert serving_generation() == made
    assert len(vectors_of(made)) == len(vectors_of(first)) == 3


def work_on_fill(generation: Generation) -> None:
    claim = ledger.claim_next()
    assert claim is not None
    assert claim.kind == IngestionJob.Kind.GENERATION
    fill(claim, threading.Event())
    assert generation.jobs.get().state == "filled"


def test_a_new_text_under_an_old_key_never_gets_the_old_vector(
    alice: User, plans: Collection, server: FakeEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chunk is written anew between its embedding and the storing of that."""
    made, store = add(server), filling._store

    def change_first(*args: object) -> int:
        monkeypatch.setattr(filling, "_store", store)
        Chunk.objects.filter(ordinal=0).update(text="Other words.")
        return store(*args)  # type: ignore[arg-type] # passed on as they came

    monkeypatch.setattr(filling, "_store", change_first)
    work()
    assert again(made).state == State.READY
    for text, vector in vectors_of(made).items():
        assert float(np.dot(vector, server.vector(text))) > 0.999


def test_uploads_go_first_and_a_fill_steps_aside(
    alice: User, plans: Collection, server: FakeEmbeddings
) -> None:
    for number in range(3):
        factories.searchable_document(plans, passages=[f"Part {number}-{n}." for n in range(64)])
    made = add(server)
    document = upload(alice, plans, "new.md", "# Kettles\n\nA kettle boils in three minutes.")
    assert pipeline.work_on_next()
    assert document.versions.get().jobs.get().state == "indexed"
    assert made.jobs.get().attempts == 0
    upload(alice, plans, "newer.md", "# Kettles\n\nA kettle boils in four minutes.")
    IngestionJob.objects.filter(version__isnull=False, state="queued").update(state="cancelled")
    upload(alice, plans, "newest.md", "# Kettles\n\nA kettle boils in five minutes.")
    IngestionJob.objects.filter(version__isnull=False, state="queued").update(due_at="2999-01-01T00:00Z")
    original = server.vector

    def upload_comes(text: str) -> object:
        IngestionJob.objects.filter(version__isnull=False, state="queued").update(due_at=Now())
        return original(text)

    server.vector = upload_comes  # type: ignore[method-assign,assignment]
    assert pipeline.work_on_next()
    job = made.jobs.get()
    assert (job.state, job.attempts, job.done > 0, count_missing(made) > 0) == ("queued", 0, True, True)
    server.vector = original  # type: ignore[method-assign]
    work()
    assert again(made).state == State.READY


def test_pause_and_resume(alice: User, plans: Collection, server: FakeEmbeddings) -> None:
    made = add(server)
    generations.pause_generation(generation=made)
    assert made.jobs.get().state == "cancelled"
    seen = len(server.texts)
    upload(alice, plans, "new.md", "# Kettles\n\nA kettle boils in three minutes.")
    work()
    assert len(server.texts) == seen
    assert live_generations() == [serving_generation()]
    generations.resume_generation(generation=made)
    work()
    assert (again(made).state, count_missing(made)) == (State.READY, 0)
    with pytest.raises(InvalidInputError, match="nothing to resume"):
        generations.resume_generation(generation=made)
    with pytest.raises(InvalidInputError, match="serves"):
        generations.pause_generation(generation=serving_generation())


def test_one_before_the_one_before_is_paused(plans: Collection, server: FakeEmbeddings) -> None:
    first = serving_generation()
    second, third = add(server, "second"), add(server, "third")
    work()
    generations.flip_to(generation=second)
    generations.flip_to(generation=third)
    assert [again(one).state for one in (first, second, third)] == [
        State.PAUSED,
        State.RETIRED,
        State.SERVING,
    ]
    with pytest.raises(InvalidInputError, match="is paused"):
        generations.flip_to(generation=first)
    generations.resume_generation(generation=first)
    work()
    generations.flip_to(generation=first)
    assert [again(one).state for one in (first, second, third)] == [
        State.SERVING,
        State.PAUSED,
        State.RETIRED,
    ]


def test_drop_removes_partition_index_and_job(plans: Collection, server: FakeEmbeddings) -> None:
    made = add(server)
    work()
    with pytest.raises(InvalidInputError, match="serves"):
        generations.drop_generation(generation=serving_generation())
    generations.drop_generation(generation=made)
    assert not Generation.objects.filter(pk=made.pk).exists()
    assert not IngestionJob.objects.filter(version__isnull=True).exists()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_class WHERE relname LIKE %s", [f"retrieval_vector_g{made.pk}%"]
        )
        assert cursor.fetchone() == (0,)
    assert add(server).pk != made.pk


def test_what_cannot_work_is_refused_when_it_is_added(
    plans: Collection, server: FakeEmbeddings, tmp_path: object
) -> None:
    add_generation = generations.add_generation
    with pytest.raises(InvalidInputError, match="Name the model"):
        add_generation(model=" ")
    with pytest.raises(InvalidInputError, match="no folder"):
        add_generation(model="/nowhere/at/all")
    with pytest.raises(InvalidInputError, match="could not be loaded"):
        add_generation(model=str(tmp_path))
    with pytest.raises(InvalidInputError, match="http://"):
        add_generation(model="m", base_url="tei:8080")
    with pytest.raises(InvalidInputError, match="passages have up to 254"):
        add_generation(model="m", base_url=server.base_url)
    with pytest.raises(InvalidInputError, match="of this model already"):
        add_generation(model=serving_generation().model)
    server.status = 401
    with pytest.raises(InvalidInputError, match="status 401"):
        add_generation(model="other", base_url=server.base_url, max_tokens=4000)
    server.status, server.dimension = 200, 4096
    with pytest.raises(InvalidInputError, match="4,000"):
        add_generation(model="wide", base_url=server.base_url, max_tokens=4000)
    assert Generation.objects.count() == 1


def test_passages_that_are_long_in_the_new_tokens_are_embedded_whole(
    alice: User, plans: Collection, server: FakeEmbeddings
) -> None:
    upload(alice, plans, "long.md", "# Long\n\n" + "Extraordinarily unconstitutional counterproposals. " * 40)
    work()
    made = generations.add_generation(model="short", base_url=server.base_url, max_tokens=258)
    server.texts.clear()
    work()
    assert again(made).state == State.READY
    longest = Chunk.objects.order_by("-tokens")[0]
    parts = [text for text in server.texts if "counterproposals" in text]
    assert len(parts) > Chunk.objects.filter(text__contains="counterproposals").count()
    assert sum(map(len, parts)) >= len(longest.text)


def test_a_model_that_fails_for_good_stops_the_fill_and_says_so(
    plans: Collection, server: FakeEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = add(server)
    server.status = 400
    for _ in range(3):
        IngestionJob.objects.update(due_at="2020-01-01T00:00Z")
        work()
    told = describe_generations()[1]
    assert (told.word, told.can_resume, told.can_flip) == ("Stopped", True, False)
    assert "status 400" in told.detail
    server.status = 200
    generations.resume_generation(generation=made)
    work()
    told = describe_generations()[1]
    assert (told.word, told.filled, told.total, told.can_flip) == ("Ready", 2, 2, True)


def test_reading_again_during_a_fill(alice: User, plans: Collection, server: FakeEmbeddings) -> None:
    document = upload(alice, plans, "a.md", "# Words\n\nThe words of a.")
    work()
    made = add(server)
    reprocess_document(user=alice, document=document)
    work()
    assert set(vectors_of(made)) == set(vectors_of(serving_generation()))
