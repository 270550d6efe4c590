"""The passages of a ranking as they are shown: read once more through the access rule."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from retrieval._passages import Passages, Row
from retrieval.diversity import Place
from retrieval.joining import join_neighbours
from retrieval.pages import PageStarts, page_starts
from retrieval.snippets import SnippetPart, make_snippet


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found. `start:end` is its span in the version's stored text; `score` is 0 to 1.

    `passages` is how many neighbours it was joined from. `similar_count` passages say the same and are not
    shown; `more_from_document` of its document are left out for other documents, told with its last hit.
    """

    document_id: UUID
    version_id: int
    version_number: int
    ordinal: int
    collection_slug: str
    collection_title: str
    title: str
    name: str
    parent_title: str
    language: str
    heading_path: tuple[str, ...]
    page: int | None
    last_page: int | None
    text: str
    start: int
    end: int
    updated_at: datetime
    author: str
    tags: tuple[str, ...]
    verified_at: datetime | None
    score: float
    similarity: float
    bm25: float
    snippet: tuple[SnippetPart, ...]
    page_starts: PageStarts = ()
    passages: int = 1
    similar_count: int = 0
    more_from_document: int = 0
    is_pinned: bool = False


def load_hits(passages: Passages, places: Sequence[Place], terms: frozenset[str]) -> tuple[Hit, ...]:
    """Return what is at the places, best first, without what is no longer there for this person."""
    read = passages.of(key for place in places for key in place.keys)
    kept = [place for place in places if all(key in read for key in place.keys)]
    joined = join_neighbours([[read[key].row for key in place.keys] for place in kept])
    hits = [_hit(row, place, terms) for row, place in zip(joined, kept, strict=True)]
    starts = page_starts(hits)
    return tuple(
        replace(hit, page_starts=found) if (found := starts.get((hit.version_id, hit.ordinal))) else hit
        for hit in hits
    )


def _hit(row: Row, place: Place, terms: frozenset[str]) -> Hit:
    read = {
        "heading_path": tuple(json.loads(row["heading_path"])),
        "tags": tuple(row["tags"]),
        "updated_at": _moment(row["updated_at"]),
        "verified_at": _moment(row["verified_at"]) if row["verified_at"] else None,
    }
    return Hit(
        **{name: value for name, value in row.items() if name != "context"} | read,
        score=round(place.score, 4),
        similarity=round(place.candidate.similarity, 4),
        bm25=round(place.candidate.bm25, 4),
        snippet=make_snippet(row["text"], terms=terms, language=row["language"]),
        passages=len(place.ordinals),
        similar_count=place.similar,
        more_from_document=place.more,
        is_pinned=place.candidate.is_pinned,
    )


def _moment(told: str) -> datetime:
    """Read a time that the database wrote as JSON, which is the same in every DateStyle."""
    return datetime.fromisoformat(json.loads(told))
