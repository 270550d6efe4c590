"""Search by words alone, over the posting lists in PostgreSQL, up to a million passages.

`python -m bench.words [--sizes 100000 1000000] [--questions N]` runs a portal of its own and writes documents
with their posting lists, as merges leave them, up to each size in turn: no texts, no vectors. Past 100,000
passages, passages come round again. Questions are eight ordinary words that stand together in a passage. Each
is scored for somebody who sees all collections and for somebody who sees a tenth of them. The reference is
bm25s in this process, without permissions; past 200,000 passages it is left out. The last line is one JSON
object.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.tools import figures, growing, passages, stack
from bench.tools.stack import Stack
from retrieval.analysis import analyse

if TYPE_CHECKING:
    from retrieval.models import Document, DocumentVersion

TARGETS_MS = {100_000: {"all": 15.0, "a tenth": 3.0}, 1_000_000: {"all": 60.0}}
_DISTINCT = 100_000
_COLLECTIONS = 200
_SHELF = "Shelf"
_CHUNKS_A_DOCUMENT = 20
_WORDS = 8
_DEPTH = 100
_WARM_UP = 10
_REFERENCE_UP_TO = 200_000
_PROCESSES = 2

Terms = list[str]


def measure(sizes: Sequence[int], questions: int) -> dict[str, Any]:
    """Return the figures of each size, in a portal of its own."""
    material = passages.gather(min(max(sizes), _DISTINCT), questions=1)
    with ProcessPoolExecutor(_PROCESSES, get_context("spawn")) as pool:
        analysed = list(pool.map(_analysed, material.texts, chunksize=500))
    asked = _questions(analysed, questions + _WARM_UP)
    rows, written = [], 0
    with stack.running() as portal:
        stack.adopt(portal)
        readers = _make_readers()
        for size in sorted(sizes):
            every = [analysed[number % len(analysed)] for number in range(size)]
            began = time.perf_counter()
            _grow(portal, every[written:])
            written, filled = size, round(time.perf_counter() - began, 1)
            figures.say(f"{size:,} passages ({material.kind}) after {filled} s")
            found = {name: _timed(_search_as(email), asked) for name, email in readers.items()}
            if size <= _REFERENCE_UP_TO:
                found["bm25s, all"] = _timed(_reference(every), asked)
            figures.table(found)
            rows.append({"passages": size, "fill_seconds": filled} | found)
    return {"bench": "words", "text": material.kind, "rows": rows, "targets_p95_ms": TARGETS_MS}


def _analysed(text: str) -> Terms:
    return analyse(text, "en")


def _questions(analysed: Sequence[Terms], number: int) -> list[Terms]:
    rng = random.Random(7)  # noqa: S311 - a seeded choice, not a secret
    long_enough = [distinct for terms in analysed if len(distinct := list(dict.fromkeys(terms))) >= _WORDS]
    found = []
    for terms in rng.sample(long_enough, number):
        first = rng.randrange(len(terms) - _WORDS + 1)
        found.append(terms[first : first + _WORDS])
    return found


def _timed(search: Callable[[Terms], object], asked: Sequence[Terms]) -> dict[str, float]:
    times = []
    for terms in asked:
        began = time.perf_counter()
        search(terms)
        times.append((time.perf_counter() - began) * 1000)
    return figures.spread(times[_WARM_UP:])


def _search_as(email: str) -> Callable[[Terms], object]:
    """Return how a person's words are scored, from the terms to the best hundred, once all is listed."""
    from portal.accounts.models import User
    from retrieval import _lexical
    from retrieval._visible import Visible
    from retrieval.query import parse_query
    from retrieval.scope import read_scope

    scope = read_scope(Visible(User.objects.get(email=email)), parse_query("anything"))

    def search(terms: Terms) -> object:
        scored = _lexical.score_passages(
            listed=scope.listed,
            terms=_lexical.Terms(terms),
            passages=scope.counts.chunks,
            length=scope.length,
        )
        return scored.best(_DEPTH, among=None)

    return search


def _reference(every: Sequence[Terms]) -> Callable[[Terms], object]:
    import bm25s
    import numpy as np

    index = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    index.index(list(every), show_progress=False)
    return lambda terms: np.argpartition(-index.get_scores(terms), _DEPTH)[:_DEPTH]


def _make_readers() -> dict[str, str]:
    """Make the collections, and return who sees which share of them by e-mail address."""
    from portal.accounts.models import Membership, Team, User
    from retrieval.collections import create_collection
    from retrieval.models import Grant, Role

    readers = {}
    for share in ("all", "a tenth"):
        slug = share.replace(" ", "-")
        team = Team.objects.create(name=share, slug=slug)
        readers[share] = f"{slug}@example.com"
        person = User.objects.create_user(email=readers[share])
        Membership.objects.create(team=team, user=person, role=Membership.Role.MANAGER)
    keeper, owner = User.objects.get(email=readers["all"]), Team.objects.get(slug="all")
    shelves = [
        create_collection(user=keeper, title=f"{_SHELF} {number}", owner_team=owner)
        for number in range(_COLLECTIONS)
    ]
    tenth = Team.objects.get(slug="a-tenth")
    Grant.objects.bulk_create(Grant(collection=one, team=tenth, role=Role.READER) for one in shelves[::10])
    return readers


def _grow(portal: Stack, more: Sequence[Terms]) -> None:
    """Write more passages into all collections, and leave the tables as autovacuum does."""
    from django.db import connections

    from retrieval.models import Collection

    of_one = -(-len(more) // _COLLECTIONS)
    parts = [more[first : first + of_one] for first in range(0, len(more), of_one)]
    shelves = Collection.objects.filter(title__startswith=_SHELF).order_by("pk")[: len(parts)]
    with ProcessPoolExecutor(
        _PROCESSES, get_context("spawn"), initializer=growing.begin, initargs=(dict(portal.environment),)
    ) as pool:
        list(pool.map(_write, [one.pk for one in shelves], parts))
    with connections["owner"].cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def _write(collection_id: int, analysed: Sequence[Terms]) -> None:
    """Write documents with these terms in their passages, and one segment of all of them."""
    from django.db import transaction

    from retrieval.models import Collection, Document, DocumentVersion
    from retrieval.postings import blocks_of
    from retrieval.segments import open_segment, write_blocks

    collection = Collection.objects.get(pk=collection_id)
    already = collection.documents.count()
    firsts = range(0, len(analysed), _CHUNKS_A_DOCUMENT)
    with transaction.atomic():
        documents = Document.objects.bulk_create(
            Document(collection=collection, name=f"{already + number}.txt", title=f"Volume {number}")
            for number in range(len(firsts))
        )
        versions = DocumentVersion.objects.bulk_create(
            _version(document, analysed[first : first + _CHUNKS_A_DOCUMENT])
            for document, first in zip(documents, firsts, strict=True)
        )
        for document, version in zip(documents, versions, strict=True):
            document.current_version = version
        Document.objects.bulk_update(documents, ["current_version"], batch_size=200)
        places = {version.pk: first for version, first in zip(versions, firsts, strict=True)}
        segment = open_segment(collection=collection, versions=places, places=len(analysed))
        write_blocks(segment, blocks_of(list(enumerate(analysed))))


def _version(document: "Document", analysed: Sequence[Terms]) -> "DocumentVersion":
    from retrieval.models import DocumentVersion

    return DocumentVersion(
        document=document,
        number=1,
        sha256="0" * 64,
        size=1,
        media_type="text/plain",
        chunk_count=len(analysed),
        term_count=sum(map(len, analysed)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--questions", type=int, default=150)
    options = parser.parse_args()
    figures.finish(measure(options.sizes, options.questions))


if __name__ == "__main__":
    main()
