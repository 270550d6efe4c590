"""PostgreSQL as Django knows it, but a flush takes the tables that Django does not know along."""

from collections.abc import Sequence
from typing import Any

from django.core.management.color import Style
from django.db.backends.postgresql import base, operations


class DatabaseOperations(operations.DatabaseOperations):
    """Truncates with CASCADE: `retrieval_vector` has no model, and refers to a table that has one."""

    def sql_flush(self, style: Style, tables: Sequence[str], **options: Any) -> list[str]:
        return super().sql_flush(style, tables, **(options | {"allow_cascade": True}))


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
