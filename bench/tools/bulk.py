"""Publishing prepared chunks in bulk, beside writing the same rows one by one, in a bench's portal."""

import time
from collections.abc import Sequence

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from bench.tools.figures import say
from bench.tools.library import prepared_index
from ingestion.models import IngestionJob
from portal.accounts.models import Membership, Team, User
from retrieval.analysis import analyse
from retrieval.collections import create_collection
from retrieval.generations import serving_generation
from retrieval.indexing import NewChunk, publish_version, vector_literal
from retrieval.models import Chunk, Collection, Document, DocumentVersion, Generation, PostingBlock, Segment
from retrieval.postings import blocks_of
from retrieval.segments import open_segment

_A_DOCUMENT = 2_000
_SINGLE = 1_000


def compare(texts: Sequence[str]) -> dict[str, float]:
    """Return chunks per second, in bulk and one by one, into two collections of the same database."""
    team = Team.objects.create(name="Loaders", slug="loaders")
    user = User.objects.create_user(email="loader@example.com")
    Membership.objects.create(team=team, user=user, role=Membership.Role.MANAGER)
    generation = serving_generation()
    rng = np.random.default_rng(7)
    vectors = rng.standard_normal((len(texts), generation.dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    shelves = [create_collection(user=user, title=title, owner_team=team) for title in ("Single", "Bulk")]
    single = min(_SINGLE, len(texts))
    rates = {
        "single_chunks_per_s": single / _singly(shelves[0], texts[:single], vectors[:single], generation),
        "bulk_chunks_per_s": len(texts) / _in_bulk(shelves[1], texts, vectors, generation),
    }
    ratio = rates["bulk_chunks_per_s"] / rates["single_chunks_per_s"]
    return {name: round(rate, 1) for name, rate in rates.items()} | {"bulk_ratio": round(ratio, 1)}


def _in_bulk(
    shelf: Collection, texts: Sequence[str], vectors: NDArray[np.float32], generation: Generation
) -> float:
    began = time.perf_counter()
    for first in range(0, len(texts), _A_DOCUMENT):
        part = slice(first, first + _A_DOCUMENT)
        with transaction.atomic():
            version = _version(shelf, f"volume-{first}.txt")
            index = prepared_index(version.document.name, texts[part], vectors[part])
            publish_version(version=version, index=index, generation=generation)
        if first % (10 * _A_DOCUMENT) == 0:
            say(f"{first + len(texts[part]):>8} chunks after {time.perf_counter() - began:.0f} s")
    return time.perf_counter() - began


def _singly(
    shelf: Collection, texts: Sequence[str], vectors: NDArray[np.float32], generation: Generation
) -> float:
    """Write a chunk, its vector and its postings with one statement a row, and commit after each chunk."""
    version = _version(shelf, "single.txt")
    index = prepared_index("single.txt", texts, vectors)
    with transaction.atomic():
        segment = open_segment(collection=shelf, versions={version.pk: 0}, places=len(texts))
    began = time.perf_counter()
    for chunk, vector in zip(index.chunks, vectors, strict=True):
        with transaction.atomic():
            _write_one(segment, version, chunk, vector, generation)
    return time.perf_counter() - began


def _write_one(
    segment: Segment,
    version: DocumentVersion,
    chunk: NewChunk,
    vector: NDArray[np.float32],
    generation: Generation,
) -> None:
    shelf = segment.collection
    key = {"collection_id": shelf.pk, "version_id": version.pk, "ordinal": chunk.ordinal}
    Chunk.objects.create(
        **key,
        text=chunk.text,
        context=chunk.context,
        heading_path=list(chunk.heading_path),
        page=chunk.page,
        last_page=chunk.last_page,
        start=chunk.start,
        end=chunk.end,
        tokens=chunk.tokens,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO retrieval_vector (generation_id, collection_id, version_id, ordinal, embedding)"
            " VALUES (%s, %s, %s, %s, %s)",
            [generation.pk, shelf.pk, version.pk, chunk.ordinal, vector_literal(vector)],
        )
    terms = analyse(chunk.indexed_text, shelf.language)
    for term, first, entries in blocks_of([(chunk.ordinal, terms)]):
        PostingBlock.objects.create(
            collection_id=shelf.pk, segment_id=segment.pk, term=term, first=first, entries=entries
        )


def _version(shelf: Collection, name: str) -> DocumentVersion:
    document = Document.objects.create(collection=shelf, name=name, title=name)
    version = DocumentVersion.objects.create(
        document=document, number=1, sha256="0" * 64, size=1, media_type="text/plain"
    )
    IngestionJob.objects.create(version=version, state="indexed", stage="done", attempts=1)
    return version
