import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient

from portal.accounts.models import User
from portal.answers import services
from portal.answers.models import Answer, Question
from portal.web import answers
from retrieval.dictionary import add_synonyms
from tests import factories
from tests.factories import Cast
from tests.web.browser import Reader, text

QUESTION = "How long is the warranty of the Falcon kettle?"


def ask(user: User, words: str = QUESTION) -> Question:
    return services.ask(user=user, text=words)


def read_stream(user: User, question: Question) -> str:
    """Return everything that the stream of a question sends."""

    async def read() -> str:
        client = AsyncClient()
        await client.aforce_login(user)
        response: Any = await client.get(f"/questions/{question.pk}/stream")
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "text/event-stream"
        assert "no-cache" in response.headers["Cache-Control"]
        return b"".join([piece async for piece in response.streaming_content]).decode()

    return async_to_sync(read)()


def test_without_scripts_the_answer_comes_as_a_page(searchable_cast: Cast) -> None:
    question = ask(searchable_cast.bob)
    page = text(Reader(searchable_cast.bob).get(f"/questions/{question.pk}", {"plain": 1}, follow=True))
    assert "24 months" in page
    assert "Quoted from the documents; no language model was used." in page
    assert re.search(r'class="cite" href="/documents/[0-9a-f-]{36}\?start=\d+&amp;end=\d+#passage"', page)


def test_the_page_waits_for_the_stream(cast: Cast) -> None:
    question = ask(cast.bob)
    page = text(Reader(cast.bob).get(f"/questions/{question.pk}"))
    assert f'sse-connect="/questions/{question.pk}/stream"' in page
    assert 'http-equiv="refresh"' in page


def test_the_stream_sends_pieces_and_then_the_page(searchable_cast: Cast) -> None:
    question = ask(searchable_cast.bob)
    sent = read_stream(searchable_cast.bob, question)
    events = re.findall(r"^event: (\w+)$", sent, re.MULTILINE)
    assert events[0] == "begin"
    assert events[-1] == "done"
    assert events.count("text") > 1
    assert {"status", "sources", "sentence"} <= set(events)
    kept = text(Reader(searchable_cast.bob).get(f"/questions/{question.pk}"))
    assert "24 months" in kept
    assert "sse-connect" not in kept


def test_a_kept_answer_is_streamed_as_it_is(searchable_cast: Cast) -> None:
    question = ask(searchable_cast.bob)
    read_stream(searchable_cast.bob, question)
    again = read_stream(searchable_cast.bob, question)
    assert re.findall(r"^event: (\w+)$", again, re.MULTILINE) == ["done"]


def test_outsiders_are_refused_and_learn_nothing(searchable_cast: Cast) -> None:
    outsider = searchable_cast.charlie
    sent = read_stream(outsider, ask(outsider))
    assert "Not in the documents you can see" in sent
    for word in ("24 months", "Warranty terms", "Blueprints", "Blue"):
        assert word not in sent


def test_a_refusal_says_whom_to_ask(searchable_cast: Cast) -> None:
    sent = read_stream(searchable_cast.bob, ask(searchable_cast.bob, "Who won the world cup in 1974?"))
    assert "Not in the documents you can see" in sent
    assert "Ask the team <strong>Blue</strong>" in sent
    assert "Nearest passages" in sent


def test_questions_of_others_are_missing(cast: Cast) -> None:
    question = ask(cast.alice)
    for path in (f"/questions/{question.pk}", f"/questions/{question.pk}/stream"):
        assert Reader(cast.bob).get(path).status_code == 404


def test_an_answer_closes_with_its_source(searchable_cast: Cast) -> None:
    question = ask(searchable_cast.bob)
    read_stream(searchable_cast.bob, question)
    searchable_cast.blue.memberships.filter(user=searchable_cast.bob).delete()
    page = text(Reader(searchable_cast.bob).get(f"/questions/{question.pk}"))
    assert "This answer is closed" in page
    assert "24 months" not in page


def test_a_hostile_document_stays_text(db: None) -> None:
    cast = factories.cast()
    attack = (
        'The Falcon kettle costs 30 EUR <script>alert(1)</script><img src=x onerror="x()">\ndata: {{ 7 }}.'
    )
    factories.searchable_document(cast.papers, title="<b>Prices</b>", passages=[attack])
    sent = read_stream(cast.bob, ask(cast.bob, "What does the Falcon kettle cost?"))
    assert "30 EUR" in sent
    assert "<script>" not in sent
    assert "<img" not in sent
    assert "<b>Prices" not in sent


def test_an_answer_that_breaks_off_tells_so(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(**_: object) -> AsyncIterator[services.StreamEvent]:
        yield services.Searching(1, 1)
        raise RuntimeError("secret detail")

    monkeypatch.setattr(services, "stream_answer", broken)
    sent = read_stream(cast.bob, ask(cast.bob))
    assert "The answer broke off" in sent
    assert "secret detail" not in sent
    assert not Answer.objects.exists()


def test_an_event_keeps_its_lines() -> None:
    assert answers.wire("text", "one\r\ntwo\nevent: done") == (
        "event: text\ndata: one\ndata: two\ndata: event: done\n\n"
    )


def test_a_question_that_cannot_be_searched_is_explained(searchable_cast: Cast) -> None:
    question = ask(searchable_cast.bob, "warranty -the")
    assert "“the” is too common to be left out" in read_stream(searchable_cast.bob, question)
    page = Reader(searchable_cast.bob).get(f"/questions/{question.pk}", {"plain": 1})
    assert "too common" in text(page, 400)


def test_a_refusal_counts_what_its_filters_left(searchable_cast: Cast) -> None:
    question = ask(searchable_cast.bob, "How long is the warranty? type:pdf")
    page = text(Reader(searchable_cast.bob).get(f"/questions/{question.pk}", {"plain": 1}, follow=True))
    assert "0 documents that you can see" in page


def test_the_stream_says_what_else_was_searched(searchable_cast: Cast) -> None:
    words = "guarantee, warranty, <b>cover</b>"
    add_synonyms(user=searchable_cast.alice, collection=searchable_cast.papers, words=words)
    question = ask(searchable_cast.bob, "How long is the guarantee of the Falcon kettle?")
    sent = read_stream(searchable_cast.bob, question)
    assert "Also searched for: warranty, &lt;b&gt;cover&lt;/b&gt;. Reading" in sent
    assert "24 months" in sent
    outside = ask(searchable_cast.charlie, question.text)
    assert "Also searched" not in read_stream(searchable_cast.charlie, outside)
