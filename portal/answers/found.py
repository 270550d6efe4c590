"""What was found, as the engine takes it and as people see it."""

from llm.passages import Passage
from portal.answers.shown import Source
from retrieval.hits import Hit
from retrieval.pages import page_of


def key_of(hit: Hit) -> str:
    """Return the name of a hit's passage in the events of the engine."""
    return f"{hit.version_id}:{hit.ordinal}"


def passage_of(hit: Hit, *, stays_here: bool, strangeness: float) -> Passage:
    """Return a hit as the engine takes it; what stays here is sent to no model elsewhere.

    `strangeness` is that of `retrieval.languages`, for the language of the hits.
    """
    return Passage(
        key=key_of(hit),
        title=hit.title,
        heading_path=hit.heading_path,
        page=hit.page,
        text=hit.text,
        date=hit.updated_at.date(),
        score=hit.score,
        similarity=hit.similarity,
        document=str(hit.version_id),
        stays_here=stays_here,
        strangeness=strangeness,
    )


def source_of(number: int, hit: Hit, span: tuple[int, int] | None = None) -> Source:
    """Return a hit as people see it; `span` is that of the quote in the passage's text, or all of it."""
    start, end = span or (0, len(hit.text))
    return Source(
        number=number,
        key=key_of(hit),
        document_id=hit.document_id,
        version_number=hit.version_number,
        title=hit.title,
        name=hit.name,
        parent_title=hit.parent_title,
        collection_slug=hit.collection_slug,
        collection_title=hit.collection_title,
        heading_path=hit.heading_path,
        page=page_of(hit.start + start, first=hit.page, starts=hit.page_starts),
        quote=hit.text[start:end],
        passage=hit.text,
        start=hit.start + start,
        end=hit.start + end,
        score=hit.score,
        updated_at=hit.updated_at,
        page_starts=hit.page_starts,
    )
