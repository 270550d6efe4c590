"""What a person does with a question that was asked: answer it again, edit it, stop its answer."""

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.answers.models import Answer, Conversation, Question, Watch
from portal.llms.planning import require_quota
from retrieval.query import parse_query


def answer_again(*, user: User, question: Question) -> None:
    """Give up the kept answer, so that the question is answered from what there is now.

    Raises QuotaReachedError, and the answer stays.
    """
    require_quota(user=user)
    _reopen(question)


@transaction.atomic
def edit_question(*, user: User, question: Question, text: str) -> None:
    """Ask something else in the place of a question; those after it leaned on it and are deleted.

    Raises InvalidInputError for a question that cannot be searched, and QuotaReachedError.
    """
    typed = parse_query(text).typed
    require_quota(user=user)
    conversation = Conversation.objects.select_for_update().get(pk=question.conversation_id)
    conversation.questions.filter(created_at__gt=question.created_at).delete()
    if not conversation.questions.filter(created_at__lt=question.created_at).exists():
        conversation.title = typed
    conversation.asked_at = timezone.now()
    conversation.save(update_fields=["title", "asked_at"])
    _reopen(question, text=typed, searched_for="", rewritten_by="", leans_on=[])


def search_for(*, user: User, question: Question, text: str) -> None:
    """Search for and answer what its asker says a follow-up means. What was typed stays as it is.

    Raises InvalidInputError for a question that cannot be searched, and QuotaReachedError.
    """
    typed = parse_query(text).typed
    require_quota(user=user)
    searched_for = "" if typed == question.text else typed
    _reopen(question, searched_for=searched_for, rewritten_by=Question.Rewriter.READER)


@transaction.atomic
def _reopen(question: Question, **fields: object) -> None:
    Answer.objects.filter(question=question).delete()
    Watch.objects.filter(question=question).delete()
    Question.objects.filter(pk=question.pk).update(stopped_at=None, **fields)


def stop_answer(*, question: Question) -> None:
    """Say that what came of an answer so far is enough; its stream keeps that when the reader leaves it."""
    Question.objects.filter(pk=question.pk, answer__isnull=True).update(stopped_at=timezone.now())


def questions_after(question: Question) -> int:
    """Return how many questions follow one in its conversation."""
    later = Question.objects.filter(
        conversation_id=question.conversation_id, created_at__gt=question.created_at
    )
    return later.count()
