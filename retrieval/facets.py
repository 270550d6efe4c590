"""How many of the searched documents are in each collection, of each type, language, year, author and tag."""

from collections import Counter
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from retrieval._visible import Visible
from retrieval.analysis import LANGUAGE_CHOICES
from retrieval.authors import key_of, names_in
from retrieval.media_families import FAMILY_BY_TYPE

MOST_VALUES = 12
_LABELS = {
    "collection": "Collection",
    "type": "Type",
    "language": "Language",
    "year": "Year",
    "author": "Author",
    "tag": "Tag",
}
_LANGUAGES = dict(LANGUAGE_CHOICES)


# One pass over what is visible, counted six ways. `facet` says which: the column that GROUPING leaves in.
_FACETS = """
WITH visible AS ({visible}),
listed AS (
    SELECT collection.slug, collection.title, collection.language, version.media_type,
           extract(year FROM document.updated_at AT TIME ZONE %(time_zone)s)::int AS year,
           document.author, document.tags
    FROM visible
    JOIN retrieval_documentversion AS version ON version.id = visible.id
    JOIN retrieval_document AS document ON document.id = version.document_id
    JOIN retrieval_collection AS collection ON collection.id = visible.collection_id
)
SELECT CASE WHEN GROUPING(slug) = 0 THEN 'collection' WHEN GROUPING(media_type) = 0 THEN 'type'
            WHEN GROUPING(language) = 0 THEN 'language' WHEN GROUPING(author) = 0 THEN 'author'
            WHEN GROUPING(tags) = 0 THEN 'tag' ELSE 'year' END AS facet,
       coalesce(slug, media_type, language, author, array_to_string(tags, ','), year::text) AS value,
       coalesce(title, '') AS title, count(*)
FROM listed
GROUP BY GROUPING SETS ((slug, title), (media_type), (language), (year), (author), (tags))
"""


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
            _FACETS.format(visible=visible.sql),
            visible.params | {"time_zone": settings.TIME_ZONE},
        )
        rows = cursor.fetchall()
    for name, value, title, documents in rows:
        for one in _values_in(name, value):
            counts[name][one] += documents
        if name == "collection":
            titles[value] = title
    counts["author"] = _by_name(counts["author"])
    return tuple(
        Facet(name, _LABELS[name], _values(name, counted, titles))
        for name, counted in counts.items()
        if counted
    )


def _values_in(name: str, value: str) -> list[str]:
    """Return values as people type them; a media type that has no family stays as it is."""
    if name == "author":
        return names_in(value)
    if name == "tag":
        return value.split(",") if value else []
    if name == "type" and value in FAMILY_BY_TYPE:
        return [FAMILY_BY_TYPE[value].names[0]]
    return [value]


def _by_name(counted: Counter[str]) -> Counter[str]:
    """Return the counts of authors with different spellings of a name as one."""
    spelt: dict[str, str] = {}
    names: Counter[str] = Counter()
    for name in sorted(counted):
        names[spelt.setdefault(key_of(name), name)] += counted[name]
    return names


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
