"""A world of the permission scenarios as the portal stores it."""

from collections.abc import Iterator

import numpy as np
from django.utils import timezone

from ingestion.models import IngestionJob
from portal.accounts.models import Membership, User
from retrieval.generations import embedder, serving_generation
from retrieval.indexing import NewChunk, NewIndex, publish_version
from retrieval.models import Collection, Document, DocumentVersion, Grant, Synonyms
from tests import factories
from tests.retrieval.oracle import DIMENSION, LANGUAGES, PEOPLE, TEAMS, Paper, World


class Portal:
    """The keeper of this portal may change everything, with the services of people."""

    def __init__(self, world: World) -> None:
        self.people = [factories.user() for _ in range(PEOPLE)]
        self.teams = [factories.team() for _ in range(TEAMS)]
        self.keeper = factories.user()
        keepers = factories.team(managers=[self.keeper])
        self.collections = [factories.collection(owner=keepers) for _ in LANGUAGES]
        for collection, language in zip(self.collections, LANGUAGES, strict=True):
            Collection.objects.filter(pk=collection.pk).update(language=language)
            collection.refresh_from_db()
        theirs = [(team, self.people[one]) for one, teams in enumerate(world.members) for team in teams]
        theirs += [(team, self.keeper) for team in range(TEAMS)]
        Membership.objects.bulk_create(Membership(team=self.teams[t], user=user) for t, user in theirs)
        Grant.objects.bulk_create(
            Grant(collection=self.collections[one], team=self.teams[team])
            for one, teams in enumerate(world.grants)
            for team in teams
        )
        Grant.objects.bulk_create(
            Grant(collection=self.collections[one], team=None) for one in world.everyone
        )
        self.papers: list[Document] = []
        for paper in world.papers:
            self.add(paper)
        Synonyms.objects.bulk_create(
            Synonyms(collection=self.collections[where], words=words, keys=sorted(words))
            for where, words in world.synonyms
        )

    @property
    def slugs(self) -> list[str]:
        return [collection.slug for collection in self.collections]

    def person(self, number: int) -> User:
        """Return a person as the next request finds them."""
        return User.objects.get(pk=self.people[number].pk)

    def document(self, number: int) -> Document:
        return Document.objects.select_related("collection", "parent", "current_version").get(
            pk=self.papers[number].pk
        )

    def add(self, paper: Paper) -> None:
        above = None if paper.parent is None else self.papers[paper.parent]
        document = Document.objects.create(
            collection=self.collections[paper.collection],
            name=f"{len(self.papers)}.txt",
            title=" ".join(paper.title),
            tags=sorted(paper.tags),
            parent=above,
            ancestors=[*above.ancestors, above.pk] if above else [],
            is_narrowed=paper.narrowed is not None,
        )
        document.narrowed_to.set(self.teams[team] for team in paper.narrowed or ())
        self.papers.append(document)
        self.publish(document, 1, paper)
        if paper.is_deleted:
            Document.objects.filter(pk=document.pk).update(deleted_at=timezone.now())

    def publish(self, document: Document, number: int, paper: Paper) -> None:
        version = DocumentVersion.objects.create(
            document=document, number=number, sha256="0" * 64, size=1, media_type="text/plain"
        )
        IngestionJob.objects.create(version=version, state="indexed", stage="done", attempts=1)
        publish_version(version=version, index=_index(paper), generation=serving_generation())


def _index(paper: Paper) -> NewIndex:
    texts = [" ".join(words) for words in paper.passages]
    chunks = [
        NewChunk(number, text, "", (), None, None, 100 * number, 100 * number + len(text), len(text.split()))
        for number, text in enumerate(texts)
    ]
    vectors = embedder().embed_passages(texts) if texts else np.zeros((0, DIMENSION), dtype=np.float32)
    return NewIndex(
        text=" ".join(" ".join(words) for words in paper.headings),
        blocks=list(_heading_blocks(paper)),
        pages=[],
        chunks=chunks,
        vectors=vectors,
        title=" ".join(paper.title),
        parser="text",
        parser_version="1",
        warnings=(),
        metadata={"author": paper.author},
    )


def _heading_blocks(paper: Paper) -> Iterator[tuple[str, int, int, int]]:
    start = 0
    for words in paper.headings:
        length = len(" ".join(words))
        yield "heading", start, start + length, 1
        start += length + 1
