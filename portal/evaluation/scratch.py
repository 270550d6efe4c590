"""A throw-away portal for an evaluation: an empty database of its own, thrown away with all that was in it.

The portal's own database is neither read nor written: the server is an embedded one in a temporary folder.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management import call_command
from django.db import connections
from django.test import override_settings

from portal.database import make_extension
from portal.stack import embedded
from retrieval.generations import ensure_first_generation


@contextmanager
def scratch_portal() -> Iterator[None]:
    """Make this process work on an empty portal until the block ends. Call it from the main thread."""
    with tempfile.TemporaryDirectory(prefix="cited-evaluate-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        cluster = embedded.Cluster(home / "postgres", home / "socket", durable=False)
        with (home / "postgres.log").open("wb") as output:
            server = embedded.start(cluster, output=output, say=lambda _: None)
        try:
            embedded.wait_until_ready(cluster, server)
            with (
                _database(cluster),
                override_settings(MEDIA_ROOT=home / "blobs", CELERY_BROKER_URL="memory://"),
            ):
                make_extension()
                call_command("migrate", database="owner", interactive=False, verbosity=0, skip_checks=True)
                ensure_first_generation()
                yield
        finally:
            embedded.stop(server, seconds=5)


@contextmanager
def _database(cluster: embedded.Cluster) -> Iterator[None]:
    """Point both connections of every thread at the cluster, and back."""
    before = {alias: connections.databases[alias] for alias in ("default", "owner")}
    there = {"NAME": "postgres", "USER": "postgres", "PASSWORD": "", "PORT": "", "OPTIONS": {}}
    try:
        for alias, own in before.items():
            _point(alias, own | there | {"HOST": str(cluster.socket_dir)})
        yield
    finally:
        for alias, own in before.items():
            _point(alias, own)


def _point(alias: str, database: dict[str, object]) -> None:
    connections[alias].close()
    connections.databases[alias] = database
    del connections[alias]
