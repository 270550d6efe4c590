"""A library that grows in a running portal: whole shelves written at once, the vectors' index built after.

Inserting into an HNSW index costs more than everything else about a passage. So it is dropped while the
library grows, and built anew at the end, as a restore of a backup does. Rows are those that publishing one
document after another leaves once its posting lists are merged, but for suggestions as one types.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.tools import stack
from bench.tools.stack import Stack

if TYPE_CHECKING:
    from retrieval.models import Collection, Document, DocumentVersion

USERS = 20
SHELF = "Shelf"
MOST_SHELVES = 200
_CHUNKS_A_DOCUMENT = 20
_DOCUMENTS_A_SHELF = 25  # until there are as many shelves as there may be
_AT_ONCE = 100  # documents
_WRITERS = 2
_WAITING = 4
_MEMORY = "3GB"  # for a million vectors and their graph
_INDEXES = """
SELECT pg_get_indexdef(index.indexrelid), index.indexrelid::regclass::text
FROM pg_index AS index JOIN pg_class AS class ON class.oid = index.indexrelid
JOIN pg_am AS method ON method.oid = class.relam
WHERE method.amname = 'hnsw'
"""
_VECTORS = "COPY retrieval_vector (generation_id, collection_id, version_id, ordinal, embedding) FROM STDIN"


@dataclass(frozen=True, slots=True)
class _Batch:
    """Documents for the collection with this key, each by its number, texts and vectors."""

    collection_id: int
    documents: Sequence[tuple[int, Sequence[str], NDArray[np.float32]]]


class Library:
    """Up to 200 collections, which a team of twenty reads. `size` counts the passages."""

    def __init__(self, portal: Stack, texts: Sequence[str], vectors: NDArray[np.float32]) -> None:
        self._portal, self._texts, self._vectors = portal, texts, vectors
        self._dropped: list[str] = []
        self.size = 0
        self.tokens = _make_people()

    def grow(self, size: int, *, index_above: int) -> None:
        """Write passages until there are `size`; with more than `index_above`, build the index.

        Posting lists are merged as some minutes of beat leave them, and tables as autovacuum does.
        """
        from retrieval.segments import merge_segments

        self._drop_indexes()
        with ProcessPoolExecutor(
            _WRITERS, get_context("spawn"), initializer=begin, initargs=(dict(self._portal.environment),)
        ) as writers:
            waiting: list[Future[None]] = []
            for batch in self._batches(size):
                waiting.append(writers.submit(_write, batch))
                if len(waiting) > _WAITING:
                    waiting.pop(0).result()
            for one in waiting:
                one.result()
        while merge_segments(seconds=60):
            pass
        self.size = size
        self._settle(with_index=size > index_above)

    def _batches(self, size: int) -> Iterator[_Batch]:
        on_shelf: dict[int, list[int]] = {}
        for first in range(self.size, size, _CHUNKS_A_DOCUMENT):
            number = first // _CHUNKS_A_DOCUMENT
            is_early = number < MOST_SHELVES * _DOCUMENTS_A_SHELF
            shelf = number // _DOCUMENTS_A_SHELF if is_early else number % MOST_SHELVES
            on_shelf.setdefault(shelf, []).append(first)
        for shelf, firsts in on_shelf.items():
            collection_id, left = _collection(shelf), iter(firsts)
            while some := list(islice(left, _AT_ONCE)):
                yield _Batch(collection_id, [self._document(first, size) for first in some])

    def _document(self, first: int, size: int) -> tuple[int, Sequence[str], NDArray[np.float32]]:
        part = slice(first, min(first + _CHUNKS_A_DOCUMENT, size))
        return first // _CHUNKS_A_DOCUMENT, self._texts[part], self._vectors[part]

    def _drop_indexes(self) -> None:
        with stack.connect(self._portal) as connection:
            for definition, name in connection.execute(_INDEXES).fetchall():
                self._dropped.append(str(definition))
                connection.execute(f"DROP INDEX {name}".encode())

    def _settle(self, *, with_index: bool) -> None:
        with stack.connect(self._portal) as connection:
            if with_index:
                connection.execute(f"SET maintenance_work_mem = '{_MEMORY}'".encode())
                while self._dropped:
                    connection.execute(self._dropped.pop().encode())
            connection.execute("VACUUM ANALYZE")


def _make_people() -> list[str]:
    """Return the API tokens of twenty people who read everything."""
    from portal.accounts.models import ApiToken, Membership, Team, User
    from portal.accounts.tokens import create_token

    team = Team.objects.create(name="Readers", slug="readers")
    tokens = []
    for number in range(USERS):
        reader = User.objects.create_user(email=f"reader{number}@example.com")
        Membership.objects.create(team=team, user=reader, role=Membership.Role.MANAGER)
        tokens.append(create_token(user=reader, name="bench", scopes=[ApiToken.Scope.READ], days=1)[1])
    return tokens


def _collection(number: int) -> int:
    from portal.accounts.models import Team, User
    from retrieval.collections import create_collection
    from retrieval.models import Collection

    title = f"{SHELF} {number}"
    found = Collection.objects.filter(title=title).first()
    if found is None:
        user = User.objects.get(email="reader0@example.com")
        found = create_collection(user=user, title=title, owner_team=Team.objects.get(slug="readers"))
    return found.pk


def begin(environment: Mapping[str, str]) -> None:
    """Let a process that has just begun use a portal."""
    os.environ |= environment
    import django

    django.setup()


def _write(batch: _Batch) -> None:
    """Write all that search reads of some documents, and one segment of all of them."""
    from django.db import transaction

    from retrieval.analysis import analyse
    from retrieval.models import Collection
    from retrieval.postings import blocks_of
    from retrieval.segments import open_segment, write_blocks

    collection = Collection.objects.get(pk=batch.collection_id)
    analysed = [[analyse(text, collection.language) for text in texts] for _, texts, _ in batch.documents]
    with transaction.atomic():
        versions = _write_documents(collection, batch, analysed)
        _write_passages(collection, batch, versions)
        places, at = {}, 0
        for version in versions:
            places[version.pk], at = at, at + version.chunk_count
        segment = open_segment(collection=collection, versions=places, places=at)
        every = (terms for of_one in analysed for terms in of_one)
        write_blocks(segment, blocks_of(list(enumerate(every))))


def _write_documents(
    collection: "Collection", batch: _Batch, analysed: Sequence[Sequence[Sequence[str]]]
) -> "list[DocumentVersion]":
    from ingestion.models import IngestionJob
    from retrieval.models import Document, DocumentVersion

    documents = Document.objects.bulk_create(
        Document(collection=collection, name=f"volume-{number}.txt", title=f"volume-{number}.txt")
        for number, *_ in batch.documents
    )
    versions = DocumentVersion.objects.bulk_create(
        _version(document, of_one) for document, of_one in zip(documents, analysed, strict=True)
    )
    for document, version in zip(documents, versions, strict=True):
        document.current_version = version
    Document.objects.bulk_update(documents, ["current_version"])
    IngestionJob.objects.bulk_create(
        IngestionJob(version=version, state="indexed", stage="done", attempts=1) for version in versions
    )
    return versions


def _version(document: "Document", analysed: Sequence[Sequence[str]]) -> "DocumentVersion":
    from retrieval.models import DocumentVersion

    return DocumentVersion(
        document=document,
        number=1,
        sha256="0" * 64,
        size=1,
        media_type="text/plain",
        chunk_count=len(analysed),
        term_count=sum(map(len, analysed)),
    )


def _write_passages(collection: "Collection", batch: _Batch, versions: "Sequence[DocumentVersion]") -> None:
    from django.db import connection

    from bench.tools.library import chunks_of
    from retrieval.generations import serving_generation
    from retrieval.indexing import vector_literal
    from retrieval.models import Chunk, DocumentText

    every = [chunks_of(texts) for _, texts, _ in batch.documents]
    DocumentText.objects.bulk_create(
        DocumentText(
            version=version,
            text="\n\n".join(chunk.text for chunk in chunks),
            blocks=[("paragraph", chunk.start, chunk.end, 0) for chunk in chunks],
        )
        for version, chunks in zip(versions, every, strict=True)
    )
    Chunk.objects.bulk_create(
        Chunk(collection=collection, version=version, **asdict(chunk))
        for version, chunks in zip(versions, every, strict=True)
        for chunk in chunks
    )
    generation = serving_generation()
    with connection.cursor() as cursor, cursor.cursor.copy(_VECTORS) as copy:
        for version, (_, _, vectors) in zip(versions, batch.documents, strict=True):
            for ordinal, vector in enumerate(vectors):
                copy.write_row((generation.pk, collection.pk, version.pk, ordinal, vector_literal(vector)))
