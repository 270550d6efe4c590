"""What every test may use: a real PostgreSQL of its own, and the settings of processes that it starts."""

import os
from collections.abc import Iterator
from pathlib import Path

import django.test
import pytest
from django.conf import settings
from django.db import connections

from portal.broker import make_broker_tables
from portal.stack import embedded
from tests.fakes.embedding_model import write_model

# "owner" is the same database here, so each test opens, rolls back or empties "default" alone.
django.test.TransactionTestCase.databases = {"default", "owner"}
django.test.TransactionTestCase._databases_names = classmethod(  # type: ignore[attr-defined]
    lambda cls, include_mirrors=True: ["default"]
)


_WORDS = "how long is the warranty of a falcon kettle from day of purchase returns are free box months within"


@pytest.fixture(scope="session")
def postgres() -> Iterator[None]:
    """Run an embedded PostgreSQL for this test run, unless DATABASE_OWNER_URL names another."""
    if not settings.TEST_DATABASE_IS_EMBEDDED:
        yield
        return
    cluster = embedded.Cluster(settings.VAR_DIR / "postgres", settings.EMBEDDED_SOCKET_DIR, durable=False)
    log = settings.VAR_DIR / "postgres.log"
    with log.open("wb") as output:
        server = embedded.start(cluster, output=output, say=lambda _: None)
    try:
        embedded.wait_until_ready(cluster, server)
        yield
    finally:
        embedded.stop(server, seconds=5)
        for left in settings.EMBEDDED_SOCKET_DIR.iterdir():
            left.unlink()
        settings.EMBEDDED_SOCKET_DIR.rmdir()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres: None) -> None:
    """Start the server before pytest-django makes the test database in it."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Let "owner" be the very connection "default" in the tests' thread: each sees the other's rows."""
    own = connections["owner"]
    connections["owner"] = connections["default"]
    yield
    connections["owner"] = own


@pytest.fixture
def process_env(transactional_db: None) -> dict[str, str]:
    """Return the environment for portal processes of a test: its database, its folder.

    The broker's tables are there, as `prepare` leaves them.
    """
    make_broker_tables(settings.TEST_DATABASE_URL)
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "DATABASE_URL": settings.TEST_DATABASE_URL,
        "DATABASE_OWNER_URL": settings.TEST_DATABASE_URL,
        "OMP_NUM_THREADS": "1",
    }


@pytest.fixture(scope="session")
def wide_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the folder of a tiny embedding model with random weights and 1,024 dimensions."""
    return write_model(tmp_path_factory.mktemp("wide"), words=_WORDS)


@pytest.fixture(scope="session")
def corpora() -> Path:
    """Return the folder of the shared corpora, or skip the test that needs it."""
    folder: Path = settings.TEST_CORPORA
    if not folder.is_dir():
        pytest.skip(f"needs the shared corpora in {folder}, which are not part of this repository")
    return folder


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what starts processes of its own: it takes longest, and a parallel run ends sooner."""
    items.sort(key=lambda item: item.get_closest_marker("worker") is None)
