"""`manage.py prepare`: the application may work with rows and change no table, however often it runs."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from psycopg import errors, sql

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not settings.TEST_DATABASE_IS_EMBEDDED, reason="makes roles"),
]
ROLE = "prepared_app"


def url(role: str, database: str) -> str:
    return f"postgresql://{role}@/{database}?host={settings.EMBEDDED_SOCKET_DIR}"


def prepare(database: str, *, role: str = ROLE, owner: str = "postgres") -> "subprocess.Popen[str]":
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "DATABASE_URL": url(f"{role}:secret", database),
        "DATABASE_OWNER_URL": url(owner, database),
    }
    return subprocess.Popen(
        [sys.executable, "manage.py", "prepare", "--link"],
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def database(postgres: None) -> Iterator[str]:
    """Give a database that two processes have prepared at the same time."""
    with psycopg.connect(url("postgres", "postgres"), autocommit=True) as server:
        server.execute("CREATE DATABASE prepared")
        both = [prepare("prepared"), prepare("prepared")]
        said = [process.communicate(timeout=100) for process in both]
        assert [process.returncode for process in both] == [0, 0], said
        yield "prepared"
        server.execute("DROP DATABASE prepared WITH (FORCE)")
        server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(ROLE)))


def test_says_nothing_but_the_link_when_there_is_nothing_to_do_and_is_quick(database: str) -> None:
    began = time.monotonic()
    out, _ = (process := prepare(database)).communicate(timeout=60)
    assert process.returncode == 0
    assert out.startswith("sign-in link: http://localhost:8000/")
    assert out.count("\n") == 1
    assert time.monotonic() - began < 20  # 2 s on a quiet machine


def test_the_application_works_with_rows(database: str) -> None:
    with psycopg.connect(url(ROLE, database)) as app:
        app.execute("UPDATE accounts_team SET name = name")
        app.execute("INSERT INTO kombu_queue (id, name) VALUES (nextval('queue_id_sequence'), 'other')")
        assert app.execute("SELECT count(*) > 0 FROM django_migrations").fetchone() == (True,)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine ()",
        "ALTER TABLE accounts_user ADD COLUMN evil text",
        "DROP TABLE accounts_user",
        "TRUNCATE accounts_user",
        "DELETE FROM django_migrations",
        "CREATE ROLE other",
        "CREATE DATABASE other",
        "SET ROLE postgres",
        "DROP EXTENSION vector",
    ],
)
def test_the_application_changes_nothing_else(database: str, statement: str) -> None:
    with (
        psycopg.connect(url(ROLE, database), autocommit=True) as app,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        app.execute(statement.encode())


def test_the_application_makes_and_drops_partitions_of_generations_alone(database: str) -> None:
    columns = (
        "kind, revision, base_url, secret, max_tokens, chunk_tokens, dimension, metric, probe,"
        " languages, filled, fill_seconds, created_at"
    )
    with psycopg.connect(url(ROLE, database), autocommit=True) as app:
        app.execute("CREATE TEMP TABLE retrieval_generation AS SELECT 99 AS id, 3 AS dimension, 'x' AS state")
        row = app.execute(
            f"INSERT INTO public.retrieval_generation (model, state, {columns})"  # noqa: S608 - constants
            f" SELECT 'other', 'filling', {columns} FROM public.retrieval_generation RETURNING id"
        ).fetchone()
        assert row is not None
        app.execute("SELECT retrieval_add_partition(%s)", row)
        vector = "[" + ",".join(["1"] * 384) + "]"
        app.execute("INSERT INTO retrieval_vector VALUES (%s, 1, 1, 0, %s)", [*row, vector])
        with pytest.raises(errors.NoDataFound):
            app.execute("SELECT retrieval_add_partition(99)")
        with pytest.raises(errors.RaiseException, match="serves"):
            app.execute(
                "SELECT retrieval_drop_partition(id) FROM public.retrieval_generation WHERE state = 'serving'"
            )
        app.execute("SELECT retrieval_drop_partition(%s)", row)
        app.execute("DELETE FROM public.retrieval_generation WHERE id = %s", row)


def test_tables_that_the_owner_makes_later_are_readable(database: str) -> None:
    with psycopg.connect(url("postgres", database), autocommit=True) as owner:
        owner.execute("CREATE TABLE later (id serial)")
        with psycopg.connect(url(ROLE, database)) as app:
            app.execute("INSERT INTO later DEFAULT VALUES")
        owner.execute("DROP TABLE later")


def test_the_password_reaches_the_server_hashed(database: str) -> None:
    with psycopg.connect(url("postgres", database)) as owner:
        row = owner.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [ROLE]).fetchone()
    assert row is not None
    assert row[0].startswith("SCRAM-SHA-256$")


def test_an_owner_that_may_not_make_the_role_is_told_what_to_do(database: str) -> None:
    out, err = (process := prepare(database, role="nobody_made_me", owner=ROLE)).communicate(timeout=60)
    assert process.returncode == 1
    assert out == ""
    assert 'CommandError: The role "nobody_made_me" of DATABASE_URL does not exist' in err
    assert "CREATE ROLE" in err


def test_an_unreachable_database_is_named(postgres: None) -> None:
    _, err = (process := prepare("nowhere")).communicate(timeout=60)
    assert process.returncode == 1
    assert "The database of DATABASE_OWNER_URL cannot be reached" in err
