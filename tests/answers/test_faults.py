"""Each fault of a model server ends in an answer or in quotes with a notice; and the model comes back."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, override_settings

from bench.tools.faults import FAULTS, Fault
from llm import breaker
from llm.breaker import COOL_DOWN_SECONDS, Breaker
from portal.accounts.models import User
from tests import factories
from tests.fakes.openai_server import FakeServer

# Answers are written by threads with connections of their own.
pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How long is the warranty of the kettle?"
LIMITS = {
    "LLM_MODEL": "served",
    "LLM_CONNECT_SECONDS": 1,
    "LLM_FIRST_TOKEN_SECONDS": 0.3,
    "LLM_BETWEEN_TOKENS_SECONDS": 0.4,
    "LLM_ANSWER_SECONDS": 1,
    "LLM_MAX_OUTPUT_TOKENS": 40,
}
OTHERS = [f"Chapter {number} of the manual is about part {number} of the kettle." for number in range(5)]


@pytest.fixture
def alice() -> User:
    alice = factories.user("alice@example.com")
    products = factories.collection("Products", owner=factories.team("Blue", managers=[alice]))
    factories.searchable_document(products, title="Manual", passages=[factories.WARRANTY, *OTHERS])
    return alice


class Asker:
    """Asks over the API in one event loop."""

    def __init__(self, user: User) -> None:
        self._headers = factories.bearer(user)

    async def ask(self, base_url: str) -> dict[str, Any]:
        with override_settings(LLM_BASE_URL=base_url, **LIMITS):
            reply = await AsyncClient().post(
                "/api/v1/answers",
                {"question": QUESTION},
                content_type="application/json",
                headers=self._headers,
            )
        assert reply.status_code == 201, reply.content
        return dict(reply.json())


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_ends_in_an_answer_or_in_quotes_with_a_notice(alice: User, fault: Fault) -> None:
    asker = Asker(alice)

    async def ask() -> dict[str, Any]:
        server = FakeServer(fault.behaviour or "quote")
        async with server.running():
            if fault.behaviour:
                return await asker.ask(server.base_url)
        return await asker.ask(server.base_url)

    answer = async_to_sync(ask)()
    assert answer["state"] == "answered"
    assert "24 months" in answer["text"]
    if fault.survives:
        assert (answer["engine"], answer["notice"]) == ("llm", "")
    else:
        assert answer["engine"] == "extractive"
        assert "quotes from the documents" in answer["notice"]


@pytest.mark.parametrize("behaviour", ["error", "rate-limited-for-seconds", "hang-before-headers"])
def test_an_open_breaker_asks_nobody_and_the_model_comes_back(alice: User, behaviour: str) -> None:
    asker = Asker(alice)
    clock = [0.0]

    async def fail_and_mend() -> tuple[int, str]:
        server = FakeServer(behaviour)
        async with server.running():
            breaker._breakers[server.base_url, "served"] = Breaker(clock=lambda: clock[0])
            for _ in range(3):
                await asker.ask(server.base_url)
            asked = len(server.requests)
            for _ in range(2):
                await asker.ask(server.base_url)
            again = len(server.requests) - asked
            server.behaviour = "quote"
            clock[0] += COOL_DOWN_SECONDS
            return again, (await asker.ask(server.base_url))["engine"]

    again, engine = async_to_sync(fail_and_mend)()
    assert again == 0, "the server was asked while the breaker was open"
    assert engine == "llm"
