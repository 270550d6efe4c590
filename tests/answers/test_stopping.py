"""An answer that its reader stops: what came so far is kept, and said to be stopped."""

import pytest
from asgiref.sync import async_to_sync
from django.test import override_settings

from llm.answering import SentenceDone, TextDelta
from portal.accounts.models import User
from portal.answers.changing import answer_again, edit_question, stop_answer
from portal.answers.database import in_database
from portal.answers.errors import QuestionChangedError
from portal.answers.kept import shown_answer
from portal.answers.models import Answer, Question
from portal.answers.services import STOPPED_HERE, Found, ask, get_question, stream_answer
from portal.answers.shown import ShownAnswer
from tests import factories
from tests.factories import Cast
from tests.fakes.openai_server import FakeServer

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = "How long is the warranty of the Falcon kettle?"
REPLY = "The Falcon kettle has a warranty of 24 months [1]. It begins on the day of purchase"


@pytest.fixture
def cast() -> Cast:
    return factories.cast(searchable=True)


def leave(user: User, question: Question, *, stops: bool) -> ShownAnswer | None:
    """Read the first sentence and a bit of the second, then go away; return what is kept."""

    async def read() -> None:
        async with FakeServer("say", reply=f"{REPLY} {'and so on ' * 200}", delay=0.005).running() as server:
            with override_settings(LLM_BASE_URL=server.base_url, LLM_MODEL=f"fake-{server.port}"):
                events, sentences = stream_answer(user=user, question=question), 0
                async for event in events:
                    sentences += isinstance(event, SentenceDone)
                    if sentences and isinstance(event, TextDelta) and event.text.strip():
                        break
                if stops:
                    await in_database(stop_answer)(question=question)
                await events.aclose()

    async_to_sync(read)()
    return shown_answer(user=user, question=get_question(user=user, question_id=question.pk))


def test_what_came_so_far_is_kept_and_said_to_be_stopped(cast: Cast) -> None:
    question = ask(user=cast.bob, text=QUESTION)
    shown = leave(cast.bob, question, stops=True)
    assert shown is not None
    assert shown.state == "stopped"
    whole, half = shown.sentences
    assert (whole.support, "24 months" in whole.text) == ("supported", True)
    assert (half.support, half.reason, half.marks) == ("unsupported", STOPPED_HERE, ())
    assert shown.provenance.models[-1].told == "was stopped"


def test_who_just_goes_away_leaves_nothing(cast: Cast) -> None:
    assert leave(cast.bob, ask(user=cast.bob, text=QUESTION), stops=False) is None
    assert not Answer.objects.exists()


def test_a_stopped_answer_can_be_written_again(cast: Cast) -> None:
    question = ask(user=cast.bob, text=QUESTION)
    leave(cast.bob, question, stops=True)
    answer_again(user=cast.bob, question=question)
    assert get_question(user=cast.bob, question_id=question.pk).stopped_at is None


def test_a_finished_answer_is_not_stopped_any_more(cast: Cast) -> None:
    question = ask(user=cast.bob, text=QUESTION)
    leave(cast.bob, question, stops=True)
    Question.objects.update(stopped_at=None)
    stop_answer(question=question)
    assert Question.objects.get().stopped_at is None


def test_an_answer_to_what_is_not_asked_any_more_is_not_kept(cast: Cast) -> None:
    question = ask(user=cast.bob, text=QUESTION)

    async def edit_meanwhile() -> None:
        async for event in stream_answer(user=cast.bob, question=question):
            if isinstance(event, Found):
                await in_database(edit_question)(user=cast.bob, question=question, text="Who pays?")

    with pytest.raises(QuestionChangedError):
        async_to_sync(edit_meanwhile)()
    assert not Answer.objects.exists()
