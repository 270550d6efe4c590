"""Whether an index holds every document exactly once and whole, read from the database with plain SQL."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import psycopg

from bench.tools import stack
from ingestion.chunking import split_into_chunks
from ingestion.parsing.sandbox import parse_file
from llm.embedding import Embedder, load_embedder
from retrieval.analysis import analyse
from retrieval.postings import entries_of

Connection: TypeAlias = "psycopg.Connection[Any]"

_DOCUMENTS = """
SELECT document.name, document.collection_id, version.id, version.sha256, version.chunk_count,
       (SELECT count(*) FROM retrieval_documentversion AS every WHERE every.document_id = document.id),
       (SELECT array_agg(job.state) FROM ingestion_ingestionjob AS job WHERE job.version_id = version.id),
       coalesce(document.current_version_id = version.id, false), text.text
FROM retrieval_document AS document
JOIN retrieval_documentversion AS version ON version.document_id = document.id
LEFT JOIN retrieval_documenttext AS text ON text.version_id = version.id
ORDER BY document.name
"""
_STRAYS = """
SELECT count(*) FROM {table} AS row WHERE NOT EXISTS (
    SELECT FROM retrieval_document AS document
    WHERE document.current_version_id = row.version_id AND document.collection_id = row.collection_id)
"""
_TABLES = ("retrieval_chunk", "retrieval_vector", "retrieval_word", "retrieval_phrase")
_STRAY_BLOCKS = """
SELECT count(*) FROM retrieval_postingblock AS block WHERE NOT EXISTS (
    SELECT FROM retrieval_documentversion AS version
    JOIN retrieval_document AS document ON document.current_version_id = version.id
    WHERE version.segment_id = block.segment_id AND document.collection_id = block.collection_id)
"""
_BLOCKS = """
SELECT block.term, block.entries, version.first_place, version.chunk_count
FROM retrieval_documentversion AS version
JOIN retrieval_postingblock AS block ON block.segment_id = version.segment_id AND block.collection_id = %s
WHERE version.id = %s
"""


@dataclass(frozen=True, slots=True)
class _Document:
    name: str
    collection_id: int
    version_id: int
    sha256: str
    chunk_count: int
    versions: int
    states: list[str]
    is_current: bool
    text: str | None


@dataclass(frozen=True, slots=True)
class _Chunk:
    ordinal: int
    start: int
    end: int
    text: str
    context: str


def faults(connection: Connection, *, blobs: Path, documents: int) -> list[str]:
    """Return everything that is wrong, in words; nothing is right when the list is empty.

    Each document must be indexed once, its chunks numbered without a gap, each the very characters that it
    names, all of the text in some chunk, a vector and exactly its postings for each; and the chunks must be
    those of a clean reading of the same bytes, done here.
    """
    rows = [_Document(*row) for row in connection.execute(_DOCUMENTS).fetchall()]
    found = [] if len(rows) == documents else [f"{len(rows)} versions of documents, expected {documents}"]
    counts = {table: _STRAYS.format(table=table) for table in _TABLES}
    for table, statement in (counts | {"retrieval_postingblock": _STRAY_BLOCKS}).items():
        (strays,) = connection.execute(statement).fetchone() or (0,)
        found += [f"{strays} rows of {table} belong to no document that is served"] if strays else []
    embedder = load_embedder(stack.EMBEDDING)
    for document in rows:
        told = list(_faults_of(connection, document, blobs, embedder))
        found += [f"{document.name}: {fault}" for fault in told]
    return found


def _faults_of(connection: Connection, document: _Document, blobs: Path, embedder: Embedder) -> Iterator[str]:
    if document.states != ["indexed"] or document.versions != 1 or not document.is_current:
        yield f"jobs {document.states}, {document.versions} versions, current: {document.is_current}"
        return
    chunks = _chunks(connection, document)
    text = document.text or ""
    yield from _wrong_spans(chunks, text, document.chunk_count)
    yield from _wrong_rows(connection, document, chunks)
    clean = _clean_chunks(document, blobs, embedder)
    if [(c.start, c.end, _digest(c.text)) for c in chunks] != clean:
        yield f"{len(chunks)} chunks differ from the {len(clean)} of a clean reading"


def _chunks(connection: Connection, document: _Document) -> list[_Chunk]:
    rows = connection.execute(
        'SELECT ordinal, start, "end", text, context FROM retrieval_chunk'
        " WHERE collection_id = %s AND version_id = %s ORDER BY ordinal",
        [document.collection_id, document.version_id],
    )
    return [_Chunk(*row) for row in rows.fetchall()]


def _wrong_spans(chunks: list[_Chunk], text: str, count: int) -> Iterator[str]:
    if [chunk.ordinal for chunk in chunks] != list(range(count)):
        yield f"ordinals of {len(chunks)} chunks, expected 0 to {count - 1}"
    if any(chunk.text != text[chunk.start : chunk.end] for chunk in chunks):
        yield "a chunk is not the text that it names"
    covered = bytearray(len(text))
    for chunk in chunks:
        covered[chunk.start : chunk.end] = b"\1" * (chunk.end - chunk.start)
    missing = sum(not is_in and not text[at].isspace() for at, is_in in enumerate(covered))
    if missing:
        yield f"{missing} characters are in no chunk"


def _wrong_rows(connection: Connection, document: _Document, chunks: list[_Chunk]) -> Iterator[str]:
    key = [document.collection_id, document.version_id]
    where = "WHERE collection_id = %s AND version_id = %s"
    vectors = connection.execute(
        f"SELECT ordinal, l2_norm(embedding) FROM retrieval_vector {where} ORDER BY ordinal",  # noqa: S608 - constants
        key,
    ).fetchall()
    if [row[0] for row in vectors] != [chunk.ordinal for chunk in chunks]:
        yield f"{len(vectors)} vectors for {len(chunks)} chunks"
    if any(abs(norm - 1) > 0.01 for _, norm in vectors):  # noqa: PLR2004 - a half float's rounding
        yield "a vector is not of unit length"
    found = [
        (int(entry["place"]) - first, term, int(entry["frequency"]))
        for term, entries, first, passages in connection.execute(_BLOCKS, key).fetchall()
        for entry in entries_of(entries)
        if first <= entry["place"] < first + passages  # the others are of other documents
    ]
    expected = {
        (chunk.ordinal, term, frequency)
        for chunk in chunks
        for term, frequency in Counter(analyse(_indexed(chunk), "en")).items()
    }
    if len(found) != len(expected) or set(found) != expected:
        yield f"{len(found)} postings, expected {len(expected)}"


def _indexed(chunk: _Chunk) -> str:
    return f"{chunk.context}\n{chunk.text}" if chunk.context else chunk.text


def _clean_chunks(document: _Document, blobs: Path, embedder: Embedder) -> list[tuple[int, int, str]]:
    parsed = parse_file(blobs / document.sha256[:2] / document.sha256, name=document.name)
    chunks = split_into_chunks(
        parsed, token_spans=embedder.token_spans, max_tokens=embedder.max_tokens, name=document.name
    )
    return [(chunk.start, chunk.end, _digest(chunk.text)) for chunk in chunks]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
