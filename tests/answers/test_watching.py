"""Tell me when it is answered: found by documents that arrive later, for those who may see them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.accounts.models import User
from portal.answers import changing, watching
from portal.answers.models import Question, Watch
from portal.answers.services import answer_now, ask, get_question
from portal.answers.watching import look_again, now_answered, waited_for, watch_question
from retrieval.errors import InvalidInputError
from tests import factories
from tests.factories import Cast

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = "How much may staff spend on a hotel in Paris?"
HOTELS = "Staff may spend up to 180 euros a night on a hotel in Paris."


@pytest.fixture
def cast() -> Cast:
    return factories.cast(searchable=True)


def refused(user: User) -> Question:
    question = ask(user=user, text=QUESTION)
    assert answer_now(user=user, question=question).state == "refused"
    watch_question(user=user, question=question)
    return question


def an_hour_later() -> None:
    Watch.objects.update(looked_at=timezone.now() - watching.APART - timedelta(minutes=1))


def test_a_document_that_arrives_answers_it(cast: Cast) -> None:
    question = refused(cast.bob)
    assert list(waited_for(user=cast.bob)) == [question]
    an_hour_later()
    assert look_again() == 0
    factories.searchable_document(cast.papers, title="Travel policy", passages=[HOTELS])
    an_hour_later()
    assert look_again() == 1
    assert list(now_answered(user=cast.bob)) == [question]
    assert not now_answered(user=cast.alice)
    opened = get_question(user=cast.bob, question_id=question.pk)
    assert answer_now(user=cast.bob, question=opened).state == "answered"
    watching.note_opened(question=opened)
    assert not now_answered(user=cast.bob)


def test_a_document_that_its_asker_may_not_see_tells_nothing(cast: Cast) -> None:
    question = refused(cast.charlie)
    factories.searchable_document(cast.papers, title="Travel policy", passages=[HOTELS])
    an_hour_later()
    assert look_again() == 0
    assert list(waited_for(user=cast.charlie)) == [question]


def test_what_arrives_about_something_else_tells_nothing(cast: Cast) -> None:
    refused(cast.bob)
    factories.searchable_document(cast.papers, title="Parking", passages=["Parking costs 3 euros an hour."])
    an_hour_later()
    assert look_again() == 0


def test_each_is_looked_at_hourly_at_most_and_few_in_a_run(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "SEARCHED_AT_ONCE", 2)
    for _ in range(3):
        refused(cast.bob)
    factories.searchable_document(cast.papers, title="Travel policy", passages=[HOTELS])
    assert look_again() == 0, "they were looked at a moment ago"
    an_hour_later()
    assert (look_again(), look_again(), look_again()) == (2, 1, 0)


def test_only_refusals_can_be_waited_for_and_not_too_many(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = ask(user=cast.bob, text="How long is the warranty of the Falcon kettle?")
    with pytest.raises(InvalidInputError):
        watch_question(user=cast.bob, question=answered)
    answer_now(user=cast.bob, question=answered)
    with pytest.raises(InvalidInputError):
        watch_question(user=cast.bob, question=answered)
    monkeypatch.setattr(watching, "MOST_OF_A_PERSON", 1)
    refused(cast.bob)
    with pytest.raises(InvalidInputError, match="Stop waiting"):
        refused(cast.bob)


def test_a_closed_account_waits_for_nothing(cast: Cast) -> None:
    refused(cast.bob)
    factories.searchable_document(cast.papers, title="Travel policy", passages=[HOTELS])
    User.objects.filter(pk=cast.bob.pk).update(is_active=False)
    an_hour_later()
    assert look_again() == 0


def test_an_edited_question_is_not_waited_for(cast: Cast) -> None:
    question = refused(cast.bob)
    changing.edit_question(user=cast.bob, question=question, text="Who pays for hotels?")
    assert not Watch.objects.exists()
