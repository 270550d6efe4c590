"""A throw-away portal for an evaluation: an empty database of its own, thrown away with all that was in it.

The portal's own database is neither read nor written: the server is an embedded one in a temporary folder.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from django.core.management import call_command
from django.db import connections
from django.test import override_settings

from llm.embedding import load_embedder, use_embedder
from llm.remembering import RememberingEmbedder
from portal.database import make_extension
from portal.evaluation.config import Value
from portal.stack import embedded
from retrieval.generations import create_partition, ensure_first_generation, serving_generation, spec_of
from retrieval.models import Generation


@contextmanager
def scratch_portal(
    *,
    generation: Generation | None = None,
    config: Mapping[str, Value] | None = None,
    vectors: Path | None = None,
) -> Iterator[None]:
    """Make this process work on an empty portal until the block ends. Call it from the main thread.

    It embeds with the model of `generation`, a row of another portal, or with the one that the settings name;
    `config` are settings that hold inside. `vectors` is a file that keeps what was embedded from run to run.
    """
    with tempfile.TemporaryDirectory(prefix="cited-evaluate-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        cluster = embedded.Cluster(home / "postgres", home / "socket", durable=False)
        with (home / "postgres.log").open("wb") as output:
            server = embedded.start(cluster, output=output, say=lambda _: None)
        try:
            embedded.wait_until_ready(cluster, server)
            with (
                _database(cluster),
                override_settings(MEDIA_ROOT=home / "blobs", CELERY_BROKER_URL="memory://", **(config or {})),
            ):
                make_extension()
                call_command("migrate", database="owner", interactive=False, verbosity=0, skip_checks=True)
                _serve(generation)
                with _remembering(vectors):
                    yield
        finally:
            embedded.stop(server, seconds=5)


def _serve(generation: Generation | None) -> None:
    if generation is None:
        ensure_first_generation()
        return
    copied = {field.attname: getattr(generation, field.attname) for field in Generation._meta.concrete_fields}
    begun = {"id": None, "state": Generation.State.SERVING, "filled": 0, "fill_seconds": 0}
    made = Generation.objects.using("owner").create(**copied | begun)
    create_partition(made, using="owner")


@contextmanager
def _remembering(vectors: Path | None) -> Iterator[None]:
    """Take vectors from the file where they are in it, and keep there what has to be computed."""
    spec = spec_of(serving_generation())
    inner = load_embedder(spec)
    if vectors is not None:
        use_embedder(spec, RememberingEmbedder(inner, vectors))
    try:
        yield
    finally:
        use_embedder(spec, inner)


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
