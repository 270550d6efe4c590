"""Putting a version into the index, and taking it out: always whole, in the caller's transaction."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection
from django.utils import timezone
from numpy.typing import NDArray
from psycopg import Cursor
from psycopg.types.json import Json

from retrieval.analysis import analyse
from retrieval.authors import author_fields
from retrieval.models import (
    Chunk,
    Collection,
    Document,
    DocumentText,
    DocumentVersion,
    Generation,
    Page,
    Phrase,
    Word,
)
from retrieval.postings import blocks_of
from retrieval.segments import leave_segment, open_segment, write_blocks
from retrieval.vocabulary import phrases_of, words_of


@dataclass(frozen=True, slots=True)
class NewChunk:
    """A passage to index; `text` is `start:end` of the version's text, `context` is indexed, not quoted."""

    ordinal: int
    text: str
    context: str
    heading_path: tuple[str, ...]
    page: int | None
    last_page: int | None
    start: int
    end: int
    tokens: int

    @property
    def indexed_text(self) -> str:
        """What is embedded and analysed."""
        return f"{self.context}\n{self.text}" if self.context else self.text


@dataclass(frozen=True, slots=True)
class NewPage:
    """A page to store; `lines` are (start, end, x0, y0, x1, y1) with boxes as fractions of the page."""

    number: int
    label: str
    width: float
    height: float
    start: int
    end: int
    lines: tuple[tuple[int, int, float, float, float, float], ...]


@dataclass(frozen=True, slots=True)
class NewIndex:
    """Everything that makes a version searchable. `vectors` has shape (chunks, dimension), unit length."""

    text: str
    blocks: list[tuple[str, int, int, int]]
    pages: Sequence[NewPage]
    chunks: Sequence[NewChunk]
    vectors: NDArray[np.float32]
    title: str
    parser: str
    parser_version: str
    warnings: Sequence[str]
    metadata: dict[str, str]


def publish_version(
    *,
    version: DocumentVersion,
    index: NewIndex,
    generation: Generation,
    others: Mapping[int, NDArray[np.float32]] | None = None,
) -> bool:
    """Make a version the one that is searched, in place of the one before, and return whether it is.

    The vectors of the index are those of `generation`; `others` are those of further generations, by their
    keys. A version older than the serving one, or of a deleted document, is stored but not served. Call it
    inside a transaction: readers see the old version or the new one, whole.
    """
    document = Document.objects.select_for_update().get(pk=version.document_id)
    serving = document.current_version
    version.document = document  # as it is now: it may have moved to another collection meanwhile
    clear_index(version=version)
    _store_text(version, index)
    serves = document.deleted_at is None and (serving is None or serving.number <= version.number)
    if serves:
        if serving is not None and serving.pk != version.pk:
            clear_index(version=serving)
        terms = _write_rows(document, version, index, {generation.pk: index.vectors, **(others or {})})
        _point_to(document, version, index, terms)
    return serves


def clear_index(*, version: DocumentVersion) -> None:
    """Remove what is indexed of a version; its text and pages stay readable.

    What merged posting lists have of it is not found any more, and dropped when they are merged again.
    """
    collection_id = version.document.collection_id
    leave_segment(version)
    Chunk.objects.filter(collection_id=collection_id, version_id=version.pk).delete()
    for rows in (Word, Phrase):
        rows.objects.filter(collection_id=collection_id, version_id=version.pk).delete()
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM retrieval_vector WHERE collection_id = %s AND version_id = %s",
            [collection_id, version.pk],
        )


def move_index(*, version: DocumentVersion, source: Collection, target: Collection) -> None:
    """Take all that is indexed of a version over into another collection.

    Call it inside a transaction. Keys begin with the collection. Words are analysed anew, in the language of
    the other one: their postings may stand in lists that are shared with other documents of the first.
    """
    for table in _KEYED:
        _rekey(table, version, source, target)
    _analyse_again(version, target)


_KEYED = ("retrieval_chunk", "retrieval_vector", "retrieval_word", "retrieval_phrase")


def _rekey(table: str, version: DocumentVersion, source: Collection, target: Collection) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET collection_id = %s WHERE collection_id = %s AND version_id = %s",  # noqa: S608 - constants
            [target.pk, source.pk, version.pk],
        )


def _analyse_again(version: DocumentVersion, collection: Collection) -> None:
    key = (collection.pk, version.pk)
    chunks = [
        _as_new(chunk)
        for chunk in Chunk.objects.filter(collection_id=key[0], version_id=key[1]).order_by("ordinal")
    ]
    analysed = [analyse(chunk.indexed_text, collection.language) for chunk in chunks]
    leave_segment(version)
    _write_postings(version, collection, analysed)
    DocumentVersion.objects.filter(pk=version.pk).update(term_count=sum(map(len, analysed)))


def _as_new(chunk: Chunk) -> NewChunk:
    return NewChunk(
        ordinal=chunk.ordinal,
        text=chunk.text,
        context=chunk.context,
        heading_path=tuple(chunk.heading_path),
        page=chunk.page,
        last_page=chunk.last_page,
        start=chunk.start,
        end=chunk.end,
        tokens=chunk.tokens,
    )


def _store_text(version: DocumentVersion, index: NewIndex) -> None:
    DocumentText.objects.update_or_create(
        version=version, defaults={"text": index.text, "blocks": index.blocks}
    )
    Page.objects.filter(version=version).delete()
    Page.objects.bulk_create(
        [
            Page(
                version=version,
                number=page.number,
                label=page.label[:120],
                width=page.width,
                height=page.height,
                start=page.start,
                end=page.end,
                lines=page.lines,
            )
            for page in index.pages
        ],
        batch_size=200,
    )


def _write_rows(
    document: Document,
    version: DocumentVersion,
    index: NewIndex,
    vectors: Mapping[int, NDArray[np.float32]],
) -> int:
    """Write all that is indexed of a version, and return the number of terms in its chunks."""
    key = (document.collection_id, version.pk)
    analysed = [analyse(chunk.indexed_text, document.collection.language) for chunk in index.chunks]
    with connection.cursor() as cursor:
        raw: Cursor[tuple[object, ...]] = cursor.cursor
        _copy(raw, _CHUNK_COPY, _chunk_rows(key, index.chunks))
        for generation_id, of_one in vectors.items():
            _copy(raw, _VECTOR_COPY, _vector_rows(generation_id, key, index.chunks, of_one))
        _copy(raw, _WORD_COPY, _word_rows(key, index.chunks, document.collection.language))
        _copy(raw, _PHRASE_COPY, _phrase_rows(key, _title(document, index), index))
    _write_postings(version, document.collection, analysed)
    return sum(map(len, analysed))


def _write_postings(version: DocumentVersion, collection: Collection, analysed: Sequence[list[str]]) -> None:
    """Write the terms of the passages of a version, in the order of their ordinals."""
    if analysed:
        segment = open_segment(collection=collection, versions={version.pk: 0}, places=len(analysed))
        write_blocks(segment, blocks_of(list(enumerate(analysed))))


def _copy(cursor: Cursor[tuple[object, ...]], statement: str, rows: Iterator[tuple[object, ...]]) -> None:
    with cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


_CHUNK_COPY = (
    "COPY retrieval_chunk (collection_id, version_id, ordinal, text, context, heading_path, page, last_page,"
    ' "start", "end", tokens) FROM STDIN'
)
_VECTOR_COPY = (
    "COPY retrieval_vector (generation_id, collection_id, version_id, ordinal, embedding) FROM STDIN"
)
_WORD_COPY = "COPY retrieval_word (collection_id, version_id, key, text) FROM STDIN"
_PHRASE_COPY = "COPY retrieval_phrase (collection_id, version_id, kind, number, place, key, text) FROM STDIN"


def _chunk_rows(key: tuple[int, int], chunks: Sequence[NewChunk]) -> Iterator[tuple[object, ...]]:
    for chunk in chunks:
        yield (
            *key,
            chunk.ordinal,
            chunk.text,
            chunk.context,
            Json(chunk.heading_path),
            chunk.page,
            chunk.last_page,
            chunk.start,
            chunk.end,
            chunk.tokens,
        )


def _vector_rows(
    generation_id: int, key: tuple[int, int], chunks: Sequence[NewChunk], vectors: NDArray[np.float32]
) -> Iterator[tuple[object, ...]]:
    for chunk, vector in zip(chunks, vectors, strict=True):
        yield (generation_id, *key, chunk.ordinal, vector_literal(vector))


def _word_rows(
    key: tuple[int, int], chunks: Sequence[NewChunk], language: str
) -> Iterator[tuple[object, ...]]:
    for word, shown in words_of((chunk.text for chunk in chunks), language):
        yield (*key, word, shown if shown != word else "")


def _phrase_rows(key: tuple[int, int], title: str, index: NewIndex) -> Iterator[tuple[object, ...]]:
    for row in phrases_of(title, index.text, index.blocks):
        yield (*key, row.kind, row.number, row.place, row.key, row.text)


def vector_literal(vector: NDArray[np.float32]) -> str:
    """Return a vector as pgvector reads it; five digits are more than a half float holds."""
    return "[" + ",".join(f"{value:.5g}" for value in vector.tolist()) + "]"


def _point_to(document: Document, version: DocumentVersion, index: NewIndex, terms: int) -> None:
    now = timezone.now()
    DocumentVersion.objects.filter(pk=version.pk).update(
        parser=index.parser,
        parser_version=index.parser_version,
        page_count=len(index.pages),
        chunk_count=len(index.chunks),
        term_count=terms,
        warnings=list(index.warnings),
        metadata=index.metadata,
        indexed_at=now,
    )
    author = {} if document.author_is_set else author_fields(index.metadata.get("author", ""))
    Document.objects.filter(pk=document.pk).update(
        current_version=version, title=_title(document, index), updated_at=now, **author
    )


def _title(document: Document, index: NewIndex) -> str:
    return (index.title or document.name)[:500]
