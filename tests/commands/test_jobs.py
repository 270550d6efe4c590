import io
import uuid

import pytest
from django.core.management import CommandError, call_command

from ingestion.models import IngestionJob
from tests import factories
from tests.factories import Cast


@pytest.fixture
def cast(db: None) -> Cast:
    return factories.cast()


def _jobs(*arguments: str) -> str:
    out = io.StringIO()
    call_command("jobs", *arguments, stdout=out)
    return out.getvalue()


def test_list(cast: Cast) -> None:
    failed = factories.failed_document(cast.papers)
    lines = _jobs().splitlines()
    assert lines[0].split() == [
        "job", "document", "collection", "state", "stage", "age", "heartbeat", "attempts", "reason",
    ]  # fmt: skip
    assert lines[-1] == "2 of 2 jobs"
    line = next(line for line in lines if str(failed.pk) in line)
    assert line.split()[2:5] == ["blueprints", "failed", "waiting"]
    assert line.split()[-2:] == ["1", "encrypted"]


def test_the_list_names_no_documents(cast: Cast) -> None:
    assert "warranty" not in _jobs().lower()


def test_list_one_state(cast: Cast) -> None:
    factories.failed_document(cast.papers)
    assert _jobs("--state", "failed").splitlines()[-1] == "1 of 1 jobs"


def test_retry_one(cast: Cast) -> None:
    job = factories.failed_document(cast.papers).versions.get().jobs.get()
    _jobs("retry", str(job.pk))
    job.refresh_from_db()
    assert (job.state, job.attempts, job.reason) == ("queued", 0, "")


def test_retry_all_failed(cast: Cast) -> None:
    factories.failed_document(cast.papers)
    factories.waiting_document(cast.papers, job={"state": "quarantined"})
    factories.waiting_document(cast.papers, job={"state": "cancelled"})
    assert _jobs("retry", "--all-failed").splitlines()[-1] == "2 jobs"
    states = IngestionJob.objects.order_by("state").values_list("state", flat=True)
    assert list(states) == ["cancelled", "indexed", "queued", "queued"]


def test_retry_what_cannot_be_retried(cast: Cast) -> None:
    waiting = factories.waiting_document(cast.papers).versions.get().jobs.get()
    for arguments in ([str(uuid.uuid4())], [str(waiting.pk)], [], [str(waiting.pk), "--all-failed"]):
        with pytest.raises(CommandError):
            _jobs("retry", *arguments)


def test_list_one_collection(cast: Cast) -> None:
    factories.failed_document(factories.collection("Other"))
    assert _jobs("list", "--collection", "other").splitlines()[-1] == "1 of 1 jobs"


def test_show_one(cast: Cast) -> None:
    job = factories.failed_document(cast.papers).versions.get().jobs.get()
    job.stage_seconds = {"parsing": 1.25}
    job.save()
    told = _jobs("show", str(job.pk))
    for word in ("encrypted", "text/plain", "parsing 1.2 s", "The file is encrypted."):
        assert word in told


def test_retry_all_of_one_collection(cast: Cast) -> None:
    factories.failed_document(cast.papers)
    factories.failed_document(factories.collection("Other"))
    assert _jobs("retry", "--all", "--collection", "other").splitlines()[-1] == "1 jobs"


def test_cancel_and_reprocess(cast: Cast) -> None:
    waiting = factories.waiting_document(cast.papers).versions.get().jobs.get()
    read = cast.paper.versions.get().jobs.get()
    assert _jobs("cancel", str(waiting.pk), str(read.pk)).strip() == "1 of 2 jobs cancelled"
    _jobs("reprocess", str(read.pk))
    read.refresh_from_db()
    assert read.state == "queued"
    with pytest.raises(CommandError):
        _jobs("reprocess", str(read.pk))
    with pytest.raises(CommandError):
        _jobs("cancel")
