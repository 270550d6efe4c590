"""A large library in a running portal: passages published by COPY, a person who may read them all."""

from collections.abc import Sequence

import numpy as np
from django.db import connections, transaction
from numpy.typing import NDArray

from bench.tools.mixtures import vectors_of
from bench.tools.passages import Passages
from ingestion.models import IngestionJob
from portal.accounts.models import ApiToken, Membership, Team, User
from portal.accounts.tokens import create_token
from retrieval.collections import create_collection
from retrieval.generations import serving_generation
from retrieval.indexing import NewChunk, NewIndex, publish_version
from retrieval.models import Collection, Document, DocumentVersion, Generation

_CHUNKS_A_DOCUMENT = 20
_DOCUMENTS_A_COLLECTION = 50


def fill(material: Passages) -> tuple[str, NDArray[np.float32]]:
    """Publish every text as a chunk; return a reader's API token and the vectors, in the texts' order.

    The tables are left as autovacuum leaves them a minute or two after an import.
    """
    texts, vectors = material.texts, vectors_of(material)
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
