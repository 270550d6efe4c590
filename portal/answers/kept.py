"""Kept answers, read again under today's permissions and against today's documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from portal.accounts.models import User
from portal.answers.models import Answer, Citation, Question
from portal.answers.provenance import provenance
from portal.answers.shown import Mark, ShownAnswer, ShownConflict, ShownSentence, Source, passage_url
from portal.answers.standing import Standing, Use, find_standing
from retrieval.models import Chunk, DocumentVersion
from retrieval.pages import PageStarts, page_starts

_STATES: dict[str, Literal["answered", "refused", "stopped"]] = {
    Answer.State.ANSWERED: "answered",
    Answer.State.REFUSED: "refused",
    Answer.State.STOPPED: "stopped",
}


def shown_answer(*, user: User, question: Question) -> ShownAnswer | None:
    """Return the kept answer to a question, or None where there is none yet.

    It is closed as soon as one of its sources was deleted, is hidden from the reader, or does not say any
    more what the answer cites. Where a new version still does, the answer says that there is one.
    """
    answer: Answer | None = getattr(question, "answer", None)
    return show(user=user, question=question, answer=answer) if answer else None


def show(*, user: User, question: Question, answer: Answer) -> ShownAnswer:
    """Return a kept answer as this person may see it today."""
    kept = list(answer.citations.order_by("is_nearest", "number"))
    standing = find_standing(user=user, answer=answer, citations=kept)
    if standing.is_hidden or standing.gone:
        return _closed(question, answer.created_at, standing)
    citations, readable = standing.citations, standing.versions
    passages = _passages(citations)
    starts = page_starts(passages.values())
    cited = [one for one in citations if not one.is_nearest]
    sources = tuple(_source(one, readable[one.version_id], passages, starts) for one in cited)
    nearest = tuple(
        _source(one, readable[one.version_id], passages, starts) for one in citations if one.is_nearest
    )
    by_number = {source.number: (source, one) for source, one in zip(sources, cited, strict=True)}
    places = _Places(by_number, passages, standing.spans)
    return ShownAnswer(
        question_id=question.pk,
        question=question.text,
        searched_for=question.searched_for,
        conversation_id=question.conversation_id,
        state=_STATES[answer.state],
        engine=answer.engine,
        model=answer.model,
        notice=answer.notice,
        reason=answer.reason,
        sentences=tuple(_shown_sentence(raw, places) for raw in answer.sentences),
        sources=sources,
        nearest=nearest,
        timings=answer.timings,
        created_at=answer.created_at,
        provenance=provenance(answer),
        changed=tuple(standing.changed),
    )


def _passages(citations: Sequence[Citation]) -> dict[tuple[int, int], Chunk]:
    chunks = Chunk.objects.filter(
        version_id__in={one.version_id for one in citations}, ordinal__in={one.ordinal for one in citations}
    )
    return {(chunk.version_id, chunk.ordinal): chunk for chunk in chunks}


def _closed(question: Question, created_at: datetime, standing: Standing) -> ShownAnswer:
    return ShownAnswer(
        question_id=question.pk,
        question=question.text,
        searched_for=question.searched_for,
        conversation_id=question.conversation_id,
        state="closed",
        engine="",
        model="",
        notice="",
        reason=_why_closed(standing),
        sentences=(),
        sources=(),
        nearest=(),
        timings={},
        created_at=created_at,
    )


def _why_closed(standing: Standing) -> str:
    """Name documents that the reader sees; of others not even whether they are still there."""
    if standing.is_hidden:
        return "A document that this answer rested on was deleted, or is no longer open to you. Ask again."
    titles = " and ".join(f"“{title}”" for title in dict.fromkeys(standing.gone))
    return f"{titles} changed since: the words that this answer rested on are not there any more. Ask again."


def _source(
    citation: Citation,
    version: DocumentVersion,
    passages: dict[tuple[int, int], Chunk],
    starts: dict[tuple[int, int], PageStarts],
) -> Source:
    key = (citation.version_id, citation.ordinal)
    document, chunk = version.document, passages.get(key)
    return Source(
        number=citation.number,
        key=f"{citation.version_id}:{citation.ordinal}",
        document_id=document.pk,
        version_number=version.number,
        title=document.title,
        name=document.name,
        parent_title=document.parent.title if document.parent else "",
        collection_slug=document.collection.slug,
        collection_title=document.collection.title,
        heading_path=tuple(chunk.heading_path) if chunk else (),
        page=citation.page,
        quote=citation.quote,
        passage=chunk.text if chunk else citation.quote,
        start=citation.start,
        end=citation.end,
        score=citation.score,
        updated_at=document.updated_at,
        page_starts=starts.get(key, ()),
    )


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the citations of an answer lead today."""

    by_number: dict[int, tuple[Source, Citation]]
    passages: dict[tuple[int, int], Chunk]
    moved: dict[Use, tuple[int, int]]

    def mark(self, number: int, start: int, end: int) -> Mark:
        source, citation = self.by_number[number]
        span = self.moved.get((number, start, end))
        if span is None:
            chunk = self.passages.get((citation.version_id, citation.ordinal))
            span = (chunk.start + start, chunk.start + end) if chunk else (source.start, source.end)
        return Mark(number, passage_url(source.document_id, *span), *span)


def _shown_sentence(raw: dict[str, Any], places: _Places) -> ShownSentence:
    return ShownSentence(
        text=raw["text"],
        marks=tuple(places.mark(*use) for use in raw["citations"]),
        support=raw["support"],
        reason=raw["reason"],
        repair=raw.get("repair", ""),
        conflicts=tuple(
            ShownConflict(places.mark(number, start, end), ours, theirs)
            for number, start, end, ours, theirs in raw.get("conflicts", ())
        ),
    )
