"""Which embedding model searches, which others are filled beside it, and the partition of vectors of each.

The settings name the model of the first generation. From then on each generation says itself what embeds for
it, so that all processes of a portal use the same model for the same vectors.
"""

from collections.abc import Sequence
from weakref import WeakSet

import numpy as np
from django.conf import settings
from django.db import connection, connections, transaction
from django.db.models import Case, When

from llm.embedding import Embedder, EmbedderSpec, load_embedder
from llm.errors import EmbeddingError
from retrieval.models import Generation
from retrieval.secrets import LostSecretError, decrypt
from retrieval.statements import fetch

State = Generation.State
LIVE = (State.SERVING, State.RETIRED, State.READY, State.FILLING)

_LOCK, _PUBLISHING = 7270201, 7270202
_PROBE = "The quick brown fox jumps over the lazy dog, and the invoice is due within thirty days."
_SAME_MODEL = 0.98  # the cosine of one text's vectors: int8 and float32 of one model have 0.989
_checked: WeakSet[Embedder] = WeakSet()


class NoGenerationError(Exception):
    """No generation serves; the message says what to do."""


def first_spec() -> EmbedderSpec:
    """Return which embedding model the settings name for the first generation."""
    return EmbedderSpec(
        kind="openai" if settings.EMBEDDING_BASE_URL else "local",
        model=settings.EMBEDDING_MODEL,
        revision=settings.EMBEDDING_REVISION,
        base_url=settings.EMBEDDING_BASE_URL,
        api_key=settings.EMBEDDING_API_KEY,
        threads=settings.EMBEDDING_THREADS,
        runtime=settings.EMBEDDING_RUNTIME,
        cache=str(settings.MODEL_CACHE),
    )


def spec_of(generation: Generation) -> EmbedderSpec:
    """Return which model embeds for a generation, and how. Raises EmbeddingError where its key is lost."""
    return EmbedderSpec(
        kind="openai" if generation.kind == Generation.Kind.OPENAI else "local",
        model=generation.model,
        revision=generation.revision,
        base_url=generation.base_url,
        api_key=_key_of(generation),
        threads=settings.EMBEDDING_THREADS,
        max_tokens=generation.max_tokens,
        runtime=settings.EMBEDDING_RUNTIME,
        cache=str(settings.MODEL_CACHE),
    )


def _key_of(generation: Generation) -> str:
    """Return the generation's own key; the one in the settings goes to the address in the settings alone."""
    if not generation.secret:
        is_the_settings = generation.base_url and generation.base_url == settings.EMBEDDING_BASE_URL
        return str(settings.EMBEDDING_API_KEY) if is_the_settings else ""
    try:
        return decrypt(generation.secret)
    except LostSecretError as error:
        raise EmbeddingError(
            f"The key of {generation.base_url} was encrypted with another SECRET_KEY. "
            "Put that into SECRET_KEY_FALLBACKS, or drop this generation and add it again.",
            permanent=True,
        ) from error


def embedder_of(generation: Generation) -> Embedder:
    """Return this process's embedding model of a generation, loaded at the first call.

    Raises EmbeddingError where it cannot be used, or is not the model that made the generation's vectors.
    """
    model = load_embedder(spec_of(generation))
    if model not in _checked:
        _check_is_the_same(model, generation)
        _checked.add(model)
    return model


def probe(model: Embedder) -> list[float]:
    """Return the vector of a known text, by which the model is recognised later."""
    return [float(value) for value in model.embed_passages([_PROBE])[0]]


def _check_is_the_same(model: Embedder, generation: Generation) -> None:
    known: Sequence[float] = generation.probe
    if model.dimension == generation.dimension and not known:
        return  # of a portal that is older than the probe
    if model.dimension != generation.dimension or float(np.dot(probe(model), known)) < _SAME_MODEL:
        raise EmbeddingError(
            f"{generation.model} is another model here than the one that {generation} was made with. "
            "Put that one back, or add the new one as a generation of its own.",
            permanent=True,
        )


def embedder() -> Embedder:
    """Return the model of the serving generation; before there is one, the model that the settings name."""
    serving = Generation.objects.filter(state=State.SERVING).first()
    return embedder_of(serving) if serving else load_embedder(first_spec())


# Naming the table of vectors takes its lock until the transaction ends: a generation that was seen serving
# cannot be dropped before its vectors were read. Fields that a search does not need are left for later.
_SERVING = """
SELECT id, kind, model, revision, base_url, secret, max_tokens, chunk_tokens, dimension, metric,
       languages::json, state,
       (SELECT reltuples FROM pg_class WHERE oid = to_regclass('retrieval_vector_g' || generation.id))
           AS vectors_about
FROM retrieval_generation AS generation
WHERE state = 'serving' AND NOT EXISTS (SELECT FROM retrieval_vector WHERE false)
"""


def serving_generation() -> Generation:
    """Return the generation that search uses; in a transaction it stays readable to the end of that.

    Raises NoGenerationError where there is none.
    """
    names, rows = fetch(_SERVING, {})
    for row in rows:
        read = dict(zip(names, row, strict=True))
        known = [field.attname for field in Generation._meta.concrete_fields if field.attname in read]
        generation = Generation.from_db(connection.alias, known, [read[name] for name in known])
        generation.vectors_about = read["vectors_about"] or 0
        return generation
    raise NoGenerationError("No generation serves yet. Run `manage.py prepare`.")


def live_generations() -> list[Generation]:
    """Return the generations that every published document gets vectors in, the serving one first."""
    order = Case(*(When(state=state, then=number) for number, state in enumerate(LIVE)))
    return list(Generation.objects.filter(state__in=LIVE).order_by(order, "pk"))


def lock_generations() -> None:
    """Let nobody else change which generations there are, or their states, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def lock_publishing(*, shared: bool) -> None:
    """Keep publications and the end of a fill apart until the transaction ends.

    Publications take the lock `shared`. A fill takes it alone before it counts: whoever publishes after that
    sees its generation as a live one, and whoever published before is counted.
    """
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [_PUBLISHING])


def ensure_first_generation() -> Generation:
    """Return the serving generation, made from the settings' embedding model where there is none.

    Runs as the owner of the schema: it may be called before the application's role was let do anything.
    """
    with transaction.atomic(using="owner"):
        connections["owner"].cursor().execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        found = Generation.objects.using("owner").filter(state=State.SERVING).first()
        return found or _create_first()


def _create_first() -> Generation:
    spec = first_spec()
    model = load_embedder(spec)
    generation = Generation.objects.using("owner").create(
        kind=spec.kind,
        model=spec.model,
        revision=spec.revision,
        base_url=spec.base_url,
        chunk_tokens=model.max_tokens,
        dimension=model.dimension,
        probe=probe(model),
        state=State.SERVING,
    )
    create_partition(generation, using="owner")
    return generation


def create_partition(generation: Generation, *, using: str = "default") -> None:
    """Create the partition and the HNSW index of a generation; search and publishing go on meanwhile."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT retrieval_add_partition(%s)", [generation.pk])


def drop_partition(generation: Generation) -> None:
    """Remove the partition and the index of a generation that does not serve."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT retrieval_drop_partition(%s)", [generation.pk])
