"""Blocks of postings: packed, read back, searched past their first one, and made from rows of before."""

from importlib import import_module

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from portal.accounts.models import User
from retrieval.models import Collection, PostingBlock, Segment
from retrieval.postings import BLOCK, blocks_of, entries_of
from retrieval.search import search
from tests import factories

PASSAGES = ["Annual leave is thirty days.", "Kettles are in the kitchen."]
passages = st.lists(st.lists(st.sampled_from("abc"), max_size=6), max_size=3 * BLOCK)


@given(passages)
def test_what_is_packed_is_read_back(texts: list[list[str]]) -> None:
    found = []
    for term, first, packed in blocks_of(list(enumerate(texts))):
        entries = entries_of(packed)
        assert 0 < len(entries) <= BLOCK
        assert entries[0]["place"] == first
        found += [(int(ordinal), term, int(often), int(length)) for ordinal, often, length in entries]
    expected = [
        (ordinal, term, text.count(term), len(text))
        for ordinal, text in enumerate(texts)
        for term in set(text)
    ]
    assert sorted(found) == sorted(expected)


def test_counts_past_what_an_entry_holds_are_cut() -> None:
    [(_, _, packed)] = blocks_of([(2**32 - 1, ["a"] * 70_000)])
    assert entries_of(packed).tolist() == [(2**32 - 1, 65_535, 65_535)]


@pytest.mark.django_db
def test_the_last_passage_of_a_long_document_is_found(
    people: tuple[User, User], handbook: Collection
) -> None:
    texts = [f"Kettle number {number} is on shelf {number}." for number in range(2 * BLOCK + 10)]
    factories.searchable_document(handbook, name="shelves.md", title="Shelves", passages=texts)
    last = len(texts) - 1
    assert search(user=people[0], query=f"shelf {last}").hits[0].text == texts[last]
    assert [hit.text for hit in search(user=people[0], query=f'"on shelf {last}"').hits] == [texts[last]]
    hits = search(user=people[0], query="kettle shelf", limit=50).hits
    assert len({hit.text for hit in hits} & set(texts)) == len(hits) == 50


@pytest.mark.django_db
def test_rows_of_before_become_blocks() -> None:
    """The block table of then hides the one of today."""
    texts = [f"kettle {number % 7} kettle".split() for number in range(BLOCK + 5)]
    expected: set[tuple[str, int, int, int]] = {
        (term, *entry) for term, _, packed in blocks_of(list(enumerate(texts))) for entry in _plain(packed)
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE retrieval_posting (collection_id bigint, term text, version_id bigint,"
            " ordinal int, frequency smallint, length smallint) ON COMMIT DROP;"
            "CREATE TEMP TABLE retrieval_postingblock (collection_id bigint, term text, version_id bigint,"
            " first int, entries bytea) ON COMMIT DROP"
        )
        cursor.executemany(
            "INSERT INTO retrieval_posting VALUES (1, %s, 2, %s, %s, %s)", [list(row) for row in expected]
        )
        cursor.execute(import_module("retrieval.migrations.0013_posting_blocks").PACK)
        cursor.execute("SELECT term, first, entries FROM retrieval_postingblock WHERE version_id = 2")
        blocks = cursor.fetchall()
    assert {(term, *entry) for term, _, packed in blocks for entry in _plain(packed)} == expected
    assert all(first == _plain(packed)[0][0] for _, first, packed in blocks)


def _plain(packed: bytes) -> list[tuple[int, int, int]]:
    return [(int(place), int(often), int(length)) for place, often, length in entries_of(bytes(packed))]


@pytest.mark.django_db
def test_versions_of_before_have_segments(people: tuple[User, User], handbook: Collection) -> None:
    """As after an upgrade: blocks are known by their version's number, and no version has a segment."""
    found = [hit.text for hit in search(user=people[0], query="annual leave").hits]
    version = handbook.documents.get().current_version
    assert found
    assert version is not None
    PostingBlock.objects.update(segment=version.pk)
    Segment.objects.all().delete()
    assert search(user=people[0], query="annual leave").hits[0].bm25 == 0
    with connection.cursor() as cursor:
        cursor.execute(import_module("retrieval.migrations.0019_fill_segments").FILL)
    assert [hit.text for hit in search(user=people[0], query="annual leave").hits] == found
    factories.searchable_document(handbook, passages=["A segment of its own."])
    assert Segment.objects.count() == 2
