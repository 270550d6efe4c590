"""Statements that the database plans once for a connection, not once for a question.

The access rule joins a dozen tables, so that planning a search took longer than most of its steps.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from struct import pack
from typing import Any

import psycopg
from django.db import connection, transaction
from psycopg import IsolationLevel
from psycopg.adapt import Dumper
from psycopg.pq import Format


@contextmanager
def one_snapshot() -> Iterator[None]:
    """Open a transaction whose statements all see what the first of them sees.

    Within another transaction, as tests have one, each statement sees what that transaction lets it see.
    """
    connection.ensure_connection()
    bare = connection.connection
    if not connection.in_atomic_block:
        bare.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with transaction.atomic():
            yield
    finally:
        if not connection.in_atomic_block and not bare.closed:
            bare.isolation_level = None


class Sent(bytes):
    """An array of bigint as PostgreSQL sends it (`array_send`), for a parameter that is that array."""


NONE_SENT = Sent(pack(">iii", 0, 0, psycopg.adapters.types["int8"].oid))  # an array without elements


class _SentDumper(Dumper):
    format = Format.BINARY
    oid = psycopg.adapters.types["int8"].array_oid

    def dump(self, obj: Sent) -> bytes:
        return obj


def take_sent_arrays() -> None:
    """Let connections that are opened from now on take these as parameters."""
    psycopg.adapters.register_dumper(Sent, _SentDumper)


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
