"""The access rule as SQL text, for statements that Django cannot write."""

from collections.abc import Sequence
from typing import Any

from django.db.models import F

from retrieval import access
from retrieval.filters import Filter, narrow
from retrieval.people import Person


class Visible:
    """The versions that search may use for a person, narrowed by slugs of collections and by filters.

    `sql` has the columns id, collection_id, chunk_count, term_count and language; its parameters have names
    that no other query uses.
    """

    def __init__(self, user: Person, collections: Sequence[str] = (), filters: Sequence[Filter] = ()) -> None:
        versions = access.searchable_versions(user=user)
        if collections:
            versions = versions.filter(document__collection__slug__in=list(collections))
        rows = narrow(versions, filters).annotate(
            collection_id=F("document__collection_id"), language=F("document__collection__language")
        )
        columns = ("id", "collection_id", "chunk_count", "term_count", "language")
        text, values = rows.values(*columns).query.sql_with_params()
        names = [f"visible_{number}" for number in range(len(values))]
        self.sql = text % tuple(f"%({name})s" for name in names)
        self.params: dict[str, Any] = dict(zip(names, values, strict=True))
