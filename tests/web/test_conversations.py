"""Conversations on pages: turns, follow-ups, changes, stopping, waiting, deleting."""

from typing import TYPE_CHECKING

import pytest

from portal.answers import watching
from portal.answers.models import Answer, Conversation, Question, Watch
from tests import factories
from tests.factories import Cast
from tests.web.browser import Reader, text
from tests.web.test_answers import read_stream

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

QUESTION = "How long is the warranty of the Falcon kettle?"
REFUSED = "Who won the world cup in 1974?"


def ask(reader: Reader, words: str, **more: str) -> Question:
    """Ask as the form does, read the answer without scripts, and return the question."""
    sent = reader.post("/ask", {"q": words} | more)
    assert sent.status_code == 302, sent.content
    question = Question.objects.order_by("-created_at")[0]
    text(reader.get(f"/questions/{question.pk}", {"plain": 1}, follow=True))
    return question


def follow(reader: Reader, words: str, question: Question) -> Question:
    return ask(reader, words, conversation=str(question.conversation_id))


def page_of(reader: Reader, question: Question, **more: str) -> str:
    return text(reader.get(f"/questions/{question.pk}", more))


def test_a_follow_up_stands_under_the_turns_before_it(searchable_cast: Cast) -> None:
    reader = Reader(searchable_cast.bob)
    first = ask(reader, QUESTION)
    page = page_of(reader, first)
    assert f'name="conversation" value="{first.conversation_id}"' in page
    second = follow(reader, "And why?", first)
    page = page_of(reader, second)
    assert "Earlier in this conversation" in page
    assert page.index(QUESTION) < page.index("<h1>And why?</h1>")
    assert "Searched for: <strong>How long is the warranty of the Falcon kettle, and why?</strong>" in page
    assert "Later in this conversation" in page_of(reader, first)
    opened = reader.get(f"/conversations/{first.conversation_id}")
    assert opened.headers["Location"] == f"/questions/{second.pk}#now"


def test_the_narrowing_stays(searchable_cast: Cast) -> None:
    reader = Reader(searchable_cast.bob)
    first = ask(reader, QUESTION, collection=searchable_cast.papers.slug)
    page = page_of(reader, first)
    assert 'name="collection" value="blueprints"' in page
    assert "Narrowed to Blueprints, as before" in page


def test_many_turns_are_shown_on_demand(cast: Cast) -> None:
    reader = Reader(cast.bob)
    last = factories.question(cast.bob, "Question 0?")
    for number in range(1, 9):
        last = factories.question(cast.bob, f"Question {number}?", follows=last)
    page = page_of(reader, last)
    assert "Show 3 more earlier questions" in page
    assert ">Question 2?</a>" not in page
    assert ">Question 2?</a>" in page_of(reader, last, all="1")


def test_the_stream_tells_what_is_searched_for(searchable_cast: Cast) -> None:
    first = ask(Reader(searchable_cast.bob), QUESTION)
    second = factories.question(searchable_cast.bob, "And why?", follows=first)
    third = factories.question(searchable_cast.bob, "And <b>why</b>?", follows=first)
    sent = read_stream(searchable_cast.bob, second)
    assert "event: rewritten" in sent
    assert "How long is the warranty of the Falcon kettle, and why?" in sent
    assert "<b>why" not in read_stream(searchable_cast.bob, third)


def test_a_question_is_answered_again_edited_and_searched_for_otherwise(searchable_cast: Cast) -> None:
    reader = Reader(searchable_cast.bob)
    first = ask(reader, QUESTION)
    second = follow(reader, "And why?", first)
    before = Answer.objects.get(question=second).pk
    assert reader.post(f"/questions/{second.pk}/again").headers["Location"] == f"/questions/{second.pk}#now"
    assert not Answer.objects.filter(pk=before).exists()
    assert "sse-connect" in page_of(reader, second)
    reader.post(f"/questions/{second.pk}/search-for", {"q": "Are returns free of charge?"})
    page = text(reader.get(f"/questions/{second.pk}", {"plain": 1}, follow=True))
    assert "30 days" in page
    assert "The 1 question after it and its answer are deleted." in page_of(reader, first)
    reader.post(f"/questions/{first.pk}/edit", {"q": "Are returns free of charge?"})
    assert not Question.objects.filter(pk=second.pk).exists()
    assert text(reader.post(f"/questions/{first.pk}/edit", {"q": ""}), 400)


def test_a_stopped_answer_says_so(searchable_cast: Cast) -> None:
    reader = Reader(searchable_cast.bob)
    waiting = factories.question(searchable_cast.bob, QUESTION)
    assert f'hx-post="/questions/{waiting.pk}/stop"' in page_of(reader, waiting)
    fragment = text(reader.post(f"/questions/{waiting.pk}/stop", headers={"HX-Request": "true"}))
    assert f'hx-get="/questions/{waiting.pk}/answer"' in fragment
    assert "Stopping" in text(reader.get(f"/questions/{waiting.pk}/answer"))
    Question.objects.update(stopped_at="2026-01-01T00:00:00Z")
    assert "Nothing was written yet" in text(reader.get(f"/questions/{waiting.pk}/answer"))
    page = page_of(reader, waiting)
    assert "You stopped this answer" in page
    assert "sse-connect" not in page
    answered = ask(reader, QUESTION)
    Answer.objects.update(state="stopped")
    for page in (page_of(reader, answered), text(reader.get(f"/questions/{answered.pk}/answer"))):
        assert "You stopped this answer. This is what came so far." in page
        assert "24 months" in page


def test_a_closed_turn_shows_no_word_of_its_answer(searchable_cast: Cast) -> None:
    reader = Reader(searchable_cast.bob)
    first = ask(reader, QUESTION)
    second = follow(reader, "Are returns free of charge?", first)
    searchable_cast.blue.memberships.filter(user=searchable_cast.bob).delete()
    page = page_of(reader, second)
    assert page.count("This answer is closed") == 2
    for word in ("24 months", "30 days", "Warranty terms"):
        assert word not in page


def test_a_refusal_can_be_waited_for(searchable_cast: Cast) -> None:
    reader = Reader(searchable_cast.bob)
    question = ask(reader, REFUSED)
    assert "Tell me when it is answered" in page_of(reader, question)
    reader.post(f"/questions/{question.pk}/watch")
    assert "Stop waiting for it" in page_of(reader, question)
    assert "You wait for" in text(reader.get("/history"))
    assert "now answered" not in text(reader.get("/"))
    Watch.objects.update(answered_at="2026-01-01T00:00:00Z")
    Answer.objects.all().delete()
    assert ">now answered</span>" in text(reader.get("/"))
    assert "Now answered" in text(reader.get("/history"))
    assert "now answered" not in text(Reader(searchable_cast.alice).get("/"))
    page_of(reader, question)
    assert not watching.now_answered(user=searchable_cast.bob)


def test_waiting_can_be_ended(searchable_cast: Cast) -> None:
    reader = Reader(searchable_cast.bob)
    question = ask(reader, REFUSED)
    reader.post(f"/questions/{question.pk}/watch")
    reader.post(f"/questions/{question.pk}/watch", {"action": "stop"})
    assert not Watch.objects.exists()


def test_conversations_are_deleted_one_by_one_or_all(cast: Cast) -> None:
    reader = Reader(cast.bob)
    first, other = factories.question(cast.bob, "One?"), factories.question(cast.bob, "Two?")
    theirs = factories.question(cast.alice, "Three?")
    assert "Delete this conversation?" in text(reader.get(f"/conversations/{first.conversation_id}/delete"))
    reader.post(f"/conversations/{first.conversation_id}/delete")
    assert set(Question.objects.all()) == {other, theirs}
    assert "Delete all your conversations?" in text(reader.get("/conversations/delete"))
    reader.post("/conversations/delete")
    assert list(Question.objects.all()) == [theirs]


def test_history_lists_conversations_with_their_first_question(cast: Cast) -> None:
    first = factories.question(cast.bob, "Is the merger on?")
    factories.question(cast.bob, "And when?", follows=first)
    page = text(Reader(cast.bob).get("/history"))
    assert f'href="/conversations/{first.conversation_id}"' in page
    assert "Is the merger on?" in page
    assert "And when?" not in page


@pytest.mark.parametrize("what", ["again", "edit", "search-for", "stop", "watch", "answer"])
def test_questions_of_others_are_missing(cast: Cast, what: str) -> None:
    question = factories.question(cast.alice)
    outsider = Reader(cast.bob)
    send = outsider.get if what == "answer" else outsider.post
    response: Response = send(f"/questions/{question.pk}/{what}", {"q": "Mine?"})
    assert response.status_code == 404
    assert Question.objects.get().text == question.text


def test_conversations_of_others_are_missing(cast: Cast) -> None:
    theirs = factories.question(cast.alice).conversation_id
    outsider = Reader(cast.bob)
    for response in (
        outsider.get(f"/conversations/{theirs}"),
        outsider.get(f"/conversations/{theirs}/delete"),
        outsider.post(f"/conversations/{theirs}/delete"),
        outsider.post("/ask", {"q": "Mine?", "conversation": str(theirs)}),
        outsider.post("/ask", {"q": "Mine?", "conversation": "no such id"}),
    ):
        assert response.status_code == 404
    assert Conversation.objects.count() == 1
    assert Question.objects.count() == 1
