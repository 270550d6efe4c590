"""What is suggested comes from what the person may see, and nothing hidden changes it."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ingestion.documents import delete_document
from ingestion.moving import move_document
from portal.accounts.models import User
from retrieval.models import Collection, Document, Phrase, Word
from retrieval.suggestions import suggest
from retrieval.tags import set_tags
from retrieval.vocabulary import phrases_of, words_of
from tests import factories

pytestmark = pytest.mark.django_db
PASSAGES = ["Annual leave is thirty days.", "Leavers return their keys. ISO-9001 is annually checked."]


@pytest.fixture
def leave(people: tuple[User, User], handbook: Collection) -> Document:
    document: Document = factories.searchable_document(
        handbook,
        name="leave.md",
        title="Rules on annual leave",
        passages=["Annual summaries go to the office."],
        headings=["Parents", "Leave for parents"],
    )
    set_tags(user=people[0], document=document, tags=["annual report", "hr"])
    return document


def told(user: User, typed: str, *collections: str) -> list[tuple[str, str]]:
    return [(one.kind, one.text) for one in suggest(user=user, typed=typed, collections=collections)]


def test_words_come_from_the_passages_the_most_frequent_first(
    people: tuple[User, User], leave: Document
) -> None:
    assert told(people[0], "annu")[:2] == [("word", "annual"), ("word", "annually")]
    assert told(people[0], "what is ISO") == [("word", "what is ISO-9001")]
    assert told(people[0], "a") == told(people[0], "") == told(people[0], "zz") == []


def test_titles_headings_and_tags(people: tuple[User, User], leave: Document) -> None:
    alice = people[0]
    assert told(alice, "annual le") == [
        ("word", "annual leave"),
        ("word", "annual leavers"),
        ("title", "Rules on annual leave"),
    ]
    assert ("title", "Staff handbook") in told(alice, "HANDB")
    assert told(alice, "par") == [("heading", "Parents"), ("heading", "Leave for parents")]
    assert told(alice, "hr") == [("tag", "hr")]
    assert told(alice, "annual ")[:1] == [("title", "Rules on annual leave")]


def test_what_is_chosen_keeps_what_was_typed_before(people: tuple[User, User], leave: Document) -> None:
    def chosen(typed: str) -> list[str]:
        return [one.query for one in suggest(user=people[0], typed=typed)]

    assert chosen("type:pdf -summ") == ["type:pdf -summaries"]
    assert chosen('leave "off') == ['leave "office']
    assert chosen("leave tag:ann") == ['leave tag:"annual report" ']
    assert chosen("leave HR") == ["leave tag:hr "]
    assert chosen("leave author:jane") == chosen("leave type:p") == []


def test_a_collection_narrows_them(people: tuple[User, User], leave: Document) -> None:
    other = factories.collection("Other", owner=people[0].memberships.get().team)
    factories.searchable_document(other, title="Annual fair", passages=["It is fun."])
    assert told(people[0], "annual f", "other") == [("title", "Annual fair")]
    assert told(people[0], "annual f", "handbook") == told(people[0], "annual f", "nowhere") == []


def test_outsiders_get_nothing_and_nothing_changes_when_something_is_hidden(
    people: tuple[User, User], leave: Document, handbook: Collection
) -> None:
    charlie = people[1]
    own = factories.collection("Own", owner=charlie.memberships.get().team)
    factories.searchable_document(own, title="Annual fair", passages=["An annual annex."])
    expected = [("word", "annex"), ("word", "annual"), ("title", "Annual fair")]
    assert told(charlie, "ann") == expected
    for number in range(3):
        factories.searchable_document(
            handbook, title=f"Annual secret {number}", passages=["Annuity annuity."], headings=["Annals"]
        )
    assert told(charlie, "ann") == expected
    assert told(charlie, "tag:ann") == []
    assert suggest(user=AnonymousUser(), typed="ann") == []


def test_narrowed_and_deleted_documents_are_left_out_and_moved_ones_go_along(
    people: tuple[User, User], leave: Document
) -> None:
    alice = people[0]
    target = factories.collection("Archive", owner=alice.memberships.get().team)
    document = Document.objects.select_related("collection", "parent", "current_version").get(pk=leave.pk)
    move_document(user=alice, document=document, target=target)
    assert told(alice, "summ", "archive") == [("word", "summaries")]
    assert told(alice, "summ", "handbook") == []
    Document.objects.filter(pk=leave.pk).update(is_narrowed=True)
    assert told(alice, "summ") == told(alice, "rules") == told(alice, "hr") == []
    Document.objects.filter(pk=leave.pk).update(is_narrowed=False)
    document.refresh_from_db()
    delete_document(user=alice, document=document)
    assert told(alice, "summ") == told(alice, "rules") == told(alice, "hr") == []
    assert not Word.objects.filter(version__document=leave).exists()
    assert not Phrase.objects.filter(version__document=leave).exists()


def test_it_is_one_statement(people: tuple[User, User], leave: Document) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        told(people[0], "annual le")
    assert len(queries) == 1


def test_odd_input_finds_nothing_and_breaks_nothing(people: tuple[User, User], leave: Document) -> None:
    for typed in ("\x00", "%%", "''", '"', "--", "tag:", "tag:%", "x" * 500, "年次", "\\", "a:b:c", "((ann"):
        told(people[0], typed)
    assert told(people[0], "((annua")[:1] == [("word", "((annual")]


def test_an_upgrade_fills_in_what_was_published_before(people: tuple[User, User], leave: Document) -> None:
    rows = [sorted(model.objects.values_list()) for model in (Word, Phrase)]
    assert all(rows)
    Word.objects.all().delete()
    Phrase.objects.all().delete()
    import_module("retrieval.migrations.0016_fill_words_and_phrases").fill(
        apps, SimpleNamespace(connection=connection)
    )
    assert [sorted(model.objects.values_list()) for model in (Word, Phrase)] == rows


def test_words_of_a_text() -> None:
    texts = ["The Kettle boils. KETTLE and Berlin, BERLIN; naïve naïve x1 1234567 because 日本語テキスト"]
    assert dict(words_of(texts, "en")) == {
        "kettle": "Kettle",
        "boils": "boils",
        "berlin": "Berlin",
        "naive": "naïve",
    }


def test_phrases_begin_at_each_word_that_says_something() -> None:
    blocks = [("heading", 0, 7, 1), ("paragraph", 9, 14, 0), ("heading", 15, 23, 2)]
    rows = phrases_of("Rules on Annual Leave", "Parents\n\nhave\n\n Parents", blocks)
    assert [(row.kind, row.key, row.place) for row in rows if row.kind == Phrase.Kind.TITLE] == [
        (1, "rules on annual leave", 0),
        (1, "annual leave", 2),
        (1, "leave", 3),
    ]
    assert [row.key for row in rows if row.kind == Phrase.Kind.HEADING] == ["parents"]
