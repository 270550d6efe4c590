"""The links beside search results: each adds a filter to what was typed, or takes one away."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse
from django.utils.http import urlencode

from retrieval.filters import Filter
from retrieval.query import Query, parse_query, with_filters, without_filter
from retrieval.search import SearchResults


@dataclass(frozen=True, slots=True)
class Link:
    """A search with a filter more or less; `documents` is how many it would cover."""

    label: str
    address: str
    documents: int = 0


@dataclass(frozen=True, slots=True)
class FacetLinks:
    field: str
    label: str
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What the search is narrowed to, and what it can be narrowed to.

    `more` has the address of the search in one document, for the documents that have more than is shown.
    """

    chosen: tuple[Link, ...]
    facets: tuple[FacetLinks, ...]
    has_signs: bool
    more: dict[UUID, str]


def narrowing(results: SearchResults, collections: Sequence[str]) -> Narrowing:
    """Return the links for a search; `collections` are the slugs that were chosen beside what was typed."""
    query = parse_query(results.query)

    def address(typed: str) -> str:
        return f"{reverse('search')}?{urlencode({'q': typed, 'collection': collections}, doseq=True)}"

    return Narrowing(
        chosen=tuple(
            Link(_label(one, query, results), address(without_filter(query, one))) for one in query.filters
        ),
        facets=tuple(
            FacetLinks(
                facet.field,
                facet.label,
                tuple(
                    Link(one.label, address(with_filters(query, one.filters)), one.documents)
                    for one in facet.values
                ),
            )
            for facet in results.facets
            if len(facet.values) > 1 or facet.values[0].documents < results.documents
        ),
        has_signs=query.has_signs,
        more={
            hit.document_id: address(with_filters(query, [("document", str(hit.document_id))]))
            for hit in results.hits
            if hit.more_from_document
        },
    )


def _label(one: Filter, query: Query, results: SearchResults) -> str:
    """Return a filter as it was typed; for a document, which nobody knows by its id, its title."""
    if one.field == "document" and results.hits and not one.is_excluded:
        return f"In “{results.hits[0].title}”"
    return query.typed[one.start : one.end]
