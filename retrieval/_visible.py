"""The access rule as SQL text, for statements that Django cannot write."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import F

from retrieval import access
from retrieval.filters import Filter, narrow
from retrieval.people import Person


class Visible:
    """The versions that search may use for a person, narrowed by slugs of collections and by filters.

    `sql` has the columns id, collection_id, chunk_count, term_count, segment_id and first_place, and asks the
    access rule anew in each statement; its parameters have names that no other query uses. Two of one `name`
    are the same.
    """

    def __init__(self, user: Person, collections: Sequence[str] = (), filters: Sequence[Filter] = ()) -> None:
        asker = _Asker(user.pk, user.is_authenticated, user.is_active)
        self.name: Hashable = (asker, tuple(collections), tuple(filters))
        self.sql, self.params = _compiled(asker, tuple(collections), tuple(filters))


@dataclass(frozen=True, slots=True)
class _Asker:
    """All that the access rule may know of a person before it asks the database."""

    pk: Any
    is_authenticated: bool
    is_active: bool


_CURRENT = """
SELECT version AS id, collection_id, chunk_count, term_count, segment_id, first_place
FROM ({current}) AS current
"""
_NOTHING = """
SELECT id, NULL::bigint AS collection_id, chunk_count, term_count, segment_id, first_place
FROM retrieval_documentversion WHERE false
"""


@lru_cache(maxsize=2048)  # the text alone is kept: who sees what is read by the database each time
def _compiled(
    asker: _Asker, collections: tuple[str, ...], filters: tuple[Filter, ...]
) -> tuple[str, dict[str, Any]]:
    documents = access.visible_documents(user=asker).filter(current_version__isnull=False)
    if collections:
        documents = documents.filter(collection__slug__in=collections)
    rows = narrow(documents, filters).values(
        "collection_id",
        version=F("current_version_id"),
        chunk_count=F("current_version__chunk_count"),
        term_count=F("current_version__term_count"),
        segment_id=F("current_version__segment_id"),
        first_place=F("current_version__first_place"),
    )
    try:
        text, values = rows.query.sql_with_params()
    except EmptyResultSet:  # what Django says of a query that it knows to find nothing: of a closed account
        return _NOTHING, {}
    names = [f"visible_{number}" for number in range(len(values))]
    current = text % tuple(f"%({name})s" for name in names)
    return _CURRENT.format(current=current), dict(zip(names, values, strict=True))
