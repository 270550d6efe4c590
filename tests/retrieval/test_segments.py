"""Segments of posting lists: which are merged when, and that nothing but their number changes by it."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from ingestion.documents import delete_document
from ingestion.moving import move_document
from portal.accounts.models import User
from retrieval import segments
from retrieval.generations import serving_generation
from retrieval.indexing import publish_version
from retrieval.models import Collection, Document, DocumentVersion, PostingBlock, Segment
from retrieval.postings import BLOCK
from retrieval.scope import Counts
from retrieval.search import SearchResults, search
from retrieval.segments import Written, merge_segments, ripe
from tests import factories

PASSAGES = ["Annual leave is thirty days.", "Kettles are in the kitchen."]
NOW = datetime(2030, 5, 1, tzinfo=timezone.get_default_timezone())


def written(*used: int, wasted: int = 0, age: timedelta = timedelta()) -> list[Written]:
    return [Written(key, size + wasted, size, NOW - age) for key, size in enumerate(used)]


@pytest.mark.parametrize(
    ("sizes", "groups"),
    [
        ([], []),
        ([20], []),
        ([20, 20], [[0, 1]]),
        ([500, 20], []),
        ([500, 20, 20, 30], [[1, 2, 3]]),
        ([500, 20, 480], [[1, 2, 0]]),
        ([1, 2, 3, 4, 40], [[0, 1, 2, 3]]),
        ([20_000, 20_000], []),
        ([9_000, 9_000, 9_000], [[0, 1]]),
    ],
)
def test_a_segment_is_merged_with_smaller_ones_that_are_as_much_together(
    sizes: list[int], groups: list[list[int]]
) -> None:
    assert list(ripe(written(*sizes), now=NOW)) == groups


def test_what_versions_left_behind_goes_at_once_where_it_is_much_and_within_a_day_elsewhere() -> None:
    assert list(ripe(written(70, wasted=30), now=NOW)) == [[0]]
    assert list(ripe(written(0, wasted=30), now=NOW)) == [[0]]
    assert list(ripe(written(20_000, wasted=6_000), now=NOW)) == [[0]]
    assert list(ripe(written(90, wasted=1, age=timedelta(hours=23)), now=NOW)) == []
    assert list(ripe(written(90, wasted=1, age=timedelta(hours=25)), now=NOW)) == [[0]]


@given(st.lists(st.integers(1, 2_000), min_size=1, max_size=60))
def test_few_segments_are_left_however_they_came(sizes: list[int]) -> None:
    at_hand, rewritten = written(*sizes), 0
    while groups := list(ripe(at_hand, now=NOW)):
        for group in groups:
            members = [one for one in at_hand if one.key in group]
            size = sum(one.used for one in members)
            rewritten += size
            at_hand = [one for one in at_hand if one.key not in group]
            at_hand.append(Written(max(group) + 1_000, size, size, NOW))
    assert sum(one.used for one in at_hand) == sum(sizes)
    growing = sorted(one.used for one in at_hand if one.used < 16_384)
    assert all(one > sum(growing[:at]) for at, one in enumerate(growing))
    assert len(growing) <= 15
    assert rewritten <= 17 * sum(sizes)


def shelf(collection: Collection, documents: int) -> list[Document]:
    return [
        factories.searchable_document(
            collection,
            name=f"{number}.md",
            title=f"Volume {number}",
            passages=[f"Kettle {number} is on shelf {page}." for page in range(number + 1)],
        )
        for number in range(documents)
    ]


def what_is_found(person: User) -> dict[str, list[tuple[object, ...]]]:
    """Return hits with their scores, in all ways that use posting lists."""
    questions = ("kettle shelf", "annual leave", "kettle 3", '"on shelf 2"', "kett*", "-shelf kettle kitchen")
    found = {question: search(user=person, query=question, limit=60) for question in questions}
    return {question: list(map(_told, _hits(results))) for question, results in found.items()}


def _hits(results: SearchResults) -> list[tuple[object, ...]]:
    return [(hit.document_id, hit.ordinal, hit.text, hit.bm25, hit.score) for hit in results.hits]


def _told(hit: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(round(value, 9) if isinstance(value, float) else value for value in hit)


@pytest.mark.django_db
def test_what_is_found_is_the_same_after_a_merge(people: tuple[User, User], handbook: Collection) -> None:
    shelf(handbook, 6)
    other = factories.collection("Other", owner=handbook.owner_team)
    shelf(other, 3)
    before, rows = what_is_found(people[0]), PostingBlock.objects.count()
    assert all(before.values())
    assert merge_segments(seconds=60) > 2
    assert what_is_found(people[0]) == before
    assert PostingBlock.objects.count() < rows
    while merge_segments(seconds=60):
        assert what_is_found(people[0]) == before
    assert Segment.objects.filter(collection=other).count() == 1
    assert not any(what_is_found(people[1]).values())


@pytest.mark.django_db
def test_a_merged_document_is_deleted_replaced_and_moved_like_any_other(
    people: tuple[User, User], handbook: Collection
) -> None:
    gone, replaced, moved, kept = shelf(handbook, 4)
    factories.searchable_document(handbook, name="gone.md", passages=["A samovar is on shelf 9."])
    merge_all()
    other = factories.collection("Other", owner=handbook.owner_team)
    move_document(user=people[0], document=moved, target=other, allow_wider=True)
    delete_document(user=people[0], document=Document.objects.get(name="gone.md"))
    version = replaced.versions.create(number=2, sha256="2" * 64, size=1, media_type="text/plain")
    with transaction.atomic():
        publish_version(
            version=version,
            index=factories.index("Volume 1", ["A teapot is on shelf 1."]),
            generation=serving_generation(),
        )
    expected = what_is_found(people[0])
    assert search(user=people[0], query="samovar").hits[0].bm25 == 0
    assert search(user=people[0], query="teapot").hits[0].text == "A teapot is on shelf 1."
    assert {
        hit.text for hit in search(user=people[0], query='"kettle 2"', collections=[other.slug]).hits
    } == {f"Kettle 2 is on shelf {page}." for page in range(3)}
    merge_all()
    assert what_is_found(people[0]) == expected
    assert not search(user=people[0], query='"kettle 1"').hits
    assert {gone.pk, kept.pk} <= {
        hit.document_id for hit in search(user=people[0], query="kettle", limit=60).hits
    }


@pytest.mark.django_db
def test_nothing_of_a_deleted_document_outlasts_the_merge(
    people: tuple[User, User], handbook: Collection
) -> None:
    secret = factories.searchable_document(handbook, name="secret.md", passages=["Zymurgy"] * 2)
    merge_all()
    delete_document(user=people[0], document=secret)
    assert PostingBlock.objects.filter(term="zymurgi").exists(), "it is left in the merged list until then"
    merge_all()
    assert not PostingBlock.objects.filter(term="zymurgi").exists()
    delete_document(user=people[0], document=handbook.documents.get(deleted_at=None))
    assert not PostingBlock.objects.exists()
    assert not Segment.objects.exists()


@pytest.mark.django_db
def test_a_collection_that_cannot_be_merged_holds_up_no_other(
    people: tuple[User, User], handbook: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf(handbook, 3)
    other = factories.collection("Other", owner=handbook.owner_team)
    shelf(other, 3)
    write = segments._write_merged

    def fail_for_the_first(collection_id: int, *rest: Any) -> None:
        if collection_id == handbook.pk:
            raise DatabaseError
        write(collection_id, *rest)

    monkeypatch.setattr(segments, "_write_merged", fail_for_the_first)
    before = what_is_found(people[0])
    assert merge_segments(seconds=60) == 3
    assert Segment.objects.filter(collection=other).count() == 1
    assert Segment.objects.filter(collection=handbook).count() == 4
    assert what_is_found(people[0]) == before


@pytest.mark.django_db
def test_a_long_list_is_cut_into_blocks_again(people: tuple[User, User], handbook: Collection) -> None:
    for name in ("a", "b"):
        texts = [f"Kettle {name}{number}" for number in range(BLOCK - 10)]
        factories.searchable_document(handbook, name=f"{name}.md", passages=texts)
    merge_all()
    assert PostingBlock.objects.filter(term="kettl").count() == 2
    assert search(user=people[0], query="b200").hits[0].text == "Kettle b200"


def merge_all() -> None:
    """Merge as a day goes by: waste goes, too."""
    Segment.objects.update(written_at=timezone.now() - timedelta(days=2))
    while merge_segments(seconds=60):
        pass


@pytest.mark.django_db(transaction=True)
def test_a_search_that_began_before_a_merge_misses_nothing(
    people: tuple[User, User], handbook: Collection
) -> None:
    shelf(handbook, 3)
    before = _hits(search(user=people[0], query="kettle shelf"))

    def merge(_: Counts) -> None:
        in_a_thread(lambda: merge_segments(seconds=60))

    found = search(user=people[0], query="kettle shelf", tell=merge)
    assert Segment.objects.filter(collection=handbook).count() < 4
    assert _hits(found) == before


@pytest.mark.django_db(transaction=True)
def test_a_version_that_leaves_is_waited_for_by_none(people: tuple[User, User], handbook: Collection) -> None:
    documents = shelf(handbook, 2)
    taken: list[int] = []
    with transaction.atomic():
        delete_document(user=people[0], document=documents[0])
        in_a_thread(lambda: taken.append(merge_segments(seconds=60)))
    assert taken == [0], "the segment is left for later, and nothing waits"
    assert not DocumentVersion.objects.filter(document=documents[0], segment__isnull=False).exists()
    assert merge_segments(seconds=60) == 2


def in_a_thread(act: Callable[[], object]) -> None:
    """Do it with a database connection of its own."""

    def run() -> None:
        try:
            act()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
