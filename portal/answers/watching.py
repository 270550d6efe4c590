"""Tell me when it is answered: refused questions are searched again when documents have arrived.

They are searched with the rights that their asker has then, and without a language model, so that waiting
costs nobody tokens: passages of documents that were indexed since must alone hold enough evidence. The
answer itself is written when its asker opens the question.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from llm.errors import ModelError
from llm.evidence import gather_evidence
from portal.accounts.models import User
from portal.answers.found import passage_of
from portal.answers.models import Answer, Question, Watch
from retrieval import access
from retrieval.diversity import COPIES_ONCE
from retrieval.errors import InvalidInputError
from retrieval.generations import NoGenerationError
from retrieval.models import DocumentVersion
from retrieval.search import search

log = logging.getLogger(__name__)

MOST_OF_A_PERSON = 50
SEARCHED_AT_ONCE = 25
LOOKED_AT_ONCE = 500
APART = timedelta(hours=1)
_PASSAGES = 8
# A version is indexed a moment before the transaction that shows it ends.
_OVERLAP = timedelta(minutes=15)


@transaction.atomic
def watch_question(*, user: User, question: Question) -> None:
    """Tell the person when documents that arrive from now on answer a refused question of theirs.

    Raises InvalidInputError where it was not refused, or where they wait for too many.
    """
    answer = Answer.objects.select_for_update().filter(question=question).first()
    if answer is None or answer.state != Answer.State.REFUSED:
        raise InvalidInputError("Only a question that the documents do not answer can be waited for.")
    if Watch.objects.filter(user=user).count() >= MOST_OF_A_PERSON:
        raise InvalidInputError(
            f"You wait for {MOST_OF_A_PERSON} questions. Stop waiting for one that you do not need any more."
        )
    Watch.objects.get_or_create(
        question=question,
        defaults={"user": user, "since": answer.created_at, "looked_at": answer.created_at},
    )


def stop_watching(*, question: Question) -> None:
    Watch.objects.filter(question=question).delete()


def now_answered(*, user: User) -> QuerySet[Question]:
    """Return the person's questions that documents answer now, and that they have not opened since."""
    answered = Question.objects.filter(user=user, watch__user=user, watch__answered_at__isnull=False)
    return answered.order_by("-watch__answered_at", "pk")


def waited_for(*, user: User) -> QuerySet[Question]:
    """Return the questions that the person waits for."""
    waiting = Question.objects.filter(user=user, watch__user=user, watch__answered_at__isnull=True)
    return waiting.order_by("-watch__since", "pk")


def note_opened(*, question: Question) -> None:
    """Take a notice away: its question was opened."""
    if hasattr(question, "watch"):
        Watch.objects.filter(question=question, answered_at__isnull=False).delete()


def look_again() -> int:
    """Search again what people wait for; return how many questions are answered now.

    A question is searched when something that its asker may see was indexed since it was last looked at, at
    most once an hour; at most SEARCHED_AT_ONCE are searched in one run, the longest waiting first.
    """
    began = timezone.now()
    due = Watch.objects.filter(
        answered_at__isnull=True, user__is_active=True, looked_at__lte=began - APART
    ).order_by("looked_at", "pk")
    searched = answered = 0
    for watch in due.select_related("question__conversation", "user")[:LOOKED_AT_ONCE]:
        if _has_news(watch):
            if searched == SEARCHED_AT_ONCE:
                break
            searched += 1
            answered += _search_again(watch)
        Watch.objects.filter(pk=watch.pk).update(looked_at=began)
    return answered


def _has_news(watch: Watch) -> bool:
    since = max(watch.looked_at - _OVERLAP, watch.since)
    return access.searchable_versions(user=watch.user).filter(indexed_at__gt=since).exists()


def _search_again(watch: Watch) -> bool:
    """Look whether documents that have arrived since hold an answer, and note it."""
    try:
        is_answered = _holds_an_answer(watch)
    except InvalidInputError:  # what it is narrowed to is gone
        return False
    except (ModelError, NoGenerationError):
        log.warning("question %s could not be searched again: the embedding model is away", watch.question_id)
        return False
    return is_answered and _note_answered(watch)


def _holds_an_answer(watch: Watch) -> bool:
    question = watch.question
    results = search(
        user=watch.user,
        query=question.asked,
        collections=question.collections,
        limit=_PASSAGES,
        arrangement=COPIES_ONCE,
    )
    found = {hit.version_id for hit in results.hits}
    arrived = DocumentVersion.objects.filter(pk__in=found, indexed_at__gt=watch.since)
    new = set(arrived.values_list("pk", flat=True))
    arrived_hits = [hit for hit in results.hits if hit.version_id in new]
    if not arrived_hits:
        return False
    passages = [passage_of(hit, stays_here=True, strangeness=results.strangeness) for hit in arrived_hits]
    evidence = gather_evidence(
        question=results.question,
        passages=passages,
        embedder=results.embedder,
        language=results.language,
    )
    return evidence.suffices


@transaction.atomic
def _note_answered(watch: Watch) -> bool:
    """Give the refusal up, so that the question is answered when it is opened."""
    refused = Answer.objects.filter(question=watch.question_id, state=Answer.State.REFUSED)
    if not refused.exists():
        return False
    refused.delete()
    noted = Watch.objects.filter(pk=watch.pk, answered_at__isnull=True).update(answered_at=timezone.now())
    return bool(noted)
