"""Statements that the database plans once for a connection, not once for a question.

The access rule joins a dozen tables, so that planning a search took longer than most of its steps.
"""

from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any

import psycopg
from django.db import connection
from psycopg.pq import Format


def array(numbers: Iterable[int]) -> str:
    """Return numbers as the database reads an array: writing one takes psycopg twenty times as long."""
    return "{" + ",".join(map(str, numbers)) + "}"


def fetch(
    statement: str, params: Mapping[str, Any], *, binary: bool = False
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the names of the columns, and the rows, that a statement gives on Django's connection.

    Rows come as text, or `binary`, which suits long values of bytes.

    The connection prepares it, unless DATABASE_PREPARED_STATEMENTS is off. Django's own cursors write the
    parameters into the text, which makes each question a new statement. Raises what those raise.
    """
    connection.ensure_connection()
    bare: Any = psycopg.Cursor(connection.connection)
    bare.format = Format.BINARY if binary else Format.TEXT
    wrapped = (
        connection.make_debug_cursor(bare) if connection.queries_logged else connection.make_cursor(bare)
    )
    with closing(wrapped) as cursor:
        cursor.execute(statement, params)
        return [column.name for column in cursor.description or ()], cursor.fetchall()
