"""The links beside search results: each adds a filter to what was typed, or takes one away."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.http import urlencode

from retrieval.query import parse_query, with_filters, without_filter
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
    """What the search is narrowed to, and what it can be narrowed to."""

    chosen: tuple[Link, ...]
    facets: tuple[FacetLinks, ...]
    has_signs: bool


def narrowing(results: SearchResults, collections: Sequence[str]) -> Narrowing:
    """Return the links for a search; `collections` are the slugs that were chosen beside what was typed."""
    query = parse_query(results.query)

    def address(typed: str) -> str:
        return f"{reverse('search')}?{urlencode({'q': typed, 'collection': collections}, doseq=True)}"

    return Narrowing(
        chosen=tuple(
            Link(query.typed[one.start : one.end], address(without_filter(query, one)))
            for one in query.filters
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
            if len(facet.values) > 1
        ),
        has_signs=query.has_signs,
    )
