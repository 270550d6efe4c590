"""Search over real vectors and postings: found by both halves, and blind to what the person may not see."""

import math
from dataclasses import replace

import bm25s
import numpy as np
import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import User
from retrieval import _candidates
from retrieval.analysis import analyse
from retrieval.errors import InvalidInputError
from retrieval.generations import serving_generation
from retrieval.indexing import publish_version
from retrieval.models import Collection, Document, Grant, PostingBlock
from retrieval.scope import Counts
from retrieval.search import SearchResults, search, visible_counts
from retrieval.verification import verify_document
from tests import factories

pytestmark = pytest.mark.django_db

PASSAGES = [
    "Expenses are paid back within ten days after the claim was approved by a manager.",
    "The travel policy covers trains, flights and hotels for business trips abroad.",
    "Part number FX-9001 is the replacement filter of the Falcon kettle.",
    "Employees get thirty days of annual leave, and sick leave does not count towards it.",
]


def without_timings(results: SearchResults) -> SearchResults:
    return replace(results, timings={})


def test_finds_by_meaning_and_by_word(people: tuple[User, User], handbook: Collection) -> None:
    alice, _ = people
    by_meaning = search(user=alice, query="how many holidays do I have?")
    assert by_meaning.hits[0].text == PASSAGES[3]
    by_word = search(user=alice, query="fx-9001")
    assert by_word.hits[0].text == PASSAGES[2]
    assert by_word.hits[0].page == 3
    assert by_word.hits[0].title == "Staff handbook"
    assert [part.text for part in by_word.hits[0].snippet if part.marked] == ["FX-9001"]


def test_an_outsider_finds_nothing_and_learns_no_count(
    people: tuple[User, User], handbook: Collection
) -> None:
    _, charlie = people
    results = search(user=charlie, query="annual leave", collections=[handbook.slug])
    assert (results.hits, results.documents, results.collections, results.chunks) == ((), 0, 0, 0)
    assert visible_counts(user=charlie).documents == 0


def test_it_tells_how_much_is_searched_before_it_has_found_anything(
    people: tuple[User, User], handbook: Collection
) -> None:
    for person in people:
        told: list[Counts] = []
        results = search(user=person, query="annual leave", tell=told.append)
        assert told == [visible_counts(user=person)]
        assert (told[0].documents, told[0].collections) == (results.documents, results.collections)


def test_what_is_revoked_while_a_search_runs_is_not_shown(
    people: tuple[User, User], handbook: Collection
) -> None:
    def revoke(_: Counts) -> None:
        Grant.objects.filter(collection=handbook).delete()

    assert search(user=people[0], query="annual leave").hits
    results = search(user=people[0], query="annual leave", tell=revoke)
    assert results.chunks > 0, "it was visible when it was counted"
    assert results.hits == ()


def test_a_hidden_document_changes_no_score(people: tuple[User, User], handbook: Collection) -> None:
    alice, charlie = people
    before = without_timings(search(user=alice, query="annual leave policy"))
    hidden = factories.collection("Hidden", owner=charlie.memberships.get().team)
    factories.searchable_document(hidden, passages=["annual leave leave leave policy", "annual policy"])
    factories.searchable_document(handbook, passages=["annual leave, narrowed"], narrowed_to=[])
    assert without_timings(search(user=alice, query="annual leave policy")) == before


def test_narrowing_to_a_collection_that_is_hidden_is_like_one_that_is_missing(
    people: tuple[User, User], handbook: Collection
) -> None:
    _, charlie = people
    hidden = search(user=charlie, query="leave", collections=[handbook.slug])
    missing = search(user=charlie, query="leave", collections=["no-such"])
    assert without_timings(hidden) == without_timings(missing)


def test_bm25_is_lucenes(people: tuple[User, User], handbook: Collection) -> None:
    alice, _ = people
    more = [
        f"The {word} policy covers leave of {word} days." for word in ("train", "hotel", "sick", "annual")
    ]
    factories.searchable_document(handbook, name="more.md", title="More", passages=more)
    query = "annual leave policy for sick days"
    texts = [f"Staff handbook\n{text}" for text in PASSAGES] + [f"More\n{text}" for text in more]
    reference = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    reference.index([analyse(text, "en") for text in texts], show_progress=False)
    scores = reference.get_scores(list(dict.fromkeys(analyse(query, "en"))))
    expected = dict(zip(PASSAGES + more, scores.tolist(), strict=True))
    hits = search(user=alice, query=query, limit=20).hits
    assert len(hits) == len(expected)
    for hit in hits:
        assert math.isclose(hit.bm25, expected[hit.text], abs_tol=1e-3), hit.text


@pytest.mark.parametrize("codes_limit", [0, 300_000])
def test_index_and_codes_find_what_the_exact_path_finds(
    people: tuple[User, User], handbook: Collection, codes_limit: int
) -> None:
    alice, _ = people
    exact = search(user=alice, query="paid holidays", limit=4)
    with override_settings(SEARCH_EXACT_LIMIT=0, SEARCH_CODES_LIMIT=codes_limit):
        indexed = search(user=alice, query="paid holidays", limit=4)
    assert [hit.text for hit in indexed.hits] == [hit.text for hit in exact.hits]
    assert np.allclose([hit.score for hit in indexed.hits], [hit.score for hit in exact.hits])


def test_a_large_index_is_searched_in_rounds(
    people: tuple[User, User], handbook: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, _ = people
    exact = search(user=alice, query="paid holidays", limit=4)
    monkeypatch.setattr(_candidates, "_BREADTH", 2_500)
    monkeypatch.setattr(_candidates, "_BROADEST_AT_ONCE", 2)
    with (
        override_settings(SEARCH_EXACT_LIMIT=0, SEARCH_CODES_LIMIT=0),
        CaptureQueriesContext(connection) as asked,
    ):
        indexed = search(user=alice, query="paid holidays", limit=4)
    assert [hit.text for hit in indexed.hits] == [hit.text for hit in exact.hits]
    assert any("ef_search = 2;" in query["sql"] for query in asked.captured_queries)


def test_a_new_version_takes_the_place_of_the_old_one(
    people: tuple[User, User], handbook: Collection
) -> None:
    alice, _ = people
    document = handbook.documents.get()
    version = document.versions.create(number=2, sha256="2" * 64, size=1, media_type="text/plain")
    publish_version(
        version=version,
        index=factories.index("Handbook", ["Leave is unlimited."]),
        generation=serving_generation(),
    )
    hits = search(user=alice, query="annual leave").hits
    assert [(hit.text, hit.version_number) for hit in hits] == [("Leave is unlimited.", 2)]
    assert set(PostingBlock.objects.values_list("segment__versions", flat=True)) == {version.pk}
    assert "leav" in PostingBlock.objects.values_list("term", flat=True)


def test_an_older_version_that_comes_late_does_not_serve(
    people: tuple[User, User], handbook: Collection
) -> None:
    alice, _ = people
    document = handbook.documents.get()
    old, new = (
        document.versions.create(number=number, sha256=f"{number}" * 64, size=1, media_type="text/plain")
        for number in (2, 3)
    )
    for version, text in ((new, "New rules."), (old, "Old rules.")):
        publish_version(
            version=version, index=factories.index("Handbook", [text]), generation=serving_generation()
        )
    assert [hit.text for hit in search(user=alice, query="rules").hits] == ["New rules."]


@pytest.mark.parametrize(
    ("query", "message"), [(" \n\x00", "is empty"), ("x" * 100_000, "100,000 characters")]
)
def test_bad_questions_are_refused_in_words(people: tuple[User, User], query: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        search(user=people[0], query=query)


def test_times_of_hits_do_not_depend_on_how_the_server_writes_dates(
    people: tuple[User, User], handbook: Collection
) -> None:
    verify_document(user=people[0], document=Document.objects.get(), version_number=1)
    as_iso = search(user=people[0], query="annual leave").hits
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL DateStyle = 'German'")
    as_german = search(user=people[0], query="annual leave").hits
    assert as_german == as_iso
    assert as_iso[0].verified_at is not None
