"""The short form of bench/torture.py: kill -9 of every part while small documents are read."""

import shutil
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction

from bench.tools import audit
from bench.torture import BROKER_VICTIMS, VICTIMS, torture, torture_uploads
from ingestion.documents import add_document
from ingestion.pipeline import work_on_next
from retrieval.generations import ensure_first_generation
from tests import factories

pytestmark = [pytest.mark.slow, pytest.mark.torture, pytest.mark.worker, pytest.mark.timeout(600)]
_FILES = 9
_RESUMED_WITHIN = 60.0
_SENTENCE = (
    "Site {site} stores {count} crates of part {part}, checked by its keeper on day {day} of the quarter."
)


def _write_corpus(root: Path) -> Path:
    """Return a folder with two folders of PDFs, some seconds of work in all."""
    for site, name in enumerate(("north", "south")):
        (root / name).mkdir(parents=True)
        for number in range(_FILES):
            pages = [_page(site, 100 * number + page) for page in range(2 + number)]
            (root / name / f"stock-{number}.pdf").write_bytes(factories.pdf(*pages))
    return root


def _page(site: int, start: int) -> str:
    rows = range(start * 40, start * 40 + 40)
    return "\n".join(_SENTENCE.format(site=site, count=row * 7, part=row, day=row % 90) for row in rows)


def test_every_document_is_indexed_exactly_once_after_five_kills(tmp_path: Path) -> None:
    report = torture(
        _write_corpus(tmp_path / "corpus"), rounds=5, seed=20, JOB_LEASE_SECONDS="6", SWEEP_SECONDS="2"
    )
    assert report.faults == []
    assert {one.victim for one in report.rounds} == set(VICTIMS[:5])
    assert all(one.resumed_after is not None for one in report.rounds)
    assert report.chunks > 2 * _FILES


def test_uploads_over_http_are_kept_while_every_part_is_killed() -> None:
    report = torture_uploads(
        16, rounds=8, seed=20, with_redis=False, JOB_LEASE_SECONDS="6", SWEEP_SECONDS="2"
    )
    assert report.faults == []
    assert {one.victim for one in report.rounds} == set(VICTIMS)
    assert report.resumed_p95 <= _RESUMED_WITHIN


def test_a_redis_that_is_emptied_and_killed_loses_nothing() -> None:
    if shutil.which("redis-server") is None:
        pytest.skip("needs redis-server: apt-get install redis-server")
    report = torture_uploads(12, rounds=4, seed=20, with_redis=True, SWEEP_SECONDS="2")
    assert report.faults == []
    assert {one.victim for one in report.rounds} == set(BROKER_VICTIMS)
    assert report.resumed_p95 <= _RESUMED_WITHIN


_DAMAGES = {
    "a chunk is gone": "DELETE FROM retrieval_chunk WHERE ordinal = 0",
    "a chunk is doubled": "CREATE TEMP TABLE doubled ON COMMIT DROP AS SELECT * FROM retrieval_chunk"
    " WHERE ordinal = 0; UPDATE doubled SET ordinal = 99; INSERT INTO retrieval_chunk TABLE doubled",
    "a chunk is another text": "UPDATE retrieval_chunk SET text = 'x' WHERE ordinal = 0",
    "a vector is gone": "DELETE FROM retrieval_vector WHERE ordinal = 0",
    "a posting is gone": "DELETE FROM retrieval_postingblock WHERE term = 'crate'",
    "a job is open": "UPDATE ingestion_ingestionjob SET state = 'queued'",
    "an old version is left": "UPDATE retrieval_document SET current_version_id = NULL",
}


@pytest.mark.django_db(transaction=True)
def test_the_audit_tells_every_damage() -> None:
    cast = factories.cast()
    cast.papers.documents.all().delete()
    ensure_first_generation()
    content = factories.upload("stock.pdf", factories.pdf(_page(0, 0), _page(0, 1)))
    add_document(user=cast.alice, collection=cast.papers, name="stock.pdf", content=content)
    assert work_on_next()
    assert _faults() == []
    for name, damage in _DAMAGES.items():
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(damage)
            assert _faults() != [], name
            transaction.set_rollback(True)


def _faults() -> list[str]:
    connection.ensure_connection()
    return audit.faults(connection.connection, blobs=settings.MEDIA_ROOT, documents=1)
