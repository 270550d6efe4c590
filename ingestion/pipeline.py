"""From a claimed job to a searchable version: parse, cut, embed, publish."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from django.conf import settings
from django.db import DatabaseError, transaction

from ingestion import ledger
from ingestion.children import ChildFile, check_family, keep_file, may_have_children, replace_children
from ingestion.chunking import Chunk, split_into_chunks
from ingestion.embedding import VectorsByGeneration, embed_for_all
from ingestion.filling import ask_for_fill, fill
from ingestion.heartbeat import keep_alive
from ingestion.ledger import Claim, LeaseLostError, Stage, State
from ingestion.models import IngestionJob
from ingestion.parsing.document import ParsedDocument
from ingestion.parsing.errors import ParseError, Reason
from ingestion.parsing.sandbox import Limits, parse_file
from ingestion.syncing import sync
from llm.errors import EmbeddingError
from retrieval.blobs import blob_path
from retrieval.generations import (
    NoGenerationError,
    embedder_of,
    live_generations,
    lock_publishing,
    serving_generation,
)
from retrieval.indexing import NewChunk, NewIndex, NewPage, publish_version
from retrieval.models import DocumentVersion

log = logging.getLogger(__name__)

_REPORT_EVERY_SECONDS = 0.5
_EMBEDDING_PAUSE = timedelta(seconds=30)


@dataclass(slots=True)
class _Progress:
    """Writes progress into the ledger, at most twice a second."""

    claim: Claim
    stage: Stage
    last: float = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self.last >= _REPORT_EVERY_SECONDS or done == total:
            self.last = now
            ledger.report(self.claim, stage=self.stage, done=done, total=total)


def limits() -> Limits:
    """Return the limits of a parse as the settings have them."""
    return Limits(
        cpu_seconds=settings.PARSE_CPU_SECONDS,
        wall_seconds=settings.PARSE_WALL_SECONDS,
        memory_bytes=settings.PARSE_MEMORY_MB << 20,
        file_bytes=settings.MAX_UPLOAD_MB << 20,
        max_pages=settings.PARSE_MAX_PAGES,
        zip_entries=settings.PARSE_MAX_ZIP_ENTRIES,
        zip_total_bytes=settings.PARSE_MAX_ZIP_MB << 20,
        zip_ratio=settings.PARSE_MAX_ZIP_RATIO,
        text_bytes=settings.PARSE_MAX_TEXT_MB << 20,
        table_cells=settings.PARSE_MAX_CELLS,
        table_columns=settings.PARSE_MAX_COLUMNS,
        image_pixels=settings.PARSE_MAX_MEGAPIXELS * 1_000_000,
        attachments=settings.PARSE_MAX_ATTACHMENTS,
        attachment_bytes=settings.PARSE_MAX_ATTACHMENT_MB << 20,
        temp_bytes=settings.PARSE_MAX_TEMP_MB << 20,
    )


def work_through(*, seconds: float) -> bool:
    """Work on due jobs one after the other, and begin none after so many seconds; False where none is left.

    Another message takes the broker up to a second, which is as long as many a document.
    """
    began = time.monotonic()
    while work_on_next():
        if time.monotonic() - began >= seconds:
            return True
    return False


def work_on_next() -> bool:
    """Work on the job that is due next, to its end or the end of this attempt; False where nothing is due."""
    claim = ledger.claim_next()
    if claim is None:
        return False
    with keep_alive(claim) as lost:
        try:
            _work(claim, lost)
        except LeaseLostError:
            log.info("job %s: the claim no longer holds", claim.job_id)
        except DatabaseError as error:
            log.warning("job %s: the database is away, its lease will lapse: %s", claim.job_id, error)
    return True


def _work(claim: Claim, lost: threading.Event) -> None:
    try:
        _WORK[claim.kind](claim, lost)
    except ParseError as error:
        _record_parse_error(claim, error)
    except EmbeddingError as error:
        _record_embedding_error(claim, error)
    except NoGenerationError as error:
        ledger.put_back(claim, wait=_EMBEDDING_PAUSE, reason="embedding", message=str(error))
        log.warning("job %s waits: %s", claim.job_id, error)
    except (LeaseLostError, DatabaseError):
        raise
    except Exception as error:  # the ledger's edge: whatever happens has to end up in the ledger
        log.exception("job %s failed", claim.job_id)
        message = (
            f"This failed inside the portal ({type(error).__name__}). "
            "Retry it; where that fails too, tell your admin."
        )
        ledger.fail(claim, reason="internal", message=message, permanent=False)


def _record_parse_error(claim: Claim, error: ParseError) -> None:
    if error.reason is Reason.CANCELLED:
        raise LeaseLostError from error
    if error.reason is Reason.NO_TEXT:
        ledger.finish(claim, state=State.NO_TEXT, reason=error.reason, message=str(error))
    else:
        ledger.fail(claim, reason=error.reason, message=str(error), permanent=error.permanent)


def _record_embedding_error(claim: Claim, error: EmbeddingError) -> None:
    """A model that is away is not the document's fault: the job waits and keeps its attempts."""
    if error.permanent:
        ledger.fail(claim, reason="embedding", message=str(error), permanent=False)
    else:
        message = "The embedding model does not answer; this is tried again by itself."
        ledger.put_back(claim, wait=_EMBEDDING_PAUSE, reason="embedding", message=message)
        log.warning("job %s waits for the embedding model: %s", claim.job_id, error)


def _ingest(claim: Claim, lost: threading.Event) -> None:
    serving_generation()  # asked before hours of work, and again when it is published
    version = DocumentVersion.objects.select_related("document__collection").get(jobs__id=claim.job_id)
    parsed, files = _parse(claim, version, lost.is_set)
    chunks = _cut(claim, parsed, version.document.name)
    vectors = _embed(claim, chunks, lost, {})
    index = _as_index(parsed, chunks)
    while not _publish(claim, version, index, vectors, files):
        vectors = _embed(claim, chunks, lost, vectors)  # a generation that is new since has begun to serve


def _parse(
    claim: Claim, version: DocumentVersion, cancelled: Callable[[], bool]
) -> tuple[ParsedDocument, list[ChildFile]]:
    """Return the document and the files in it, which are kept; those too deep are named and not kept."""
    files: list[ChildFile] = []
    unpacks = may_have_children(version.document)
    parsed = parse_file(
        blob_path(version.sha256),
        name=version.document.name,
        language=version.document.collection.language,
        ocr_engine=settings.OCR_ENGINE,
        limits=limits(),
        on_progress=_Progress(claim, Stage.PARSING),
        cancelled=cancelled,
        on_attachment=(lambda one, content: files.append(keep_file(one, content))) if unpacks else None,
    )
    check_family(version.document, files)
    if parsed.attachments and not unpacks:
        warning = (
            f"The files in it lie over {settings.PARSE_MAX_DEPTH} files deep and are not read. "
            "Upload it by itself."
        )
        parsed = replace(parsed, warnings=(*parsed.warnings, warning))
    return parsed, files


def _cut(claim: Claim, parsed: ParsedDocument, name: str) -> list[NewChunk]:
    ledger.report(claim, stage=Stage.CHUNKING, done=0, total=0)
    generation = serving_generation()
    model = embedder_of(generation)
    longest = min(generation.chunk_tokens or model.max_tokens, model.max_tokens)
    chunks = split_into_chunks(parsed, token_spans=model.token_spans, max_tokens=longest, name=name)
    if not chunks:
        raise ParseError(Reason.NO_TEXT, "We found no text in this document. Upload a copy that has text.")
    return [_new_chunk(chunk) for chunk in chunks]


def _embed(
    claim: Claim, chunks: list[NewChunk], lost: threading.Event, known: VectorsByGeneration
) -> VectorsByGeneration:
    progress = _Progress(claim, Stage.EMBEDDING)

    def tell(done: int, total: int) -> None:
        if lost.is_set():
            raise LeaseLostError
        progress(done, total)

    return embed_for_all([chunk.indexed_text for chunk in chunks], known=known, on_progress=tell)


def _publish(
    claim: Claim,
    version: DocumentVersion,
    index: NewIndex,
    vectors: VectorsByGeneration,
    files: list[ChildFile],
) -> bool:
    """Make the version searchable, with the files in it, and end the job: all at once, if the claim holds.

    Return False and publish nothing where a generation serves that has no vectors here. Others that have none
    get theirs by a fill, before they can be flipped to.
    """
    with transaction.atomic():
        lock_publishing(shared=True)
        for left_out in (one for one in live_generations() if one.pk not in vectors):
            ask_for_fill(left_out)
        serving = serving_generation()
        if serving.pk not in vectors:
            transaction.set_rollback(True)
            return False
        ledger.lock(claim)
        ledger.report(claim, stage=Stage.PUBLISHING, done=len(index.chunks), total=len(index.chunks))
        made = {one.pk: vectors[one.pk] for one in live_generations() if one.pk in vectors and one != serving}
        index = replace(index, vectors=vectors[serving.pk])
        if publish_version(version=version, index=index, generation=serving, others=made):
            replace_children(version=version, files=files)
        ledger.finish(claim, state=State.INDEXED)
    return True


def _new_chunk(chunk: Chunk) -> NewChunk:
    return NewChunk(
        ordinal=chunk.ordinal,
        text=chunk.text,
        context=chunk.context,
        heading_path=chunk.heading_path,
        page=chunk.page,
        last_page=chunk.last_page,
        start=chunk.start,
        end=chunk.end,
        tokens=chunk.tokens,
    )


def _as_index(parsed: ParsedDocument, chunks: list[NewChunk]) -> NewIndex:
    return NewIndex(
        text=parsed.text,
        blocks=[(block.kind, block.start, block.end, block.level) for block in parsed.blocks],
        pages=[
            NewPage(
                number=page.number,
                label=page.label,
                width=page.width,
                height=page.height,
                start=page.start,
                end=page.end,
                lines=tuple(
                    (line.start, line.end, line.x0, line.y0, line.x1, line.y1) for line in page.lines
                ),
            )
            for page in parsed.pages
        ],
        chunks=chunks,
        vectors=np.empty((0, 0), dtype=np.float32),
        title=parsed.title,
        parser=parsed.parser,
        parser_version=parsed.parser_version,
        warnings=parsed.warnings,
        metadata=parsed.metadata,
    )


_WORK: dict[IngestionJob.Kind, Callable[[Claim, threading.Event], None]] = {
    IngestionJob.Kind.DOCUMENT: _ingest,
    IngestionJob.Kind.SOURCE: sync,
    IngestionJob.Kind.GENERATION: fill,
}
