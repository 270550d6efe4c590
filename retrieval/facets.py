"""How many of the searched documents are in each collection, of each type, language and year."""

from collections import Counter
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from retrieval import _hybrid_sql
from retrieval._visible import Visible
from retrieval.analysis import LANGUAGE_CHOICES
from retrieval.media_families import FAMILY_BY_TYPE

MOST_VALUES = 12
_LABELS = {"collection": "Collection", "type": "Type", "language": "Language", "year": "Year"}
_LANGUAGES = dict(LANGUAGE_CHOICES)


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value, the documents with it, and the filters that narrow a search to them."""

    value: str
    label: str
    documents: int
    filters: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Facet:
    """The values of one property, the most frequent first (years: the newest), at most MOST_VALUES."""

    field: str
    label: str
    values: tuple[FacetValue, ...]


def count_facets(visible: Visible) -> tuple[Facet, ...]:
    """Return the counts over what a person may see and the filters leave, in one statement."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in _LABELS}
    titles: dict[str, str] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            _hybrid_sql.FACETS.format(visible=visible.sql),
            visible.params | {"time_zone": settings.TIME_ZONE},
        )
        for name, value, title, documents in cursor.fetchall():
            counts[name][_typed(name, value)] += documents
            titles[value] = title
    return tuple(
        Facet(name, _LABELS[name], _values(name, counted, titles))
        for name, counted in counts.items()
        if counted
    )


def _typed(name: str, value: str) -> str:
    """Return a value as people type it; a media type that has no family stays as it is."""
    if name == "type" and value in FAMILY_BY_TYPE:
        return FAMILY_BY_TYPE[value].names[0]
    return value


def _values(name: str, counted: Counter[str], titles: dict[str, str]) -> tuple[FacetValue, ...]:
    labels = {value: _label(name, value, titles) for value in counted}
    rows = sorted(counted.items(), key=lambda row: (-row[1], labels[row[0]], row[0]))
    if name == "year":
        rows = sorted(counted.items(), reverse=True)
    return tuple(
        FacetValue(value, labels[value], documents, _filters(name, value))
        for value, documents in rows[:MOST_VALUES]
    )


def _label(name: str, value: str, titles: dict[str, str]) -> str:
    if name == "collection":
        return titles[value]
    if name == "type":
        return next((one.label for one in FAMILY_BY_TYPE.values() if one.names[0] == value), value)
    return _LANGUAGES.get(value, value)


def _filters(name: str, value: str) -> tuple[tuple[str, str], ...]:
    if name == "year":
        return ("after", value), ("before", str(int(value) + 1))
    return ((name, value),)
