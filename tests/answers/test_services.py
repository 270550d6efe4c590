"""Answers: every sentence with its exact passage, kept with provenance, closed when a source is."""

import pytest
from asgiref.sync import async_to_sync
from django.test import override_settings
from django.utils import timezone

from ingestion.documents import delete_document
from llm.events import SentenceDone, TextDelta
from portal.accounts.models import User
from portal.answers.kept import shown_answer
from portal.answers.models import Answer, Question
from portal.answers.services import (
    Found,
    Searching,
    Stored,
    StreamEvent,
    answer_now,
    ask,
    get_question,
    recent_questions,
    stream_answer,
)
from portal.answers.shown import ShownAnswer
from retrieval.errors import InvalidInputError, NotVisibleError
from retrieval.models import Collection, Document, DocumentText
from tests import factories
from tests.fakes.openai_server import FakeServer

# Answers are written by threads with connections of their own.
pytestmark = pytest.mark.django_db(transaction=True)

PASSAGES = [
    "The Falcon kettle has a warranty of 24 months from the day of purchase.",
    "Returns are free of charge within 30 days when the box is unopened.",
    "The kettle holds 1.7 litres and switches itself off when the water boils.",
]


@pytest.fixture
def alice() -> User:
    return factories.user("alice@example.com")


@pytest.fixture
def charlie() -> User:
    charlie = factories.user("charlie@example.com")
    factories.team("Red", managers=[charlie])
    return charlie


@pytest.fixture
def manual(alice: User) -> Document:
    plans = factories.collection("Products", owner=factories.team("Blue", managers=[alice]))
    return factories.searchable_document(plans, name="kettle.pdf", title="Falcon manual", passages=PASSAGES)


def events(user: User, question: Question) -> list[StreamEvent]:
    async def collect() -> list[StreamEvent]:
        return [event async for event in stream_answer(user=user, question=question)]

    return async_to_sync(collect)()


def test_the_answer_cites_the_exact_words_on_the_exact_page(alice: User, manual: Document) -> None:
    answer = answer_now(user=alice, question=ask(user=alice, text="How long is the warranty of the kettle?"))
    assert (answer.state, answer.engine) == ("answered", "extractive")
    assert "24 months" in answer.sentences[0].text
    source = answer.sources[answer.sentences[0].numbers[0] - 1]
    assert (source.title, source.page, source.document_id) == ("Falcon manual", 1, manual.pk)
    text = DocumentText.objects.get().text
    for sentence in answer.sentences:
        assert sentence.marks, sentence
        for mark in sentence.marks:
            assert text[mark.start : mark.end] == sentence.text
            assert mark.url.startswith(f"/documents/{manual.pk}?start={mark.start}&end={mark.end}")


def test_the_stream_tells_each_step_in_order(alice: User, manual: Document) -> None:
    got = events(alice, ask(user=alice, text="How long is the warranty?"))
    kinds = [type(event) for event in got]
    assert got[0] == Searching(documents=1, collections=1)
    assert kinds[1] is Found
    assert kinds.index(TextDelta) < kinds.index(SentenceDone)
    assert kinds[-1] is Stored
    assert kinds.count(Stored) == 1


def test_an_outsider_gets_a_refusal_that_tells_nothing(alice: User, charlie: User, manual: Document) -> None:
    answer = answer_now(user=charlie, question=ask(user=charlie, text="How long is the kettle's warranty?"))
    assert (answer.state, answer.sources, answer.nearest) == ("refused", (), ())
    assert "Falcon" not in str(answer)


def test_what_is_not_there_is_refused_with_the_nearest_passages(alice: User, manual: Document) -> None:
    question = ask(user=alice, text="Who won the chess championship in Reykjavik in 1972?")
    answer = answer_now(user=alice, question=question)
    assert (answer.state, answer.sentences) == ("refused", ())
    assert answer.nearest
    assert all(source.document_id == manual.pk for source in answer.nearest)


def test_a_kept_answer_is_shown_as_it_was(alice: User, manual: Document) -> None:
    question = ask(user=alice, text="How long is the warranty of the kettle?")
    first = answer_now(user=alice, question=question)
    again = shown_answer(user=alice, question=get_question(user=alice, question_id=question.pk))
    assert again == first
    assert Answer.objects.get().generation is not None
    assert list(recent_questions(user=alice)) == [question]


def test_an_answer_closes_when_a_source_is_revoked_deleted_or_replaced(alice: User, manual: Document) -> None:
    question = ask(user=alice, text="How long is the warranty of the kettle?")
    answer_now(user=alice, question=question)

    def state() -> str:
        shown = shown_answer(user=alice, question=get_question(user=alice, question_id=question.pk))
        assert shown is not None
        assert shown.state == "answered" or "24 months" not in str(shown)
        return shown.state

    assert state() == "answered"
    membership = alice.memberships.get()
    membership.delete()
    assert state() == "closed"
    membership.save()
    assert state() == "answered"
    delete_document(user=alice, document=manual)
    assert state() == "closed"


def test_nobody_opens_another_persons_question(alice: User, charlie: User, manual: Document) -> None:
    question = ask(user=alice, text="How long is the warranty?")
    with pytest.raises(NotVisibleError):
        get_question(user=charlie, question_id=question.pk)
    assert not recent_questions(user=charlie)


def test_asking_in_a_hidden_collection_is_asking_in_a_missing_one(charlie: User, manual: Document) -> None:
    for slug in ("products", "no-such"):
        with pytest.raises(NotVisibleError):
            ask(user=charlie, text="How long is the warranty?", collections=[slug])


@pytest.mark.parametrize("text", ["", " \n ", "x" * 100_000])
def test_bad_questions_leave_nothing(alice: User, text: str) -> None:
    with pytest.raises(InvalidInputError):
        ask(user=alice, text=text)
    assert not Question.objects.exists()


@override_settings(LLM_BASE_URL="http://127.0.0.1:9/v1", LLM_MODEL="away")
def test_a_model_that_is_away_is_replaced_by_quotes_with_a_notice(alice: User, manual: Document) -> None:
    answer = answer_now(user=alice, question=ask(user=alice, text="How long is the warranty of the kettle?"))
    assert (answer.state, answer.engine) == ("answered", "extractive")
    assert "did not answer" in answer.notice


def test_a_document_that_is_deleted_while_the_answer_streams_closes_it(alice: User, manual: Document) -> None:
    question = ask(user=alice, text="How long is the warranty of the kettle?")

    async def delete_in_between() -> StreamEvent:
        last: StreamEvent | None = None
        async for event in stream_answer(user=alice, question=question):
            if isinstance(event, Found):
                await Document.objects.aupdate(deleted_at=timezone.now())
            last = event
        assert last is not None
        return last

    stored = async_to_sync(delete_in_between)()
    assert isinstance(stored, Stored)
    assert stored.answer.state == "closed"
    assert "24 months" not in str(stored)


def test_narrowing_to_a_collection_keeps_to_it(alice: User, manual: Document) -> None:
    other: Collection = factories.collection("Other", owner=alice.memberships.get().team)
    question = ask(user=alice, text="How long is the warranty of the kettle?", collections=[other.slug])
    assert answer_now(user=alice, question=question).state == "refused"


def written(user: User, question: Question, reply: str, **settings: object) -> ShownAnswer:
    """Return the answer that a model gives by writing `reply`."""

    async def write() -> None:
        async with FakeServer("say", reply=reply).running() as server:
            with override_settings(LLM_BASE_URL=server.base_url, LLM_MODEL="fake", **settings):
                async for _ in stream_answer(user=user, question=question):
                    pass

    async_to_sync(write)()
    shown = shown_answer(user=user, question=get_question(user=user, question_id=question.pk))
    assert shown is not None
    return shown


REPLY = "The kettle has a warranty of 24 months [2]. The warranty of the kettle is 99 months [1]."


def test_a_wrong_citation_is_moved_and_said_to_be(alice: User, manual: Document) -> None:
    shown = written(alice, ask(user=alice, text="How long is the warranty of the kettle?"), REPLY)
    moved, wrong = shown.sentences
    assert (moved.support, moved.repair, wrong.support) == ("supported", "moved", "unsupported")
    assert "24 months" in shown.sources[moved.numbers[0] - 1].quote


def test_an_admin_can_have_unsupported_sentences_cut(alice: User, manual: Document) -> None:
    question = ask(user=alice, text="How long is the warranty of the kettle?")
    shown = written(alice, question, REPLY, CUT_UNSUPPORTED_SENTENCES=True)
    assert [sentence.support for sentence in shown.sentences] == ["supported"]
    assert shown.notice == "One sentence was left out: no source supports it."
    assert "99 months" not in str(shown.sentences)
