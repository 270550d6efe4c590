"""Conversations: one's own, deleted for good, erased when their time is over."""

from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from portal.accounts.models import User
from portal.answers import changing, conversations
from portal.answers.conversations import (
    delete_all_conversations,
    delete_conversation,
    erase_old_conversations,
    get_conversation,
    questions_of,
    recent_conversations,
)
from portal.answers.models import Answer, Conversation, Question
from portal.answers.services import answer_now, ask, get_question
from retrieval.errors import InvalidInputError, NotVisibleError
from tests import factories
from tests.factories import Cast

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = "How long is the warranty of the Falcon kettle?"


@pytest.fixture
def alice(db: None) -> User:
    return factories.user("alice@example.com")


@pytest.fixture
def bob(db: None) -> User:
    return factories.user("bob@example.com")


def test_questions_follow_each_other_under_the_first_one(alice: User) -> None:
    first = ask(user=alice, text=QUESTION)
    second = ask(user=alice, text="And why?", conversation=first.conversation_id)
    other = ask(user=alice, text="Who pays?")
    assert list(questions_of(first.conversation)) == [first, second]
    listed = recent_conversations(user=alice)
    assert [(one.title, one.questions_count) for one in listed] == [("Who pays?", 1), (QUESTION, 2)]  # type: ignore[attr-defined]
    assert other.conversation != first.conversation


def test_nobody_else_opens_continues_or_deletes_a_conversation(alice: User, bob: User) -> None:
    theirs = ask(user=alice, text=QUESTION).conversation_id
    for attempt in (
        lambda: get_conversation(user=bob, conversation_id=theirs),
        lambda: delete_conversation(user=bob, conversation_id=theirs),
        lambda: ask(user=bob, text="And why?", conversation=theirs),
    ):
        with pytest.raises(NotVisibleError):
            attempt()
    assert not recent_conversations(user=bob)
    assert delete_all_conversations(user=bob) == 0
    assert Question.objects.count() == 1


def test_deleting_takes_questions_and_answers_along() -> None:
    cast = factories.cast(searchable=True)
    kept = ask(user=cast.bob, text=QUESTION)
    gone = [ask(user=cast.alice, text=QUESTION) for _ in range(3)]
    answer_now(user=cast.alice, question=gone[0])
    delete_conversation(user=cast.alice, conversation_id=gone[0].conversation_id)
    assert not Answer.objects.exists()
    assert delete_all_conversations(user=cast.alice) == 2
    assert list(Question.objects.all()) == [kept]


def test_a_full_conversation_says_so(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "MOST_QUESTIONS", 1)
    first = ask(user=alice, text=QUESTION)
    with pytest.raises(InvalidInputError, match="Begin a new one"):
        ask(user=alice, text="And why?", conversation=first.conversation_id)


def test_old_conversations_are_erased_when_that_is_set(alice: User) -> None:
    old, fresh = ask(user=alice, text="Old?"), ask(user=alice, text="Fresh?")
    Conversation.objects.filter(pk=old.conversation_id).update(
        asked_at=timezone.now() - timedelta(days=30, minutes=1)
    )
    assert erase_old_conversations() == 0
    with override_settings(CONVERSATION_RETENTION_DAYS=31):
        assert erase_old_conversations() == 0
    with override_settings(CONVERSATION_RETENTION_DAYS=30):
        assert erase_old_conversations() == 1
    assert list(Question.objects.all()) == [fresh]


def test_editing_replaces_the_question_and_ends_the_conversation_there(alice: User) -> None:
    first = ask(user=alice, text=QUESTION)
    second = ask(user=alice, text="And why?", conversation=first.conversation_id)
    third = ask(user=alice, text="And who?", conversation=first.conversation_id)
    assert changing.questions_after(second) == 1
    changing.edit_question(user=alice, question=second, text="Who pays?")
    assert [one.text for one in questions_of(first.conversation)] == [QUESTION, "Who pays?"]
    assert not Question.objects.filter(pk=third.pk).exists()
    changing.edit_question(user=alice, question=first, text="What is new?")
    assert Conversation.objects.get().title == "What is new?"
    with pytest.raises(InvalidInputError):
        changing.edit_question(user=alice, question=first, text=" ")


def test_answering_again_replaces_the_answer(db: None) -> None:
    cast: Cast = factories.cast(searchable=True)
    question = ask(user=cast.bob, text=QUESTION)
    before = answer_now(user=cast.bob, question=question)
    changing.answer_again(user=cast.bob, question=question)
    assert not Answer.objects.exists()
    again = answer_now(user=cast.bob, question=get_question(user=cast.bob, question_id=question.pk))
    assert again.created_at > before.created_at
    assert [one.text for one in again.sentences] == [one.text for one in before.sentences]
