"""The passages of a ranking as they are shown: read once more through the access rule."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from retrieval._statements import fetch
from retrieval._visible import Visible
from retrieval.diversity import Place
from retrieval.joining import Row, join_neighbours
from retrieval.pages import PageStarts, page_starts
from retrieval.snippets import SnippetPart, make_snippet

# Each column has the name of a field of `Hit`, but for `rank`. Someone may have lost sight of a document
# while the search ran, so the access rule is asked again in the same statement. MATERIALIZED keeps the
# planner from weighing the order of all its joins together with these, which took longer than the reading.
_READ = """
WITH visible AS MATERIALIZED (
    SELECT id, collection_id FROM ({visible}) AS every WHERE id = ANY(%(wanted_versions)s::bigint[])
)
SELECT wanted.rank, document.id AS document_id, version.id AS version_id, version.number AS version_number,
       chunk.ordinal, collection.slug AS collection_slug, collection.title AS collection_title,
       document.title, document.name, coalesce(parent.title, '') AS parent_title, collection.language,
       chunk.heading_path::json, chunk.page, chunk.last_page, chunk.text, chunk.start, chunk."end",
       document.updated_at, document.author, document.tags,
       CASE WHEN document.verified_version = version.number THEN document.verified_at END AS verified_at
FROM unnest(%(wanted_versions)s::bigint[], %(wanted_ordinals)s::int[])
    WITH ORDINALITY AS wanted (version_id, ordinal, rank)
JOIN visible ON visible.id = wanted.version_id
JOIN retrieval_chunk AS chunk
  ON chunk.collection_id = visible.collection_id AND chunk.version_id = visible.id
 AND chunk.ordinal = wanted.ordinal
JOIN retrieval_documentversion AS version ON version.id = visible.id
JOIN retrieval_document AS document ON document.id = version.document_id
JOIN retrieval_collection AS collection ON collection.id = document.collection_id
LEFT JOIN retrieval_document AS parent ON parent.id = document.parent_id
ORDER BY wanted.rank
"""


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


def load_hits(visible: Visible, places: Sequence[Place], terms: frozenset[str]) -> tuple[Hit, ...]:
    """Return what is at the places, best first, without what is no longer there for this person."""
    keys = [key for place in places for key in place.keys]
    wanted = {
        "wanted_versions": [version_id for _, version_id, _ in keys],
        "wanted_ordinals": [ordinal for _, _, ordinal in keys],
    }
    names, read = fetch(_READ.format(visible=visible.sql), visible.params | wanted)
    rows = [dict(zip(names, row, strict=True)) for row in read]
    by_key = {keys[int(row.pop("rank")) - 1]: row for row in rows}
    kept = [place for place in places if all(key in by_key for key in place.keys)]
    joined = join_neighbours([[by_key[key] for key in place.keys] for place in kept])
    hits = [_hit(row, place, terms) for row, place in zip(joined, kept, strict=True)]
    starts = page_starts(hits)
    return tuple(
        replace(hit, page_starts=found) if (found := starts.get((hit.version_id, hit.ordinal))) else hit
        for hit in hits
    )


def _hit(row: Row, place: Place, terms: frozenset[str]) -> Hit:
    return Hit(
        **row | {"heading_path": tuple(row["heading_path"]), "tags": tuple(row["tags"])},
        score=round(place.score, 4),
        similarity=round(place.candidate.similarity, 4),
        bm25=round(place.candidate.bm25, 4),
        snippet=make_snippet(row["text"], terms=terms, language=row["language"]),
        passages=len(place.ordinals),
        similar_count=place.similar,
        more_from_document=place.more,
        is_pinned=place.candidate.is_pinned,
    )
