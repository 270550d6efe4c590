"""An answer made ready for its template: sentences with their marks, sources with the quote marked."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.accounts.models import User
from portal.answers.models import Question
from portal.answers.shown import Mark, Provenance, ShownAnswer, Source, passage_url
from portal.answers.whom_to_ask import whom_to_ask
from portal.web.ask import describe_counts
from retrieval import access
from retrieval.search import visible_counts
from retrieval.snippets import SnippetPart

EXTRACTIVE = "extractive"
_BEFORE = 160
_EMPTY_LINES = re.compile(r"\n\s*\n")
_STEPS = {
    "count": "Counting what you can see",
    "embed": "Understanding the question",
    "search": "Searching",
    "rank": "Ranking",
    "read": "Reading passages",
    "first_words": "First words",
    "answer": "Writing",
}


@dataclass(frozen=True, slots=True)
class MarkView:
    """A citation mark with the card that it opens."""

    number: int
    url: str
    title: str
    collection_title: str
    page: int | None
    updated_at: datetime
    quote: str


@dataclass(frozen=True, slots=True)
class ConflictView:
    """What another source says instead, with its mark."""

    mark: MarkView
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class SentenceView:
    """`key` makes the ids of its cards unique on the page; quotes stand on lines of their own."""

    key: str
    text: str
    support: str
    reason: str
    marks: tuple[MarkView, ...]
    ends_line: bool
    repair: str = ""
    conflicts: tuple[ConflictView, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceView:
    number: int
    url: str
    title: str
    name: str
    parent_title: str
    collection_title: str
    heading_path: tuple[str, ...]
    page: int | None
    version_number: int
    updated_at: datetime
    score: float
    parts: tuple[SnippetPart, ...]


@dataclass(frozen=True, slots=True)
class AnswerView:
    """Everything that `answers/_answer.html` shows. `narrowed` names the collections that were chosen."""

    question_id: UUID
    question: str
    searched_for: str
    state: str
    engine: str
    model: str
    notice: str
    reason: str
    is_extractive: bool
    created_at: datetime
    seconds: str
    steps: tuple[tuple[str, float], ...]
    sentences: tuple[SentenceView, ...]
    sources: tuple[SourceView, ...]
    nearest: tuple[SourceView, ...]
    searched: str
    narrowed: str
    owner_team: str
    owner_collection: str
    provenance: Provenance
    changed: tuple[str, ...]
    is_watched: bool


@dataclass(frozen=True, slots=True)
class TurnView:
    """Another turn of the conversation, shown in short; `state` may be "unanswered"."""

    question_id: UUID
    question: str
    searched_for: str
    state: str
    reason: str = ""
    sentences: tuple[SentenceView, ...] = ()


def view_turn(*, question: Question, shown: ShownAnswer | None) -> TurnView:
    """Return a turn before or after the one that a page is about."""
    if shown is None:
        return TurnView(question.pk, question.text, question.searched_for, "unanswered")
    sentences = _sentences(shown, within=f"{question.pk.hex[:8]}-")
    return TurnView(question.pk, question.text, question.searched_for, shown.state, shown.reason, sentences)


def view_answer(*, user: User, question: Question, shown: ShownAnswer) -> AnswerView:
    """Return an answer as its page shows it, with what was searched and whom to ask where it is a refusal."""
    counts = visible_counts(user=user, collections=question.collections, query=question.asked)
    owner = whom_to_ask(user=user, shown=shown)
    return AnswerView(
        question_id=shown.question_id,
        question=shown.question,
        searched_for=shown.searched_for,
        state=shown.state,
        engine=shown.engine,
        model=shown.model,
        notice=shown.notice,
        reason=shown.reason,
        is_extractive=shown.engine == EXTRACTIVE,
        created_at=shown.created_at,
        seconds=f"{shown.timings['answer'] / 1000:.1f}" if shown.timings.get("answer") else "",
        steps=tuple(
            (_STEPS[name], shown.timings[name]) for name in _STEPS if shown.timings.get(name) is not None
        ),
        sentences=_sentences(shown),
        sources=view_sources(shown.sources),
        nearest=view_sources(shown.nearest),
        searched=describe_counts(counts.collections, counts.documents) if shown.state == "refused" else "",
        narrowed=narrowed_to(user=user, question=question),
        owner_team=owner.team if owner else "",
        owner_collection=owner.collection_title if owner else "",
        provenance=shown.provenance,
        changed=shown.changed,
        is_watched=hasattr(question, "watch"),
    )


def narrowed_to(*, user: User, question: Question) -> str:
    """Return the titles of the collections that a question was narrowed to, as far as they are visible."""
    if not question.collections:
        return ""
    chosen = (
        access.visible_collections(user=user).filter(slug__in=question.collections).order_by("title", "pk")
    )
    return ", ".join(chosen.values_list("title", flat=True))


def _sentences(shown: ShownAnswer, *, within: str = "") -> tuple[SentenceView, ...]:
    """Return the sentences; `within` tells those of one turn from those of another on the same page."""
    by_number = {source.number: source for source in shown.sources}
    return tuple(
        SentenceView(
            key=f"{within}{position}",
            text=sentence.text,
            support=sentence.support,
            reason=sentence.reason,
            marks=tuple(_mark(mark, by_number[mark.number]) for mark in sentence.marks),
            ends_line=shown.engine == EXTRACTIVE,
            repair=sentence.repair,
            conflicts=tuple(
                ConflictView(_mark(one.mark, by_number[one.mark.number]), one.ours, one.theirs)
                for one in sentence.conflicts
            ),
        )
        for position, sentence in enumerate(shown.sentences)
    )


def _mark(mark: Mark, source: Source) -> MarkView:
    begins = source.start - max(source.passage.find(source.quote), 0)
    quote = source.passage[max(mark.start - begins, 0) : mark.end - begins] or source.quote
    page = source.page_at(mark.start)
    return _mark_view(number=mark.number, url=mark.url, source=source, page=page, quote=quote)


def _mark_view(*, number: int, url: str, source: Source, page: int | None, quote: str) -> MarkView:
    return MarkView(
        number=number,
        url=url,
        title=source.title,
        collection_title=source.collection_title,
        page=page,
        updated_at=source.updated_at,
        quote=quote,
    )


def mark_while_writing(*, number: int, source: Source, start: int, end: int) -> MarkView:
    """Return the mark of a sentence that was just written; `start:end` counts in the passage's text.

    `source` is one of those that were found: its quote is the whole passage.
    """
    url = passage_url(source.document_id, source.start + start, source.start + end)
    page, quote = source.page_at(source.start + start), source.passage[start:end]
    return _mark_view(number=number, url=url, source=source, page=page, quote=quote)


def view_sources(sources: Iterable[Source]) -> tuple[SourceView, ...]:
    return tuple(
        SourceView(
            number=source.number,
            url=source.url,
            title=source.title,
            name=source.name,
            parent_title=source.parent_title,
            collection_title=source.collection_title,
            heading_path=source.heading_path,
            page=source.page,
            version_number=source.version_number,
            updated_at=source.updated_at,
            score=source.score,
            parts=_parts(source),
        )
        for source in sources
    )


def _parts(source: Source) -> tuple[SnippetPart, ...]:
    """Return the quote marked, with some of the passage around it; the whole passage where that is quoted."""
    at = source.passage.find(source.quote)
    if at < 0 or source.quote == source.passage:
        return (SnippetPart(_shorter(source.passage), marked=False),)
    before, after = source.passage[:at], source.passage[at + len(source.quote) :]
    if len(before) > _BEFORE:
        before = "…" + before[-_BEFORE:].partition(" ")[2]
    pieces = (
        SnippetPart(_shorter(before), marked=False),
        SnippetPart(_shorter(source.quote), marked=True),
        SnippetPart(_shorter(after), marked=False),
    )
    return tuple(piece for piece in pieces if piece.text)


def _shorter(text: str) -> str:
    """Return a text without empty lines, which would push words out of sight."""
    return _EMPTY_LINES.sub("\n", text)
