"""A kept answer says that a source changed; it closes when its words are gone or its source is hidden."""

import pytest
from django.db import transaction

from ingestion.documents import delete_document
from portal.accounts.models import User
from portal.answers.kept import shown_answer
from portal.answers.models import Question
from portal.answers.services import answer_now, ask, get_question
from portal.answers.shown import ShownAnswer
from retrieval.generations import ensure_first_generation
from retrieval.indexing import publish_version
from retrieval.models import Document, DocumentText, DocumentVersion
from tests import factories
from tests.factories import RETURNS, WARRANTY
from tests.web.browser import Reader, text

pytestmark = pytest.mark.django_db(transaction=True)

PREFACE = "A new preface, which is longer than nothing at all."
QUESTION = "How long is the warranty of the Falcon kettle?"


@pytest.fixture
def alice() -> User:
    return factories.user("alice@example.com")


@pytest.fixture
def manual(alice: User) -> Document:
    products = factories.collection("Products", owner=factories.team("Blue", managers=[alice]))
    return factories.searchable_document(products, title="Falcon manual", passages=[WARRANTY, RETURNS])


@pytest.fixture
def question(alice: User, manual: Document) -> Question:
    question = ask(user=alice, text=QUESTION)
    assert answer_now(user=alice, question=question).state == "answered"
    return question


@transaction.atomic
def replace(document: Document, passages: list[str]) -> DocumentVersion:
    number = document.versions.count() + 1
    version = DocumentVersion.objects.create(
        document=document, number=number, sha256=f"{number:064}", size=1, media_type="text/plain"
    )
    publish_version(
        version=version, index=factories.index(document.title, passages), generation=ensure_first_generation()
    )
    return version


def opened(user: User, question: Question) -> ShownAnswer:
    shown = shown_answer(user=user, question=get_question(user=user, question_id=question.pk))
    assert shown is not None
    return shown


def test_what_still_stands_is_shown_where_it_stands_now(
    alice: User, manual: Document, question: Question
) -> None:
    assert opened(alice, question).changed == ()
    version = replace(manual, [PREFACE, WARRANTY])
    shown = opened(alice, question)
    assert (shown.state, shown.changed) == ("answered", ("Falcon manual",))
    now = DocumentText.objects.get(version=version).text
    for sentence in shown.sentences:
        for mark in sentence.marks:
            assert now[mark.start : mark.end] == sentence.text
    assert shown.sources[0].version_number == 2
    assert shown.sources[0].page == 2
    page = text(Reader(alice).get(f"/questions/{question.pk}"))
    assert "Changed since this answer was written: Falcon manual." in page


def test_words_that_are_gone_close_the_answer_by_name(
    alice: User, manual: Document, question: Question
) -> None:
    replace(manual, [WARRANTY.replace("24", "36"), RETURNS])
    shown = opened(alice, question)
    assert shown.state == "closed"
    assert "“Falcon manual” changed since" in shown.reason
    assert "24 months" not in str(shown)
    assert "“Falcon manual” changed since" in text(Reader(alice).get(f"/questions/{question.pk}"))


def test_deleted_and_hidden_look_the_same(alice: User, manual: Document, question: Question) -> None:
    membership = alice.memberships.get()
    membership.delete()
    hidden = opened(alice, question)
    assert hidden.state == "closed"
    assert "Falcon" not in hidden.reason
    membership.save()
    delete_document(user=alice, document=manual)
    assert opened(alice, question) == hidden


def test_a_change_tells_nothing_to_who_may_not_see_it(
    alice: User, manual: Document, question: Question
) -> None:
    replace(manual, [PREFACE])
    alice.memberships.get().delete()
    assert "Falcon" not in opened(alice, question).reason


def test_two_sources_that_disagree_are_shown_as_such(alice: User, manual: Document) -> None:
    factories.searchable_document(
        manual.collection, title="Flyer", passages=[WARRANTY.replace("24 months", "36 months")]
    )
    question = ask(user=alice, text=QUESTION)
    answer = answer_now(user=alice, question=question)
    (conflict,) = answer.sentences[0].conflicts
    assert {conflict.ours, conflict.theirs} == {"24", "36"}
    assert conflict.mark.number in {source.number for source in answer.sources}
    assert "Sources disagree" in text(Reader(alice).get(f"/questions/{question.pk}"))
