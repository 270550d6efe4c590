"""The filling of a generation in a process of its own, killed with -9 again and again."""

import random
import subprocess
import sys
import time

import numpy as np
import pytest
from django.conf import settings
from django.db import connection

from ingestion import generations, ledger
from ingestion.models import IngestionJob
from retrieval.generations import ensure_first_generation
from retrieval.models import Chunk, Generation
from tests import factories
from tests.fakes.embedding_server import FakeEmbeddings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.worker,
    pytest.mark.timeout(240),
    pytest.mark.django_db(transaction=True),
]

_DOCUMENTS, _PASSAGES = 6, 200
_KILLS = 4
_SEED = 20
_WORKER = """
import django
django.setup()
from ingestion import ledger, pipeline
ledger.release_lost_claims()
print("ready", flush=True)
while pipeline.work_on_next():
    pass
"""


def test_kills_in_the_middle_lose_and_double_nothing(process_env: dict[str, str]) -> None:
    ensure_first_generation()
    plans = factories.collection()
    for number in range(_DOCUMENTS):
        passages = [f"Crate {place} of site {number} holds {place * 7} parts." for place in range(_PASSAGES)]
        factories.searchable_document(plans, passages=passages)
    env = process_env | {"VAR_DIR": str(settings.VAR_DIR), "JOB_LEASE_SECONDS": "4"}
    with FakeEmbeddings(delay=0.02).running() as server:
        made = generations.add_generation(model="fake", base_url=server.base_url, max_tokens=4000)
        kills = _fill_with_kills(made, env)
        assert kills >= _KILLS / 2, "the machine was too quick for the kills"
        job = made.jobs.get()
        assert (job.state, job.losses) == ("filled", kills), job.message
        assert Generation.objects.get(pk=made.pk).state == Generation.State.READY
        rows = _vectors(made)
        assert len(rows) == len({key for key, _ in rows}) == Chunk.objects.count() == _DOCUMENTS * _PASSAGES
        texts = {(one.collection_id, one.version_id, one.ordinal): one for one in Chunk.objects.all()}
        for key, vector in rows:
            text = f"{texts[key].context}\n{texts[key].text}"
            assert float(np.dot(vector, server.vector(text))) > 0.999, text
        assert generations.flip_to(generation=made).state == Generation.State.SERVING


def _vectors(generation: Generation) -> list[tuple[tuple[int, int, int], list[float]]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT collection_id, version_id, ordinal, embedding::text FROM retrieval_vector"
            " WHERE generation_id = %s",
            [generation.pk],
        )
        return [
            ((a, b, c), [float(one) for one in text[1:-1].split(",")]) for a, b, c, text in cursor.fetchall()
        ]


def _filled(generation: Generation) -> int:
    return int(Generation.objects.get(pk=generation.pk).filled)


def _fill_with_kills(generation: Generation, env: dict[str, str]) -> int:
    """Run the worker until the fill has ended, killing it between and in batches; return how often."""
    chance, kills = random.Random(_SEED), 0  # noqa: S311 - repeatable, not secret
    while IngestionJob.objects.filter(generation=generation, state__in=ledger.OPEN).exists():
        wanted = _filled(generation) + chance.randint(1, _DOCUMENTS * _PASSAGES // (2 * _KILLS))
        worker = subprocess.Popen(
            [sys.executable, "-c", _WORKER], cwd=settings.BASE_DIR, env=env, stdout=subprocess.PIPE
        )
        assert worker.stdout
        worker.stdout.readline()
        while worker.poll() is None and (kills >= _KILLS or _filled(generation) < wanted):
            time.sleep(0.002)
        time.sleep(chance.random() * 0.1)
        if worker.poll() is None:
            worker.kill()
            kills += 1
        worker.wait()
        worker.stdout.close()
    return kills
