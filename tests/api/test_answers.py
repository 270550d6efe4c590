import asyncio
import json
import typing
import uuid
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from django.test import AsyncClient

from llm.events import EngineChosen, Refused, Restarted, TextDelta
from portal.accounts.models import Membership
from portal.answers.models import Question
from portal.answers.services import StreamEvent
from tests import factories
from tests.api.client import BASE, Api, Json, assert_hides, ok, problem, same_problem
from tests.api.test_search import QUESTION, SECRETS
from tests.factories import WARRANTY, Cast

if TYPE_CHECKING:
    from django.http import StreamingHttpResponse


def _ask(api: Api, **more: Any) -> Json:
    return ok(api.post("/answers", {"question": QUESTION} | more), 201)


def test_an_answer_cites_the_exact_passage(searchable_cast: Cast) -> None:
    shown = _ask(Api(searchable_cast.bob, "read"))
    assert shown["state"] == "answered"
    assert "24 months" in shown["text"]
    assert "[1]" in shown["text"]
    citation = shown["citations"][0]
    assert citation["document_id"] == str(searchable_cast.paper.pk)
    assert citation["page"] == 1
    assert citation["passage"] == WARRANTY
    assert WARRANTY[citation["start"] : citation["end"]] == citation["quote"]
    assert shown["engine"] == "extractive"


def test_an_answer_can_be_read_again(searchable_cast: Cast) -> None:
    api = Api(searchable_cast.bob)
    made = _ask(api)
    assert ok(api.get(f"/answers/{made['id']}")) == made


def test_an_outsider_is_refused_and_learns_nothing(searchable_cast: Cast) -> None:
    response = Api(searchable_cast.charlie).post("/answers", {"question": QUESTION})
    shown = ok(response, 201)
    assert shown["state"] == "refused"
    assert (shown["citations"], shown["nearest"]) == ([], [])
    shown.pop("question")
    assert not any(secret in json.dumps(shown).lower() for secret in SECRETS)


def test_answers_are_ones_own(searchable_cast: Cast) -> None:
    made = _ask(Api(searchable_cast.bob))
    for person in (searchable_cast.alice, searchable_cast.charlie):
        api = Api(person)
        same_problem(api.get(f"/answers/{made['id']}"), api.get(f"/answers/{uuid.uuid4()}"), 404)


def test_an_answer_closes_when_its_reader_leaves_the_team(searchable_cast: Cast) -> None:
    api = Api(searchable_cast.bob)
    made = _ask(api)
    Membership.objects.filter(user=searchable_cast.bob).delete()
    response = api.get(f"/answers/{made['id']}")
    assert ok(response)["state"] == "closed"
    assert_hides(response, ["24 months", "warranty terms", "warranty.txt", "blueprints"])


def test_a_question_that_was_not_answered_to_its_end(cast: Cast) -> None:
    question = factories.question(cast.bob, "Why?")
    shown = ok(Api(cast.bob).get(f"/answers/{question.pk}"))
    assert (shown["state"], shown["text"]) == ("unanswered", "")


def test_a_hidden_collection_is_like_a_missing_one(cast: Cast) -> None:
    api = Api(cast.charlie)
    one, other = (
        api.post("/answers", {"question": "x", "collections": [slug]}) for slug in ("blueprints", "missing")
    )
    same_problem(one, other, 404)
    assert not Question.objects.exists()


async def _events(
    secret: str, accept: str = "text/event-stream", question: str = QUESTION
) -> list[tuple[str, Any]]:
    headers = {"Authorization": f"Bearer {secret}", "Accept": accept}
    response = await AsyncClient().post(
        f"{BASE}/answers",
        json.dumps({"question": question}),
        content_type="application/json",
        headers=headers,
    )
    assert response["Content-Type"] == "text/event-stream"
    text = b"".join([piece async for piece in typing.cast("StreamingHttpResponse", response)]).decode()
    blocks = [block.split("\n") for block in text.removesuffix("\n\n").split("\n\n")]
    assert all(len(lines) == 2 for lines in blocks)
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


@pytest.mark.django_db(transaction=True)
def test_an_answer_comes_as_events() -> None:
    cast = factories.cast(searchable=True)
    events = asyncio.run(_events(factories.token(cast.bob, "read")[1]))
    names = [name for name, _ in events]
    assert names[:2] == ["searching", "sources"]
    assert names[-1] == "done"
    first = dict(events)
    assert first["searching"] == {"documents": 1, "collections": 1}
    assert first["sources"]["sources"][0]["passage"] == WARRANTY
    deltas = "".join(data["text"] for name, data in events if name == "delta" and data["sentence"] == 0)
    assert deltas.strip() == first["sentence"]["text"]
    done = events[-1][1]
    assert done == ok(Api(cast.bob).get(f"/answers/{done['id']}"))
    assert done["citations"][0]["passage"] == WARRANTY


@pytest.mark.django_db(transaction=True)
def test_events_for_an_outsider_end_in_a_refusal() -> None:
    cast = factories.cast(searchable=True)
    events = asyncio.run(_events(factories.token(cast.charlie, "read")[1]))
    names = [name for name, _ in events]
    assert "refused" in names
    assert "delta" not in names
    assert dict(events)["searching"] == {"documents": 0, "collections": 0}
    assert "Falcon" not in json.dumps(events)


@pytest.mark.django_db(transaction=True)
def test_a_change_of_engine_and_a_late_refusal_are_told() -> None:
    async def changing(**_: Any) -> AsyncIterator[StreamEvent]:
        yield EngineChosen("llm", "model")
        yield TextDelta(0, "Half")
        yield Restarted("The model is away.")
        yield EngineChosen("extractive", "", "The model is away.")
        yield Refused("It is not in the documents.", ())

    cast = factories.cast()
    with patch("portal.api.answers.stream_answer", changing):
        events = asyncio.run(_events(factories.token(cast.bob)[1]))
    assert events == [
        ("delta", {"sentence": 0, "text": "Half"}),
        ("notice", {"notice": "The model is away.", "restart": True}),
        ("notice", {"notice": "The model is away.", "restart": False}),
        ("refused", {"reason": "It is not in the documents."}),
    ]


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_breaks_off_ends_in_an_error() -> None:
    async def broken(**_: Any) -> AsyncIterator[Any]:
        for _number in range(1):
            raise RuntimeError("secret detail")
        yield

    cast = factories.cast()
    with patch("portal.api.answers.stream_answer", broken):
        events = asyncio.run(_events(factories.token(cast.bob)[1]))
    assert [name for name, _ in events] == ["error"]
    assert events[0][1]["status"] == 500
    assert "secret" not in json.dumps(events)


@pytest.mark.django_db(transaction=True)
def test_a_question_that_cannot_be_searched_ends_in_an_error() -> None:
    cast = factories.cast(searchable=True)
    events = asyncio.run(_events(factories.token(cast.bob)[1], question="warranty -the"))
    assert events[-1][0] == "error"
    assert events[-1][1]["status"] == 422
    assert "too common" in events[-1][1]["detail"]


def test_an_error_before_the_first_event_is_a_problem(cast: Cast) -> None:
    problem(Api(cast.bob).post("/answers", {"question": ""}), 422)
