"""PostgreSQL as Django knows it, but a flush takes along what Django does not know of."""

from collections.abc import Sequence
from typing import Any

from django.core.management.color import Style
from django.db.backends.postgresql import base, operations

# A flush sets the numbers of generations back to 1, so the partitions that are named by them have to go too.
_DROP_PARTITIONS = """
DO $$ DECLARE partition regclass; BEGIN
    FOR partition IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'retrieval_vector'::regclass
    LOOP EXECUTE format('DROP TABLE %s', partition); END LOOP;
END $$;
"""


class DatabaseOperations(operations.DatabaseOperations):
    """Truncates with CASCADE (`retrieval_vector` has no model) and drops the partitions of generations."""

    def sql_flush(self, style: Style, tables: Sequence[str], **options: Any) -> list[str]:
        statements = super().sql_flush(style, tables, **(options | {"allow_cascade": True}))
        return [*statements, _DROP_PARTITIONS] if statements else []


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
