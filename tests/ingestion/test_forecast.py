"""Fair places in a queue of ten thousand, and estimates from what was measured."""

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from ingestion import ledger
from ingestion.forecast import forecast, seconds_until_done
from ingestion.ledger import Stage
from ingestion.models import IngestionJob, WorkerPulse
from ingestion.states import in_words
from ingestion.workers import alive_workers, beat
from retrieval.models import Collection, Document, DocumentVersion
from tests import factories

pytestmark = pytest.mark.django_db

IMPORT = 10_000


def queue_many(collection: Collection, count: int, *, size: int = 1000, start: int = 0) -> None:
    """Write queued uploads in bulk, as an import leaves them."""
    names = [f"{number}.txt" for number in range(start, start + count)]
    documents = Document.objects.bulk_create(
        [Document(collection=collection, name=name, title=name) for name in names]
    )
    versions = DocumentVersion.objects.bulk_create(
        [
            DocumentVersion(document=one, number=1, sha256="0" * 64, size=size, media_type="text/plain")
            for one in documents
        ]
    )
    IngestionJob.objects.bulk_create([IngestionJob(version=version) for version in versions])


def job_of(document: Document) -> IngestionJob:
    return IngestionJob.objects.get(version__document=document)


def finished(collection: Collection, seconds: dict[str, float], *, size: int = 1000) -> None:
    document = factories.waiting_document(collection)
    document.versions.update(size=size)
    IngestionJob.objects.filter(version__document=document).update(
        state="indexed", stage="done", finished_at=timezone.now(), stage_seconds=seconds
    )


@pytest.mark.django_db(transaction=True)  # or ten thousand dead rows slow down every test after it
def test_an_import_of_ten_thousand_does_not_starve_a_single_upload() -> None:
    large, small = factories.collection("Large"), factories.collection("Small")
    queue_many(large, 50)
    IngestionJob.objects.update(state="indexed")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # all that the planner knows for the first minute of the import
    queue_many(large, IMPORT, start=50)
    first = ledger.claim_next()
    assert first is not None
    urgent = job_of(factories.waiting_document(small, name="urgent.txt"))
    began = time.perf_counter()
    assert forecast(IngestionJob.objects.filter(pk=urgent.pk))[urgent.pk].place == 1
    second = ledger.claim_next()
    took = time.perf_counter() - began
    assert second is not None
    assert second.job_id == str(urgent.pk)
    assert took < 2, "a forecast and a claim out of ten thousand take a moment"


def test_places_go_round_the_collections_and_add_up() -> None:
    large, small = factories.collection("Large"), factories.collection("Small")
    queue_many(large, 5)
    queue_many(small, 2)
    told = forecast(IngestionJob.objects.all())
    places = {
        name: sorted(told[job.pk].place or 0 for job in _jobs_of(one))
        for name, one in (("large", large), ("small", small))
    }
    assert places == {"large": [1, 3, 5, 6, 7], "small": [2, 4]}


def _jobs_of(collection: Collection) -> list[IngestionJob]:
    return list(IngestionJob.objects.filter(version__document__collection=collection))


def test_the_order_of_the_places_is_the_order_of_the_claims() -> None:
    collections = [factories.collection() for _ in range(3)]
    for count, collection in zip((4, 2, 1), collections, strict=True):
        queue_many(collection, count)
    told = forecast(IngestionJob.objects.all())
    expected = [str(pk) for pk, _ in sorted(told.items(), key=lambda item: item[1].place or 0)]
    claimed = []
    while (claim := ledger.claim_next()) is not None:
        claimed.append(claim.job_id)
    assert claimed == expected


def test_without_anything_measured_there_is_no_estimate() -> None:
    beat(threads=2)
    document = factories.waiting_document(factories.collection())
    told = forecast(IngestionJob.objects.all())[job_of(document).pk]
    assert (told.place, told.seconds) == (1, None)


def test_without_a_worker_there_is_no_estimate() -> None:
    plans = factories.collection()
    finished(plans, {"parsing": 1.0, "embedding": 1.0})
    document = factories.waiting_document(plans)
    assert forecast(IngestionJob.objects.filter(state="queued"))[job_of(document).pk].seconds is None
    beat(threads=2)
    assert forecast(IngestionJob.objects.filter(state="queued"))[job_of(document).pk].seconds is not None


def test_estimates_follow_type_size_and_the_threads_that_live() -> None:
    plans = factories.collection()
    for _ in range(3):
        finished(plans, {"parsing": 1.0, "embedding": 3.0}, size=1000)
        finished(plans, {"parsing": 10.0, "embedding": 30.0}, size=1_000_000)
    queue_many(plans, 10, size=1000)
    queue_many(factories.collection(), 1, size=1_000_000)
    beat(threads=2)
    assert seconds_until_done(IngestionJob.objects.all()) == pytest.approx((10 * 4 + 40) / 2)
    WorkerPulse.objects.update(threads=4)
    assert seconds_until_done(IngestionJob.objects.all()) == pytest.approx((10 * 4 + 40) / 4)


def test_a_job_in_work_is_judged_by_its_own_progress() -> None:
    plans = factories.collection()
    finished(plans, {"parsing": 1.0, "embedding": 3.0})
    factories.waiting_document(plans)
    beat(threads=1)
    claim = ledger.claim_next()
    assert claim is not None
    ledger.report(claim, stage=Stage.EMBEDDING, done=25, total=100)
    IngestionJob.objects.filter(pk=claim.job_id).update(stage_began_at=timezone.now() - timedelta(seconds=50))
    told = forecast(IngestionJob.objects.filter(pk=claim.job_id))
    (only,) = told.values()
    assert only.place is None
    assert only.seconds == pytest.approx(150, rel=0.02)


def test_each_stage_leaves_its_time_in_the_row() -> None:
    factories.waiting_document(factories.collection())
    claim = ledger.claim_next()
    assert claim is not None
    for stage in (Stage.PARSING, Stage.EMBEDDING):
        ledger.report(claim, stage=stage, done=0, total=2)
        back = timezone.now() - timedelta(seconds=4)
        IngestionJob.objects.filter(pk=claim.job_id).update(stage_began_at=back)
    ledger.finish(claim, state=ledger.State.INDEXED)
    job = IngestionJob.objects.get(pk=claim.job_id)
    assert set(job.stage_seconds) == {"parsing", "embedding"}
    assert job.stage_seconds["parsing"] == pytest.approx(4, abs=0.5)
    assert job.stage_seconds["embedding"] == pytest.approx(4, abs=0.5)


def test_dead_workers_of_this_machine_are_forgotten() -> None:
    host = ledger.worker_name().rpartition(":")[0]
    WorkerPulse.objects.create(name=f"{host}:999999999", threads=2)
    WorkerPulse.objects.create(name="elsewhere:1", threads=2)
    WorkerPulse.objects.create(name="silent:1", threads=2, beat_at=timezone.now() - timedelta(minutes=1))
    beat(threads=2)
    assert [worker.name for worker in alive_workers()] == sorted([ledger.worker_name(), "elsewhere:1"])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (2, "a few seconds"),
        (23, "about 25 seconds"),
        (90, "about 1.5 minutes"),
        (60, "about 1 minute"),
        (900, "about 15 minutes"),
        (9000, "about 2.5 hours"),
    ],
)
def test_times_are_told_no_more_exactly_than_they_are_known(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
