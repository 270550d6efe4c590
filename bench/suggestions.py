"""What suggestions cost while somebody types, beside a plain scan of what they may see.

`python bench/suggestions.py [--chunks N] [--typed N]` runs a portal of its own, publishes the chunks with
titles and headings, and types as someone who sees all of them and as someone who sees a tenth. Beginnings are
taken from the passages. The scan reads the visible passages, as suggestions without an index of their own
would have to. The last line is one JSON object.
"""

import argparse
import random
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.tools import figures, passages, stack

_CHUNKS_A_DOCUMENT = 20
_DOCUMENTS_A_COLLECTION = 50
_HEADING = 30
_SCANS = 10
_WARM_UP = 5
_WORD = re.compile(r"[A-Za-z]{6,}")
_TABLES = ("retrieval_word", "retrieval_phrase", "retrieval_postingblock", "retrieval_chunk")
_SIZES = "SELECT name, pg_total_relation_size(name::regclass) FROM unnest(%s::text[]) AS name"
_SCAN = """
WITH visible AS MATERIALIZED ({visible})
SELECT found[1], count(DISTINCT chunk.version_id)
FROM visible
JOIN retrieval_chunk AS chunk ON chunk.collection_id = visible.collection_id AND chunk.version_id = visible.id
CROSS JOIN regexp_matches(chunk.text, %(beginning)s, 'gi') AS found
GROUP BY found[1] ORDER BY count(DISTINCT chunk.version_id) DESC, found[1] LIMIT 4
"""


def beginnings(texts: Sequence[str], number: int) -> Iterator[tuple[str, list[str]]]:
    """Yield each way of typing with its examples."""
    rng = random.Random(7)  # noqa: S311 - a seeded choice, not a secret
    words = [rng.choice(_WORD.findall(text) or ["annual"]) for text in rng.sample(list(texts), number)]
    for letters in (2, 3, 5):
        yield f"{letters} letters", [word[:letters] for word in words]
    yield (
        "a word and 3 letters",
        [f"{one} {other[:3]}" for one, other in zip(words, reversed(words), strict=True)],
    )


def fill(texts: Sequence[str]) -> None:
    """Publish the texts in collections of two teams: one sees all of them, the other a tenth."""
    import numpy as np
    from django.db import connections, transaction

    from bench.tools import library
    from ingestion.models import IngestionJob
    from portal.accounts.models import Membership, Team, User
    from retrieval.collections import create_collection, set_grant
    from retrieval.generations import serving_generation
    from retrieval.indexing import publish_version
    from retrieval.models import Document, DocumentVersion, Role

    generation = serving_generation()
    vectors = np.full((_CHUNKS_A_DOCUMENT, generation.dimension), generation.dimension**-0.5, np.float32)
    teams = [Team.objects.create(name=name, slug=name.lower()) for name in ("Everything", "Tenth")]
    for team in teams:
        person = User.objects.create_user(email=f"{team.slug}@example.com")
        Membership.objects.create(team=team, user=person, role=Membership.Role.MANAGER)
    keeper = User.objects.get(email="everything@example.com")
    for number, first in enumerate(range(0, len(texts), _CHUNKS_A_DOCUMENT)):
        if number % _DOCUMENTS_A_COLLECTION == 0:
            shelf = create_collection(user=keeper, title=f"Shelf {number}", owner_team=teams[0])
            if number % (10 * _DOCUMENTS_A_COLLECTION) == 0:
                set_grant(user=keeper, collection=shelf, team=teams[1], role=Role.READER)
        part = texts[first : first + _CHUNKS_A_DOCUMENT]
        title = " ".join(part[0].split()[:6])[:100]
        index = library.prepared_index(title, part, vectors[: len(part)])
        heads = [("heading", chunk.start, chunk.start + _HEADING, 1) for chunk in index.chunks]
        with transaction.atomic():
            document = Document.objects.create(collection=shelf, name=f"volume-{number}.txt", title=title)
            document.tags = [f"tag {number % 40}"] if number % 3 == 0 else []
            document.save(update_fields=["tags"])
            version = DocumentVersion.objects.create(
                document=document, number=1, sha256="0" * 64, size=1, media_type="text/plain"
            )
            IngestionJob.objects.create(version=version, state="indexed", stage="done", attempts=1)
            publish_version(version=version, index=replace(index, blocks=heads), generation=generation)
    with connections["owner"].cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def measure(chunks: int, number: int) -> dict[str, object]:
    material = passages.gather(chunks, questions=1)
    with stack.running() as running:
        stack.adopt(running)
        fill(material.texts)
        from django.db import connection

        from portal.accounts.models import User
        from retrieval._visible import Visible
        from retrieval.suggestions import suggest

        people = {
            name: User.objects.get(email=f"{slug}@example.com")
            for name, slug in (("sees all", "everything"), ("sees a tenth", "tenth"))
        }

        def ask(user: User, typed: str) -> None:
            suggest(user=user, typed=typed)

        def scan(user: User, typed: str) -> None:
            visible = Visible(user)
            params = visible.params | {"beginning": rf"\m({re.escape(typed.rsplit(maxsplit=1)[-1])}\w*)"}
            with connection.cursor() as cursor:
                cursor.execute(_SCAN.format(visible=visible.sql), params)
                cursor.fetchall()

        rows: dict[str, dict[str, float]] = {}
        for kind, examples in beginnings(material.texts, number):
            for name, user in people.items():
                rows[f"{kind}, {name}"] = _timed(partial(ask, user), examples)
                rows[f"{kind}, {name}, by a scan"] = _timed(partial(scan, user), examples[:_SCANS])
        with connection.cursor() as cursor:
            cursor.execute(_SIZES, [list(_TABLES)])
            sizes = {table: round(int(size) / 1e6, 1) for table, size in cursor.fetchall()}
    return {
        "bench": "suggestions",
        "chunks": chunks,
        "typed": number,
        "text": material.kind,
        "ms": rows,
        "mb": sizes,
    }


def _timed(ask: Callable[[str], object], examples: Sequence[str]) -> dict[str, float]:
    times = []
    for typed in [*examples[:_WARM_UP], *examples]:
        began = time.perf_counter()
        ask(typed)
        times.append((time.perf_counter() - began) * 1000)
    return figures.spread(times[len(examples[:_WARM_UP]) :])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--chunks", type=int, default=20_000)
    parser.add_argument("--typed", type=int, default=60)
    options = parser.parse_args()
    report = measure(options.chunks, options.typed)
    rows: dict[str, dict[str, float]] = report["ms"]  # type: ignore[assignment]
    figures.table(rows)
    figures.finish(report)


if __name__ == "__main__":
    main()
