"""An answer as a person sees it: plain frozen data for pages, API and command line."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from django.urls import reverse

from retrieval.pages import PageStarts, page_of


@dataclass(frozen=True, slots=True)
class Source:
    """A passage behind an answer. `start:end` is the quote's span in the text of that version.

    `key` names the passage in the events of the engine while the answer is written.
    """

    number: int
    key: str
    document_id: UUID
    version_number: int
    title: str
    name: str
    parent_title: str
    collection_slug: str
    collection_title: str
    heading_path: tuple[str, ...]
    page: int | None
    quote: str
    passage: str
    start: int
    end: int
    score: float
    updated_at: datetime
    page_starts: PageStarts

    def page_at(self, position: int) -> int | None:
        """Return the page on which a character of the passage stands; `page` is that of the quote."""
        return page_of(position, first=self.page, starts=self.page_starts)

    @property
    def url(self) -> str:
        return passage_url(self.document_id, self.start, self.end)


@dataclass(frozen=True, slots=True)
class Mark:
    """A citation mark after a sentence: which source, and where exactly in it."""

    number: int
    url: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ShownConflict:
    """Another source says `theirs` where the sentence's own says `ours`."""

    mark: Mark
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class ShownSentence:
    """`repair` is "moved" or "added" where a citation is not the model's own, otherwise empty."""

    text: str
    marks: tuple[Mark, ...]
    support: str
    reason: str
    repair: str = ""
    conflicts: tuple[ShownConflict, ...] = ()

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(mark.number for mark in self.marks)


@dataclass(frozen=True, slots=True)
class AskedModel:
    """A model that was asked for an answer. `outcome` is a word, `told` the same for a reader."""

    name: str
    outcome: str
    told: str
    prompt_tokens: int
    output_tokens: int
    is_estimate: bool
    masked: dict[str, int]


@dataclass(frozen=True, slots=True)
class Provenance:
    """How an answer came about: which rule chose which models, at what cost. Empty: none was asked.

    `judged_by` is the model that said how hard the question is; empty: rules did, by its `signs`.
    """

    prompt_version: str = ""
    rule: str = ""
    difficulty: str = ""
    judged_by: str = ""
    signs: tuple[str, ...] = ()
    revision: str = ""
    licence: str = ""
    runs: str = ""
    cost: str = ""
    currency: str = ""
    models: tuple[AskedModel, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """`closed` tells that a source is gone or no longer open to the reader, or says something else now.

    `changed` are the titles of sources that have a new version since, in which the cited words still stand.
    `searched_for` is a follow-up question as it stands alone; empty: it was searched as it was typed.
    """

    question_id: UUID
    question: str
    searched_for: str
    conversation_id: UUID
    state: Literal["answered", "refused", "stopped", "closed"]
    engine: str
    model: str
    notice: str
    reason: str
    sentences: tuple[ShownSentence, ...]
    sources: tuple[Source, ...]
    nearest: tuple[Source, ...]
    timings: dict[str, float]
    created_at: datetime
    provenance: Provenance = field(default_factory=Provenance)
    changed: tuple[str, ...] = ()


def passage_url(document_id: UUID, start: int, end: int) -> str:
    """Return the path of the viewer, opened at a span of the document's text."""
    return f"{reverse('document', args=[document_id])}?start={start}&end={end}#passage"
