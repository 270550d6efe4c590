"""A large library in a running portal: passages published by COPY, a person who may read them all."""

from collections.abc import Sequence

import numpy as np
from django.db import connections, transaction
from numpy.typing import NDArray

from ingestion.models import IngestionJob
from portal.accounts.models import ApiToken, Membership, Team, User
from portal.accounts.tokens import create_token
from retrieval.collections import create_collection
from retrieval.generations import embedder, serving_generation
from retrieval.indexing import NewChunk, NewIndex, publish_version
from retrieval.models import Collection, Document, DocumentVersion, Generation

_CHUNKS_A_DOCUMENT = 20
_DOCUMENTS_A_COLLECTION = 50
_EMBEDDED = 1_000
_NOISE = 0.72  # of what a text is: real mixtures of halves have a cosine of 0.81 to the mean of the two
_FLATTER = 0.7
_AT_ONCE = 50_000


def fill(texts: Sequence[str]) -> tuple[str, NDArray[np.float32]]:
    """Publish every text as a chunk; return a reader's API token and the vectors, in the texts' order.

    The tables are left as autovacuum leaves them a minute or two after an import.
    """
    vectors = vectors_of(texts)
    team = Team.objects.create(name="Readers", slug="readers")
    reader = User.objects.create_user(email="reader@example.com")
    Membership.objects.create(team=team, user=reader, role=Membership.Role.MANAGER)
    generation = serving_generation()
    collection = None
    for number, first in enumerate(range(0, len(texts), _CHUNKS_A_DOCUMENT)):
        if collection is None or number % _DOCUMENTS_A_COLLECTION == 0:
            collection = create_collection(user=reader, title=f"Shelf {number}", owner_team=team)
        part = slice(first, first + _CHUNKS_A_DOCUMENT)
        publish(collection, f"volume-{number}.txt", texts[part], vectors[part], generation)
    with connections["owner"].cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    return create_token(user=reader, name="bench", scopes=[ApiToken.Scope.READ], days=1)[1], vectors


def vectors_of(texts: Sequence[str]) -> NDArray[np.float32]:
    """Return a unit vector for each text, in their order.

    The first texts, which answer the questions, get the model's own vectors, and so do some of the others.
    The rest get what the model would give for a half of one text with a half of another: the mean of two with
    noise that spreads as vectors of texts do, so much that it is as near to that mean. Embedding a hundred
    thousand would take ten minutes.
    """
    model = embedder()
    count = len(texts)
    of_model = np.r_[: min(_EMBEDDED, count), np.unique(np.linspace(0, count - 1, _EMBEDDED).astype(int))]
    of_model = np.unique(of_model)
    real = model.embed_passages([model.shorten(texts[number]) for number in of_model])
    rng = np.random.default_rng(7)
    unit = np.empty((count, real.shape[1]), np.float32)
    spread = _spread_of_halves(real)
    for first in range(0, count, _AT_ONCE):
        of_some = unit[first : first + _AT_ONCE]
        pairs = rng.integers(0, len(real), (len(of_some), 2))
        mean = _unit(real[pairs[:, 0]] + real[pairs[:, 1]])
        noise = _unit(rng.standard_normal(mean.shape, np.float32) @ spread)
        of_some[:] = _unit(mean + _NOISE * noise)
    unit[of_model] = real
    return unit


def _spread_of_halves(real: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what gives normal numbers the covariance of what a half text adds: flatter than that of texts.

    Of 2,000 real mixtures of halves, what differs from the mean of the two has as many directions as this.
    """
    sizes, directions = np.linalg.eigh(np.cov(real.T))
    flatter = np.clip(sizes, 1e-9, None) ** (_FLATTER / 2)
    spread: NDArray[np.float32] = (directions * flatter).T.astype(np.float32)
    return spread


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


@transaction.atomic
def publish(
    collection: Collection,
    name: str,
    texts: Sequence[str],
    vectors: NDArray[np.float32],
    generation: Generation,
) -> None:
    """Publish texts as the chunks of one document, in one transaction."""
    document = Document.objects.create(collection=collection, name=name, title=name)
    version = DocumentVersion.objects.create(
        document=document, number=1, sha256="0" * 64, size=1, media_type="text/plain"
    )
    IngestionJob.objects.create(version=version, state="indexed", stage="done", attempts=1)
    publish_version(version=version, index=prepared_index(name, texts, vectors), generation=generation)


def prepared_index(name: str, texts: Sequence[str], vectors: NDArray[np.float32]) -> NewIndex:
    """Return some texts with their vectors as what is published for one version, a chunk each."""
    chunks = chunks_of(texts)
    return NewIndex(
        text="\n\n".join(texts),
        blocks=[("paragraph", chunk.start, chunk.end, 0) for chunk in chunks],
        pages=[],
        chunks=chunks,
        vectors=vectors,
        title=name,
        parser="bench",
        parser_version="1",
        warnings=(),
        metadata={},
    )


def chunks_of(texts: Sequence[str]) -> list[NewChunk]:
    """Return some texts as the chunks of one version, two line feeds between them."""
    chunks, start = [], 0
    for ordinal, text in enumerate(texts):
        chunks.append(NewChunk(ordinal, text, "", (), None, None, start, start + len(text), len(text) // 5))
        start += len(text) + 2
    return chunks
