"""Search without an answer: the passages themselves."""

from datetime import datetime
from functools import cache
from urllib.parse import urljoin
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from ninja import Query, Router, Schema
from pydantic import BaseModel, Field, computed_field

from portal.answers.suggestions import suggest
from portal.api.auth import caller, reads
from portal.api.fields import RequestBody, Text
from retrieval.diversity import first_page
from retrieval.facets import FacetValue
from retrieval.query import written
from retrieval.search import SearchResults, search

_ANY = UUID(int=0)
router = Router(tags=["Search and answers"])


class SearchIn(RequestBody):
    query: Text = Field(
        examples=["How long is the warranty?", '"annual leave" -draft type:pdf after:2024'],
        description="Words, and if you like the signs that the integrator guide lists.",
    )
    collections: list[Text] = Field(default=[], max_length=100, description="Slugs to search in; none: all.")
    limit: int = Field(default=10, ge=1, le=50)
    facets: bool = Field(default=False, description="Also count the searched documents by their properties.")
    arrange: bool = Field(
        default=True,
        description="Lay hits out for reading: copies once, few of each document first, neighbours joined. "
        "Without it each passage is a hit by itself.",
    )
    per_document: int | None = Field(
        default=None,
        ge=0,
        le=50,
        description="How many passages of one document stand among the first; 0: any number. "
        "Without it, as the portal is set up.",
    )


class SnippetPartOut(BaseModel, from_attributes=True):
    text: str
    marked: bool = Field(description="Whether this part is one of the words that were searched.")


class HitOut(BaseModel, from_attributes=True):  # ninja's own Schema takes 3 ms for ten of them
    document_id: UUID
    title: str
    name: str
    parent_title: str = Field(description="The mail or archive that the document came out of, or empty.")
    collection_slug: str
    collection_title: str
    version_number: int
    heading_path: list[str]
    page: int | None
    last_page: int | None
    text: str = Field(description="The whole passage.")
    start: int = Field(description="First character of the passage in the document's text.")
    end: int
    score: float = Field(description="0 to 1; comparable within one search only.")
    snippet: list[SnippetPartOut]
    updated_at: datetime
    author: str = Field(description="Who wrote the document; several as “One; Other”.")
    tags: list[str]
    verified_at: datetime | None = Field(
        description="When a manager called this version of the document right, or null."
    )
    is_pinned: bool = Field(description="Whether a manager pinned its document to this question.")
    passages: int = Field(description="How many neighbouring passages it was joined from; 1 where alone.")
    similar_count: int = Field(description="Passages that say the same and are left out for it.")
    more_from_document: int = Field(
        description="Passages of its document that are left out for other documents, told with the last hit "
        "of the document. Add `document:` and its id to the query to find them."
    )

    @computed_field(description="The passage in the portal's viewer.")  # type: ignore[prop-decorator]
    @property
    def url(self) -> str:
        page = _page_of_any_document(settings.BASE_URL).replace(str(_ANY), str(self.document_id))
        return f"{page}?start={self.start}&end={self.end}#passage"


class FacetValueOut(Schema):
    value: str
    label: str
    documents: int = Field(description="Searched documents with this value, among those that you may see.")
    filter: str = Field(description="What to add to the query to search these alone.")

    @staticmethod
    def resolve_filter(one: FacetValue) -> str:
        return " ".join(written(name, value) for name, value in one.filters)


class FacetOut(Schema):
    field: str = Field(description="collection, type, language, year, author or tag.")
    label: str
    values: list[FacetValueOut] = Field(description="At most 12: those of most documents, the newest years.")


class SearchOut(Schema):
    query: str
    also_searched_for: list[str] = Field(description="What the dictionaries added to the words of the query.")
    hits: list[HitOut]
    documents: int = Field(description="Documents that were searched: those that you may see.")
    collections: int
    notice: str = Field(description="What did not go as it is set up, such as a reranker that was too slow.")
    facets: list[FacetOut] = Field(description="Empty unless asked for.")
    timings: dict[str, float] = Field(description="Milliseconds by step.")


class SuggestionOut(Schema):
    kind: str = Field(description="question (one of your own), word, title, heading or tag.")
    text: str
    query: str = Field(description="What the query is when this is chosen.")


class SuggestionsOut(Schema):
    suggestions: list[SuggestionOut] = Field(description="At most 17, grouped by kind.")


class Beginning(Schema):
    q: Text = Field(default="", description="What was typed so far; nothing is suggested for one letter.")
    collections: list[Text] = Field(default=[], max_length=100, description="Slugs to narrow to; none: all.")


@cache  # of ten hits, looking addresses up takes longer than all else about them
def _page_of_any_document(_: str) -> str:
    return absolute(reverse("document", args=[_ANY]))


def absolute(path: str) -> str:
    """Return the full address of a path of the portal."""
    return urljoin(settings.BASE_URL + "/", path)


@router.post("/search", auth=reads, response=SearchOut)
def find(request: HttpRequest, body: SearchIn) -> SearchResults:
    """Find the passages that fit a question best, by words and by meaning, among those that you may see."""
    return search(
        user=caller(request),
        query=body.query,
        collections=body.collections,
        limit=body.limit,
        with_facets=body.facets,
        arrangement=first_page(per_document=body.per_document) if body.arrange else None,
    )


@router.get("/suggestions", auth=reads, response=SuggestionsOut)
def read_suggestions(request: HttpRequest, beginning: Query[Beginning]) -> dict[str, object]:
    """Suggest how a query may go on, from your own questions and from what you may see."""
    found = suggest(user=caller(request), typed=beginning.q, collections=beginning.collections)
    return {"suggestions": found}
