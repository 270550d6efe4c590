"""Statements that the database plans once for a connection, not once for a question.

The access rule joins a dozen tables, so that planning a search took longer than most of its steps.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from struct import pack
from typing import Any, TypeVar

import psycopg
from django.db import connection, transaction
from django.db.models import JSONField, Model
from psycopg import IsolationLevel
from psycopg.adapt import Dumper
from psycopg.pq import Format

_Row = TypeVar("_Row", bound=Model)


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
        names = [cursor.pgresult.fname(number) or b"" for number in range(cursor.pgresult.nfields)]
        return [name.decode() for name in names], cursor.fetchall()


def columns_of(model: type[Model], alias: str) -> str:
    """Return all columns of a model's table, for a statement that calls it by this alias."""
    return ", ".join(
        f'{alias}."{field.column}"{"::json" if isinstance(field, JSONField) else ""}'
        for field in model._meta.concrete_fields
    )


def instance(model: type[_Row], values: Sequence[object]) -> _Row:
    """Return the row with these values of all its columns, in their order."""
    return model.from_db(
        connection.alias, [field.attname for field in model._meta.concrete_fields], list(values)
    )
