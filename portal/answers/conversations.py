"""Conversations of a person: begun, listed, opened, deleted, and erased when their time is over."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from portal.accounts.models import User
from portal.answers.models import Conversation, Question
from retrieval.errors import InvalidInputError, NotVisibleError

MOST_QUESTIONS = 100
_ERASED_AT_ONCE = 500


@transaction.atomic
def add_question(
    *, user: User, text: str, collections: Sequence[str], conversation_id: UUID | str | None
) -> Question:
    """Keep a question as the last one of a conversation, or of a new one where none is given.

    Raises NotVisibleError where the conversation is not the person's, InvalidInputError where it is full.
    """
    if conversation_id is None:
        conversation = Conversation.objects.create(user=user, title=text)
    else:
        conversation = _to_be_continued(user, conversation_id)
    return Question.objects.create(user=user, conversation=conversation, text=text, collections=collections)


def _to_be_continued(user: User, conversation_id: UUID | str) -> Conversation:
    mine = Conversation.objects.select_for_update().filter(user=user, pk=conversation_id)
    conversation = mine.first()
    if conversation is None:
        raise NotVisibleError
    if conversation.questions.count() >= MOST_QUESTIONS:
        raise InvalidInputError(
            f"This conversation has {MOST_QUESTIONS} questions. Begin a new one with this question."
        )
    conversation.asked_at = timezone.now()
    conversation.save(update_fields=["asked_at"])
    return conversation


def recent_conversations(*, user: User) -> QuerySet[Conversation]:
    """Return a person's conversations with `questions_count`, the one asked in last first."""
    counted = Conversation.objects.filter(user=user).annotate(questions_count=Count("questions"))
    return counted.order_by("-asked_at", "-pk")


def get_conversation(*, user: User, conversation_id: UUID | str) -> Conversation:
    """Return one of the person's own conversations. Raises NotVisibleError."""
    found = Conversation.objects.filter(user=user, pk=conversation_id).first()
    if found is None:
        raise NotVisibleError
    return found


def questions_of(conversation: Conversation) -> QuerySet[Question]:
    """Return the questions of a conversation in the order in which they were asked."""
    return conversation.questions.select_related("answer", "watch").order_by("created_at", "pk")


def delete_conversation(*, user: User, conversation_id: UUID | str) -> None:
    """Delete a conversation with its questions and answers for good. Raises NotVisibleError."""
    get_conversation(user=user, conversation_id=conversation_id).delete()


def delete_all_conversations(*, user: User) -> int:
    """Delete all that a person has asked and was answered; return how many conversations that were."""
    _, by_model = Conversation.objects.filter(user=user).delete()
    return by_model.get(Conversation._meta.label, 0)


def erase_old_conversations() -> int:
    """Erase conversations in which nothing was asked for CONVERSATION_RETENTION_DAYS; with 0, none.

    Returns how many.
    """
    days = settings.CONVERSATION_RETENTION_DAYS
    if not days:
        return 0
    erased = 0
    old = Conversation.objects.filter(asked_at__lt=timezone.now() - timedelta(days=days)).order_by("asked_at")
    while keys := list(old.values_list("pk", flat=True)[:_ERASED_AT_ONCE]):
        Conversation.objects.filter(pk__in=keys).delete()
        erased += len(keys)
    return erased
