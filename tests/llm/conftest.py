"""Passages, the real embedding model and the fake chat server for the tests of `llm`."""

import asyncio
from collections.abc import Callable, Sequence

import pytest
from django.conf import settings

from llm.answering import AnswerEvent, LLMSpec, Passage, stream_answer
from llm.embedding import Embedder, EmbedderSpec, load_embedder
from tests.fakes.openai_server import FakeServer

SPEC = EmbedderSpec(cache=str(settings.MODEL_CACHE))  # as the portal embeds on this machine
Ask = Callable[..., list[AnswerEvent]]


def passage(text: str, *, key: str = "k1", title: str = "Travel policy", score: float = 0.9) -> Passage:
    return Passage(key, title, ("Hotels",), 3, text, None, score, None)


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    return load_embedder(SPEC)


@pytest.fixture
def hotel_passages() -> list[Passage]:
    return [
        passage(
            "Staff may spend up to 180 euros a night on a hotel in Paris. Breakfast is included.", key="k1"
        ),
        passage("Meals are paid at cost. Keep every receipt for seven years.", key="k2", score=0.6),
    ]


def spec_of(server: FakeServer, **changes: object) -> LLMSpec:
    limits: dict[str, object] = {
        "connect_timeout": 1.0,
        "first_token_timeout": 1.0,
        "between_tokens_timeout": 0.4,
        "total_timeout": 5.0,
    }
    return LLMSpec(server.base_url, "fake", **(limits | changes))  # type: ignore[arg-type]  # mixed on purpose


@pytest.fixture
def ask(embedder: Embedder) -> Ask:
    """Ask a question of passages, of a fake server where one is given, and list the events."""

    def run(
        question: str, passages: Sequence[Passage], server: FakeServer | None = None, **limits: object
    ) -> list[AnswerEvent]:
        async def collect() -> list[AnswerEvent]:
            if server is None:
                return [
                    e
                    async for e in stream_answer(
                        question=question, passages=passages, embedder=embedder, llm=None
                    )
                ]
            async with server.running():
                return [
                    e
                    async for e in stream_answer(
                        question=question, passages=passages, embedder=embedder, llm=spec_of(server, **limits)
                    )
                ]

        return asyncio.run(collect())

    return run
