"""Which embedding model searches, and the partition of vectors that belongs to it."""

from django.conf import settings
from django.db import connections, transaction
from psycopg import sql

from llm.embedding import Embedder, EmbedderSpec, load_embedder
from retrieval.models import Generation

_HNSW = "WITH (m = 16, ef_construction = 64)"


class NoGenerationError(Exception):
    """No generation serves that the configured embedding model could search; the message says what to do."""


def embedder_spec() -> EmbedderSpec:
    """Return which embedding model the settings name."""
    return EmbedderSpec(
        kind="openai" if settings.EMBEDDING_BASE_URL else "local",
        model=settings.EMBEDDING_MODEL,
        revision=settings.EMBEDDING_REVISION,
        base_url=settings.EMBEDDING_BASE_URL,
        api_key=settings.EMBEDDING_API_KEY,
        threads=settings.EMBEDDING_THREADS,
    )


def embedder() -> Embedder:
    """Return this process's embedding model, loaded at the first call."""
    return load_embedder(embedder_spec())


def serving_generation() -> Generation:
    """Return the generation that search uses.

    Raises NoGenerationError where there is none, and where its vectors are another model's: comparing those
    with this model's questions would find nonsense without any error.
    """
    found = Generation.objects.filter(state=Generation.State.SERVING).first()
    if found is None:
        raise NoGenerationError("No generation serves yet. Run `manage.py prepare`.")
    if found.model != settings.EMBEDDING_MODEL:
        raise NoGenerationError(
            f"The index was made with {found.model}, and EMBEDDING_MODEL names {settings.EMBEDDING_MODEL}. "
            f"Set EMBEDDING_MODEL={found.model} again."
        )
    return found


def ensure_first_generation() -> Generation:
    """Return the serving generation, made from the settings' embedding model where there is none.

    Runs as the owner of the schema, because a generation has a partition of its own.
    """
    with transaction.atomic(using="owner"):
        connections["owner"].cursor().execute("SELECT pg_advisory_xact_lock(7270201)")
        found = Generation.objects.using("owner").filter(state=Generation.State.SERVING).first()
        return found or _create_serving_generation()


def _create_serving_generation() -> Generation:
    model = embedder()
    generation = Generation.objects.using("owner").create(
        model=model.name,
        revision=model.revision,
        dimension=model.dimension,
        state=Generation.State.SERVING,
    )
    create_partition(generation)
    return generation


def create_partition(generation: Generation) -> None:
    """Create the partition and the HNSW index of a generation.

    PLAIN storage keeps vectors in the row: a toasted vector makes an exact scan 25 times slower.
    """
    name = sql.Identifier(f"retrieval_vector_g{generation.pk}")
    index = sql.Identifier(f"retrieval_vector_g{generation.pk}_hnsw")
    dimension = sql.Literal(generation.dimension)
    with connections["owner"].cursor() as cursor:
        for statement in (
            sql.SQL("CREATE TABLE {} PARTITION OF retrieval_vector FOR VALUES IN ({})").format(
                name, sql.Literal(generation.pk)
            ),
            sql.SQL("ALTER TABLE {} ALTER COLUMN embedding SET STORAGE PLAIN").format(name),
            sql.SQL("ALTER TABLE {} ADD CHECK (vector_dims(embedding) = {})").format(name, dimension),
            sql.SQL(
                "CREATE INDEX {} ON {} USING hnsw ((embedding::halfvec({})) halfvec_ip_ops) " + _HNSW
            ).format(index, name, dimension),
        ):
            cursor.execute(statement)
