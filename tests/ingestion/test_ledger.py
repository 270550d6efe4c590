"""The ledger: claims, fences, leases, attempts, losses, fairness, and doorbells that fail."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from kombu.exceptions import OperationalError
from pytest_django import DjangoCaptureOnCommitCallbacks
from sqlalchemy.exc import IntegrityError

from ingestion import bell, ledger, tasks
from ingestion.ledger import Claim, LeaseLostError, Stage, State
from ingestion.models import IngestionJob
from retrieval.models import Collection
from tests import factories

pytestmark = pytest.mark.django_db


def claim() -> Claim:
    made = ledger.claim_next()
    assert made is not None
    return made


def lapse() -> None:
    IngestionJob.objects.filter(state=State.WORKING).update(lease_expires_at=Now() - timedelta(seconds=1))


@pytest.fixture
def job() -> IngestionJob:
    return factories.waiting_document(factories.collection()).versions.get().jobs.get()


def test_a_claim_counts_the_attempt_before_any_work(job: IngestionJob) -> None:
    held = claim()
    job.refresh_from_db()
    assert (job.state, job.attempts, job.fence) == (State.WORKING, 1, held.fence)
    assert job.lease_expires_at is not None
    assert ledger.claim_next() is None


def test_a_lapsed_lease_is_claimed_again_and_the_old_claim_is_fenced_off(job: IngestionJob) -> None:
    old = claim()
    lapse()
    new = claim()
    assert new.fence > old.fence
    assert not ledger.renew(old)
    with pytest.raises(LeaseLostError):
        ledger.report(old, stage=Stage.PARSING, done=1, total=2)
    with pytest.raises(LeaseLostError):
        ledger.finish(old, state=State.INDEXED)
    ledger.finish(new, state=State.INDEXED)
    job.refresh_from_db()
    assert (job.state, job.losses) == (State.INDEXED, 1)


def test_three_failed_attempts_end_in_quarantine_with_the_reason(job: IngestionJob) -> None:
    for _ in range(3):
        IngestionJob.objects.update(due_at=Now())
        ledger.fail(claim(), reason="crashed", message="The parser crashed.", permanent=False)
    job.refresh_from_db()
    assert (job.state, job.reason, job.message) == (State.QUARANTINED, "crashed", "The parser crashed.")
    assert ledger.claim_next() is None


def test_a_permanent_failure_is_not_tried_again(job: IngestionJob) -> None:
    ledger.fail(claim(), reason="encrypted", message="It is encrypted.", permanent=True)
    job.refresh_from_db()
    assert (job.state, job.attempts) == (State.FAILED, 1)


def test_a_failed_attempt_waits_before_the_next(job: IngestionJob) -> None:
    ledger.fail(claim(), reason="crashed", message="x", permanent=False)
    assert ledger.claim_next() is None
    job.refresh_from_db()
    assert job.state == State.QUEUED


def test_a_worker_that_dies_again_and_again_costs_a_document_its_place(job: IngestionJob) -> None:
    for _ in range(ledger.MAX_LOSSES):
        claim()
        lapse()
    assert ledger.claim_next() is None
    job.refresh_from_db()
    assert job.state == State.QUARANTINED
    assert "10 times" in job.message


def test_a_lost_job_goes_behind_those_that_wait() -> None:
    plans = factories.collection()
    jobs = [factories.waiting_document(plans).versions.get().jobs.get() for _ in range(3)]
    first = claim()
    assert first.job_id == str(jobs[0].pk)
    lapse()
    order = [claim().job_id for _ in range(3)]
    assert order == [str(jobs[1].pk), str(jobs[2].pk), str(jobs[0].pk)]


def test_dead_workers_do_not_count_as_failed_attempts(job: IngestionJob) -> None:
    for _ in range(5):
        claim()
        lapse()
    ledger.fail(claim(), reason="crashed", message="x", permanent=False)
    job.refresh_from_db()
    assert job.state == State.QUEUED


def test_a_single_upload_goes_before_the_rest_of_a_large_import() -> None:
    large, small = factories.collection(), factories.collection()
    for number in range(5):
        factories.waiting_document(large, name=f"{number}.txt")
    claim()
    factories.waiting_document(small, name="urgent.txt")
    assert _collection_of(claim()) == small


def _collection_of(held: Claim) -> Collection:
    return Collection.objects.get(documents__versions__jobs__id=held.job_id)


def test_a_retry_starts_with_all_attempts(job: IngestionJob) -> None:
    ledger.fail(claim(), reason="damaged", message="x", permanent=True)
    job.refresh_from_db()
    ledger.reopen(jobs=IngestionJob.objects.filter(pk=job.pk))
    job.refresh_from_db()
    assert (job.state, job.attempts, job.message) == (State.QUEUED, 0, "")
    assert claim().attempt == 1


def test_claims_of_a_dead_process_of_this_machine_are_released(job: IngestionJob) -> None:
    claim()
    assert ledger.release_lost_claims() == 0
    host = ledger.worker_name().rpartition(":")[0]
    IngestionJob.objects.update(worker=f"{host}:999999999")
    assert ledger.release_lost_claims() == 1
    assert claim().attempt == 2


@pytest.mark.parametrize(
    "fault", [OperationalError("connection refused"), IntegrityError("CREATE TABLE", {}, Exception())]
)
def test_a_broker_that_is_away_does_not_break_an_upload(
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    fault: Exception,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr("celery.current_app.send_task", refuse)
    version = factories.document(factories.collection()).versions.get()
    with django_capture_on_commit_callbacks(execute=True):
        ledger.open_job(version=version)
    assert IngestionJob.objects.filter(state=State.QUEUED).count() == 1


def test_the_sweeper_rings_for_what_is_due(job: IngestionJob, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[int] = []
    monkeypatch.setattr(bell, "ring", rung.append)
    tasks.sweep()
    claim()
    tasks.sweep()
    lapse()
    tasks.sweep()
    assert rung == [1, 0, 1]
