"""Filling a generation: the vectors that its model has not made yet, batch by batch, behind all other work.

Each batch is written in one transaction that checks the fencing number. What is written is never asked for
again, so a worker that dies loses one batch at most, and the next one goes on where that stood.
"""

import logging
import threading
import time
from collections.abc import Sequence

import numpy as np
from django.db import transaction
from django.db.models import Case, F, Value, When
from numpy.typing import NDArray

from ingestion import ledger
from ingestion.ledger import Claim, LeaseLostError, Stage
from ingestion.models import IngestionJob
from retrieval.filling import BEGIN, MissingChunk, count_missing, missing_chunks, store_vectors
from retrieval.generations import embedder_of, lock_generations, lock_publishing
from retrieval.models import Generation

log = logging.getLogger(__name__)

_BATCH = 64
_TURN_SECONDS = 60.0
_PAUSE_SECONDS = 0.2


def ask_for_fill(generation: Generation) -> None:
    """Queue a fill for a live generation that will not get the vectors of what is published.

    Call it in the publishing transaction, before anything is written: a generation that was ready is filling
    from there on, and whoever would flip to it waits for the end of that transaction.
    """
    ready, filling = Value(Generation.State.READY), Value(Generation.State.FILLING)
    Generation.objects.filter(pk=generation.pk).update(
        state=Case(When(state=ready, then=filling), default=F("state"))
    )
    ledger.open_fill(generation=generation)


def fill(claim: Claim, lost: threading.Event) -> None:
    """Embed what a generation lacks until nothing does, or this turn is over and others are let go first."""
    generation = Generation.objects.get(jobs__id=claim.job_id)
    model = embedder_of(generation)
    total, done, after = count_missing(generation), 0, BEGIN
    ends = time.monotonic() + _TURN_SECONDS
    ledger.report(claim, stage=Stage.FILLING, done=done, total=total)
    while True:
        if lost.is_set():
            raise LeaseLostError
        began = time.monotonic()
        batch = missing_chunks(generation=generation, after=after, limit=_BATCH)
        if batch:
            vectors = model.embed_in_parts([chunk.indexed_text for chunk in batch])
            done += _store(claim, generation, batch, vectors, began)
            after = batch[-1].key
            ledger.report(claim, stage=Stage.FILLING, done=done, total=max(total, done))
        elif _complete(claim, generation):
            return
        else:  # what was locked a moment ago, or came while we worked
            time.sleep(_PAUSE_SECONDS)
            after = BEGIN
        if time.monotonic() > ends or _others_wait():
            ledger.step_aside(claim)
            return


@transaction.atomic
def _store(
    claim: Claim,
    generation: Generation,
    batch: Sequence[MissingChunk],
    vectors: NDArray[np.float32],
    began: float,
) -> int:
    ledger.lock(claim)
    stored = store_vectors(generation=generation, chunks=batch, vectors=vectors)
    Generation.objects.filter(pk=generation.pk).update(
        filled=F("filled") + stored, fill_seconds=F("fill_seconds") + time.monotonic() - began
    )
    return stored


@transaction.atomic
def _complete(claim: Claim, generation: Generation) -> bool:
    """End the fill if nothing is missing, while nothing is being published."""
    lock_publishing(shared=False)
    lock_generations()
    ledger.lock(claim)
    if count_missing(generation):
        return False
    Generation.objects.filter(pk=generation.pk, state=Generation.State.FILLING).update(
        state=Generation.State.READY
    )
    ledger.finish(claim, state=ledger.State.FILLED)
    log.info("%s has the vectors of all passages", generation)
    return True


def _others_wait() -> bool:
    return ledger.due_jobs().exclude(generation__isnull=False).exists()


def newest_fills() -> dict[int, IngestionJob]:
    """Return the newest job of each generation that has had one."""
    newest = IngestionJob.objects.filter(generation__isnull=False).order_by("generation", "-created_at")
    return {job.generation_id: job for job in newest.distinct("generation") if job.generation_id is not None}
