"""Each sign of the query language at work: what it finds, what it leaves out, and nothing beside the rule."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from ingestion.parsing.detect import SUPPORTED
from portal.accounts.models import User
from retrieval import _containing
from retrieval.errors import InvalidInputError
from retrieval.media_families import FAMILY_BY_TYPE
from retrieval.models import Collection, Document, DocumentVersion
from retrieval.search import SearchResults, search, visible_counts
from tests import factories

pytestmark = pytest.mark.django_db

PASSAGES = [
    "Annual leave is thirty days for everyone.",
    "Leave requests are annual business of the managers.",
    "The organization of caf\u00e9 kettles follows ISO\u20119001:2015.",
    "Kettle lids, and the kettle's base, are in the draft.",
    "To be or not to be, that is not for the handbook to say.",
]


def found(user: User, query: str, **more: object) -> set[int]:
    """Return which of the passages were found."""
    texts = [hit.text for hit in search(user=user, query=query, limit=50, **more).hits]  # type: ignore[arg-type]
    return {PASSAGES.index(text) for text in texts if text in PASSAGES}


def comparable(results: SearchResults) -> SearchResults:
    return replace(results, timings={}, query="", question="")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('"annual leave"', {0}),
        ('"ANNUAL   Leave"', {0}),
        ('"leave annual"', set()),
        ('"nnual leave"', set()),
        ('"cafe kettles"', {2}),
        ('"ISO 9001"', {2}),
        ('"iso-9001 2015"', {2}),
        ('"kettle\'s base"', {3}),
        ('"to be or not"', {4}),
        ('"annual" "requests"', {1}),
        ("organi*", {2}),
        ("kett*", {2, 3}),
        ("kettles* lids*", set()),
        ("iso-90*", {2}),
        ("annual -requests", {0, 2, 3, 4}),
        ("leave -kettles", {0, 1, 4}),
        ('leave -"annual leave"', {1, 2, 3, 4}),
        ("leave -kett*", {0, 1, 4}),
        ('"annual" -"annual leave"', {1}),
        ('"leave" -annual', set()),
    ],
)
def test_words_that_must_or_must_not_be_there(
    people: tuple[User, User], handbook: Collection, query: str, expected: set[int]
) -> None:
    alice, charlie = people
    assert found(alice, query) == expected
    assert found(charlie, query) == set()


@pytest.mark.parametrize("codes_limit", [0, 300_000])
def test_exclusions_hold_by_index_and_by_codes(
    people: tuple[User, User], handbook: Collection, codes_limit: int
) -> None:
    with override_settings(SEARCH_EXACT_LIMIT=0, SEARCH_CODES_LIMIT=codes_limit):
        assert found(people[0], "leave -kettles") == {0, 1, 4}
        assert found(people[0], '"annual leave"') == {0}


def test_a_prefix_marks_what_it_found(people: tuple[User, User], handbook: Collection) -> None:
    hits = search(user=people[0], query="lid*").hits
    assert [part.text for hit in hits for part in hit.snippet if part.marked] == ["lids"]


def test_words_that_are_everywhere_are_not_read_one_by_one(
    people: tuple[User, User], handbook: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInputError, match="too common"):
        search(user=people[0], query="leave -the")
    monkeypatch.setattr(_containing, "MOST_READ", 2)
    with pytest.raises(InvalidInputError, match="Too many passages may hold “to be or not”"):
        search(user=people[0], query='"to be or not"')


@pytest.fixture
def library(people: tuple[User, User], handbook: Collection) -> dict[str, Document]:
    """Three documents for Alice, one hidden from her, each with one passage about leave."""
    alice, charlie = people
    green = factories.collection("Green papers", owner=factories.team("Green Team", members=[alice]))
    green.language = "de"
    green.save()
    secret = factories.collection("Secret", owner=charlie.memberships.get().team)
    made = {
        "pdf": factories.searchable_document(
            handbook, name="plan.pdf", title="Plan", passages=["A leave plan."]
        ),
        "word": factories.searchable_document(
            green, name="u.docx", title="Urlaub", passages=["Urlaub: leave."]
        ),
        "hidden": factories.searchable_document(
            secret, name="secret.pdf", title="Plan", passages=["Leave now."]
        ),
    }
    types = {"pdf": "application/pdf", "word": "application/msword", "hidden": "application/pdf"}
    for name, document in made.items():
        DocumentVersion.objects.filter(document=document).update(media_type=types[name])
    dates = {"pdf": (2023, 12, 31), "word": (2024, 3, 1), "hidden": (2024, 3, 1)}
    for name, day in dates.items():
        Document.objects.filter(pk=made[name].pk).update(updated_at=datetime(*day, 12, tzinfo=UTC))
    Document.objects.filter(name="handbook.md").update(updated_at=datetime(2024, 6, 1, tzinfo=UTC))
    return made


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("", {"handbook.md", "plan.pdf", "u.docx"}),
        ("collection:handbook", {"handbook.md", "plan.pdf"}),
        ("collection:HandBook collection:green-papers", {"handbook.md", "plan.pdf", "u.docx"}),
        ("-collection:handbook", {"u.docx"}),
        ("type:pdf", {"plan.pdf"}),
        ("type:docx", {"u.docx"}),
        ("-type:pdf", {"handbook.md", "u.docx"}),
        ("team:blue", {"handbook.md", "plan.pdf"}),
        ('team:"green team"', {"u.docx"}),
        ("language:de", {"u.docx"}),
        ("language:english", {"handbook.md", "plan.pdf"}),
        ("after:2024", {"handbook.md", "u.docx"}),
        ("before:2024", {"plan.pdf"}),
        ("after:2024-03 before:2024-04", {"u.docx"}),
        ("after:2024-03-02", {"handbook.md"}),
        ("title:handbook", {"handbook.md"}),
        ("title:PLAN type:pdf", {"plan.pdf"}),
        ("title:%", set()),
        ("collection:secret", set()),
        ("team:red", set()),
    ],
)
def test_filters(
    people: tuple[User, User], library: dict[str, Document], filters: str, expected: set[str]
) -> None:
    results = search(user=people[0], query=f"leave {filters}", limit=50)
    assert {hit.name for hit in results.hits} == expected
    assert results.documents == len(expected)
    assert visible_counts(user=people[0], query=f"leave {filters}").documents == len(expected)


@pytest.mark.parametrize(
    ("hidden", "missing"),
    [
        ("collection:secret", "collection:no-such"),
        ("team:red", "team:no-such"),
        ("title:secret", "title:no-such"),
        ("collection:secret -type:word", "collection:no-such -type:word"),
    ],
)
def test_a_filter_for_something_hidden_is_like_one_for_nothing(
    people: tuple[User, User], library: dict[str, Document], hidden: str, missing: str
) -> None:
    results = [
        comparable(search(user=people[0], query=f"leave {filters}", with_facets=True))
        for filters in (hidden, missing)
    ]
    assert results[0] == results[1]
    assert not results[0].hits
    assert not results[0].facets


@pytest.mark.parametrize(
    "query", ['"leave now"', "leav*", "leave -plan", '-"leave now" leave', "type:pdf leave"]
)
def test_a_hidden_document_changes_nothing(
    people: tuple[User, User], library: dict[str, Document], query: str
) -> None:
    before = comparable(search(user=people[0], query=query, with_facets=True, limit=50))
    library["hidden"].collection.delete()
    assert comparable(search(user=people[0], query=query, with_facets=True, limit=50)) == before


def test_facets_count_what_the_person_sees(people: tuple[User, User], library: dict[str, Document]) -> None:
    facets = {
        facet.field: [(one.value, one.label, one.documents) for one in facet.values]
        for facet in search(user=people[0], query="leave", with_facets=True).facets
    }
    assert facets == {
        "collection": [("handbook", "Handbook", 2), ("green-papers", "Green papers", 1)],
        "type": [("pdf", "PDF", 1), ("text", "Plain text", 1), ("word", "Word and text documents", 1)],
        "language": [("en", "English", 2), ("de", "German", 1)],
        "year": [("2024", "2024", 2), ("2023", "2023", 1)],
    }
    (secret,) = (one for one in search(user=people[1], query="leave", with_facets=True).facets[0].values)
    assert (secret.value, secret.documents) == ("secret", 1)


def test_the_filters_of_a_facet_find_as_many_documents(
    people: tuple[User, User], library: dict[str, Document]
) -> None:
    for facet in search(user=people[0], query="leave", with_facets=True).facets:
        for one in facet.values:
            filters = " ".join(f"{name}:{value}" for name, value in one.filters)
            assert search(user=people[0], query=f"leave {filters}").documents == one.documents


def test_a_plain_question_is_five_statements_and_facets_are_one_more(
    people: tuple[User, User], handbook: Collection
) -> None:
    search(user=people[0], query="annual leave")  # lists what is visible, which one more statement reads
    with CaptureQueriesContext(connection) as plain:
        search(user=people[0], query="annual leave")
    with CaptureQueriesContext(connection) as faceted:
        search(user=people[0], query="annual leave", with_facets=True)
    statements = [one["sql"] for one in plain.captured_queries if "SAVEPOINT" not in one["sql"]]
    assert len(statements) == 5, statements
    assert len(faceted) == len(plain) + 1


def test_identifiers_and_phrases_lean_on_words(
    people: tuple[User, User], handbook: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "retrieval.surroundings._SHARE", 0.0
    )  # what stands beside the best has its share else

    def second_best(query: str) -> float:
        return search(user=people[0], query=query).hits[1].score

    with override_settings(FUSION_DENSE_WEIGHT_EXACT=0.0):
        assert second_best("ISO-9001") == 0
        assert second_best("ISO9001") == 0
        assert second_best("the organization") > 0


def test_every_type_that_can_be_uploaded_has_a_family() -> None:
    assert set(SUPPORTED) <= set(FAMILY_BY_TYPE)
