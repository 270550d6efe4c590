"""The database itself: its version, its extension, and its two roles.

The owner changes the schema; the application's role may read and write rows, and nothing else.
"""

from typing import Any

import psycopg
from django.conf import settings
from django.db import OperationalError, connections
from psycopg import errors, sql

_OLDEST_POSTGRES = 160_000
_OLDEST_VECTOR = (0, 8)
_GRANTS = (
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
    "REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role}",
    "GRANT EXECUTE ON FUNCTION retrieval_add_partition(bigint), retrieval_drop_partition(bigint) TO {role}",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public "
    "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {role}",
)


class PrepareError(Exception):
    """The database cannot be brought to the needed state; the message says what to do."""


def make_database() -> None:
    """Make the embedded database where it is missing. Raises PrepareError where the server cannot be used."""
    owner = connections["owner"]
    try:
        owner.ensure_connection()
    except OperationalError as error:
        if not (settings.EMBEDDED_DATABASE and "does not exist" in str(error)):
            raise PrepareError(f"The database of DATABASE_OWNER_URL cannot be reached: {error}") from error
        _create_database()
    version = _connection().info.server_version
    if version < _OLDEST_POSTGRES:
        raise PrepareError(f"PostgreSQL 16 or newer is needed; the server is {version // 10000}. Upgrade it.")


def make_extension() -> None:
    """Make pgvector, 0.8 or newer. Raises PrepareError where the server does not have it."""
    try:
        _connection().execute("CREATE EXTENSION IF NOT EXISTS vector")
        if _vector_version() < _OLDEST_VECTOR:
            _connection().execute("ALTER EXTENSION vector UPDATE")
    except (errors.FeatureNotSupported, errors.UndefinedFile) as error:
        raise PrepareError(
            "The database server has no pgvector. Install version 0.8 or newer there."
        ) from error
    except errors.InsufficientPrivilege as error:
        raise PrepareError(
            "The role of DATABASE_OWNER_URL may not make or update the extension vector. "
            "Run `CREATE EXTENSION vector` in the database as a superuser, once."
        ) from error
    if _vector_version() < _OLDEST_VECTOR:
        raise PrepareError(
            "pgvector 0.8 or newer is needed. Update it on the database server, then try again."
        )


def make_app_role() -> None:
    """Make the role of DATABASE_URL where it is missing, with the password given there.

    Raises PrepareError where it is missing and the owner may not make it.
    """
    role = _app_role()
    if _connection().execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
        return
    try:
        _connection().execute(sql.SQL("CREATE ROLE {} {}").format(sql.Identifier(role), _role_options(role)))
    except errors.InsufficientPrivilege as error:
        raise PrepareError(
            f'The role "{role}" of DATABASE_URL does not exist, and the owner may not make it. '
            f"Run `CREATE ROLE \"{role}\" LOGIN PASSWORD '...'` as a superuser, once."
        ) from error


def grant_to_app() -> None:
    """Let the application's role read and write rows, tables that come later included, and nothing else."""
    role, owner = _app_role(), _connection().info.user
    if role == owner:
        return
    names = {"role": sql.Identifier(role), "owner": sql.Identifier(owner)}
    with _connection().transaction():
        for statement in _GRANTS:
            _connection().execute(sql.SQL(statement).format(**names))


def _create_database() -> None:
    owner = connections["owner"]
    with psycopg.connect(_server_url(), autocommit=True) as server:
        try:
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(owner.settings_dict["NAME"])))
        except (errors.DuplicateDatabase, errors.UniqueViolation):
            return  # another process was quicker


def _server_url() -> str:
    return str(settings.DATABASE_OWNER_URL).replace("/cited?", "/postgres?", 1)


def _role_options(role: str) -> sql.Composable:
    """Return the new role's options; the password goes out hashed, so that no server log can hold it."""
    options = sql.SQL("LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE")
    password = str(settings.DATABASES["default"].get("PASSWORD") or "")
    if not password:
        return options
    hashed = _connection().pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    return sql.SQL("{} PASSWORD {}").format(options, sql.Literal(hashed.decode()))


def _vector_version() -> tuple[int, ...]:
    row = _connection().execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    return tuple(int(part) for part in row[0].split(".")[:2]) if row else ()


def _app_role() -> str:
    return str(settings.DATABASES["default"].get("USER") or _connection().info.user)


def _connection() -> "psycopg.Connection[Any]":
    """Return the owner's connection without Django around it: its errors tell what is missing."""
    owner = connections["owner"]
    owner.ensure_connection()
    connection: psycopg.Connection[Any] = owner.connection
    return connection
