"""A library that grows in a running portal: real publishing in two processes, the vectors' index built after.

Inserting into an HNSW index costs more than everything else about a passage. So it is dropped while the
library grows, and built anew at the end, as a restore of a backup does.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from bench.tools import stack
from bench.tools.stack import Stack

USERS = 20
_CHUNKS_A_DOCUMENT = 20
_DOCUMENTS_A_COLLECTION = 25
_PUBLISHERS = 2
_WAITING = 8
_INDEXES = """
SELECT pg_get_indexdef(index.indexrelid), index.indexrelid::regclass::text
FROM pg_index AS index JOIN pg_class AS class ON class.oid = index.indexrelid
JOIN pg_am AS method ON method.oid = class.relam
WHERE method.amname = 'hnsw'
"""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Passages of one document, in the collection of this slug."""

    slug: str
    name: str
    texts: Sequence[str]
    vectors: NDArray[np.float32]


class Library:
    """Collections of 500 passages each, which a team of twenty reads. `size` counts the passages."""

    def __init__(self, portal: Stack, texts: Sequence[str], vectors: NDArray[np.float32]) -> None:
        self._portal, self._texts, self._vectors = portal, texts, vectors
        self._dropped: list[str] = []
        self.size = 0
        self.tokens = _make_people()

    def grow(self, size: int, *, index_above: int) -> None:
        """Publish passages until there are `size`; with more than `index_above`, build the index.

        Posting lists are merged as some minutes of beat leave them, and tables as autovacuum does.
        """
        from retrieval.segments import merge_segments

        self._drop_indexes()
        with ProcessPoolExecutor(
            _PUBLISHERS, get_context("spawn"), initializer=begin, initargs=(dict(self._portal.environment),)
        ) as publishers:
            waiting: list[Future[None]] = []
            for batch in self._batches(size):
                waiting.append(publishers.submit(_publish, batch))
                if len(waiting) > _WAITING:
                    waiting.pop(0).result()
            for one in waiting:
                one.result()
        while merge_segments(seconds=60):
            pass
        self.size = size
        self._settle(with_index=size > index_above)

    def _batches(self, size: int) -> Iterator[_Batch]:
        for first in range(self.size, size, _CHUNKS_A_DOCUMENT):
            number = first // _CHUNKS_A_DOCUMENT
            part = slice(first, min(first + _CHUNKS_A_DOCUMENT, size))
            slug = _collection(number // _DOCUMENTS_A_COLLECTION)
            yield _Batch(slug, f"volume-{number}.txt", self._texts[part], self._vectors[part])

    def _drop_indexes(self) -> None:
        with stack.connect(self._portal) as connection:
            for definition, name in connection.execute(_INDEXES).fetchall():
                self._dropped.append(str(definition))
                connection.execute(f"DROP INDEX {name}".encode())

    def _settle(self, *, with_index: bool) -> None:
        with stack.connect(self._portal) as connection:
            if with_index:
                connection.execute("SET maintenance_work_mem = '1GB'")
                while self._dropped:
                    connection.execute(self._dropped.pop().encode())
            connection.execute("VACUUM ANALYZE")


def _make_people() -> list[str]:
    """Return the API tokens of twenty people who read everything."""
    from portal.accounts.models import ApiToken, Membership, Team, User
    from portal.accounts.tokens import create_token

    team = Team.objects.create(name="Readers", slug="readers")
    tokens = []
    for number in range(USERS):
        reader = User.objects.create_user(email=f"reader{number}@example.com")
        Membership.objects.create(team=team, user=reader, role=Membership.Role.MANAGER)
        tokens.append(create_token(user=reader, name="bench", scopes=[ApiToken.Scope.READ], days=1)[1])
    return tokens


def _collection(number: int) -> str:
    from portal.accounts.models import Team, User
    from retrieval.collections import create_collection
    from retrieval.models import Collection

    title = f"Shelf {number}"
    found = Collection.objects.filter(title=title).first()
    if found is None:
        user = User.objects.get(email="reader0@example.com")
        found = create_collection(user=user, title=title, owner_team=Team.objects.get(slug="readers"))
    return found.slug


def begin(environment: Mapping[str, str]) -> None:
    """Let a process that has just begun use a portal."""
    os.environ |= environment
    import django

    django.setup()


def _publish(batch: _Batch) -> None:
    from bench.tools import library
    from retrieval.generations import serving_generation
    from retrieval.models import Collection

    shelf = Collection.objects.get(slug=batch.slug)
    library.publish(shelf, batch.name, batch.texts, batch.vectors, serving_generation())
