"""A model that runs here is asked while the evidence is weighed, one that runs elsewhere afterwards."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field

import numpy as np
import pytest

from llm.ahead import Ahead
from llm.answering import (
    NOT_FOUND,
    AnswerEvent,
    Attempt,
    EngineChosen,
    Finished,
    Passage,
    Refused,
    SentenceDone,
    stream_answer,
)
from llm.chat import ChatModel, Message
from llm.embedding import Embedder, Span, Vectors
from llm.errors import EmbeddingError
from llm.providers.openai_chat import OpenAIChat
from tests.fakes.openai_server import FakeServer
from tests.llm.conftest import spec_of

QUESTION = "How much may I spend on a hotel in Paris?"
OFF_TOPIC = "Who won the 1998 football world cup?"
REFUSAL = Refused(NOT_FOUND, ("k1", "k2"))


class Gate(Embedder):
    """Finds everything near, or nothing, once something has happened; no model has to be loaded."""

    name, revision, dimension, max_tokens = "gate", "", 2, 500

    def __init__(self, *, near: bool = True, until: Callable[[], object] = lambda: True) -> None:
        super().__init__()
        self.near, self.until, self.is_asked = near, until, False

    def _embed(self, texts: Sequence[str]) -> Vectors:
        self.is_asked = True
        ends = time.monotonic() + 10
        while not self.until() and time.monotonic() < ends:
            time.sleep(0.01)
        far = [
            [0.0, 1.0] if text.startswith(("Staff", "Meals", "Keep", "Break")) else [1.0, 0.0]
            for text in texts
        ]
        return np.asarray([[1.0, 0.0]] * len(texts) if self.near else far, dtype=np.float32)

    def token_spans(self, text: str) -> list[Span]:
        return [(at, at + 1) for at, letter in enumerate(text) if letter == " "]


@dataclass
class Asked:
    """What came of a question: events, attempts, and after how many seconds the last event came."""

    events: list[AnswerEvent] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        return [(one.key, one.outcome) for one in self.attempts]


def ask(
    passages: Sequence[Passage],
    *servers: FakeServer,
    embedder: Embedder,
    question: str = QUESTION,
    external: Sequence[str] = (),
    until: Callable[[], bool] = lambda: True,
) -> Asked:
    """Ask servers, which are models "1", "2" and so on, and wait afterwards until something is seen."""

    async def run() -> Asked:
        asked = Asked()
        async with AsyncExitStack() as stack:
            for server in servers:
                await stack.enter_async_context(server.running())
            keys = {str(number): server for number, server in enumerate(servers, 1)}
            began = time.monotonic()
            events = stream_answer(
                question=question,
                passages=passages,
                embedder=embedder,
                llm=[
                    spec_of(server, key=key, is_external=key in external, first_token_timeout=20.0)
                    for key, server in keys.items()
                ],
                attempts=asked.attempts,
            )
            asked.events = [event async for event in events]
            asked.seconds = time.monotonic() - began
            await seen(until)
        return asked

    return asyncio.run(run())


async def seen(condition: Callable[[], bool], seconds: float = 1.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it never came to that"
        await asyncio.sleep(0.01)


async def ask_at_the_gate(
    passages: Sequence[Passage], server: FakeServer, *, is_external: bool
) -> tuple[int, int, list[AnswerEvent]]:
    """Return the requests and events before the evidence was weighed, counted, and all events."""
    opened = threading.Event()
    gate = Gate(until=opened.is_set)
    events: list[AnswerEvent] = []
    async with server.running():

        async def collect() -> None:
            llm = spec_of(server, is_external=is_external)
            async for event in stream_answer(question=QUESTION, passages=passages, embedder=gate, llm=llm):
                events.append(event)

        collecting = asyncio.create_task(collect())
        await seen(lambda: gate.is_asked, 5)
        await asyncio.sleep(0.3)
        before = len(server.requests), len(events)
        opened.set()
        await collecting
    return *before, events


def test_one_that_runs_here_is_asked_at_once_and_nothing_told_before(hotel_passages: list[Passage]) -> None:
    requests, told, events = asyncio.run(ask_at_the_gate(hotel_passages, FakeServer(), is_external=False))
    assert (requests, told) == (1, 0)
    assert isinstance(events[0], EngineChosen)
    assert any(isinstance(event, SentenceDone) and event.support == "supported" for event in events)


def test_one_that_runs_elsewhere_is_asked_when_the_evidence_suffices(hotel_passages: list[Passage]) -> None:
    server = FakeServer()
    requests, told, events = asyncio.run(ask_at_the_gate(hotel_passages, server, is_external=True))
    assert (requests, told) == (0, 0)
    assert len(server.requests) == 1
    assert isinstance(events[0], EngineChosen)


def test_where_the_evidence_is_weak_its_work_is_stopped_within_a_second(
    embedder: Embedder, hotel_passages: list[Passage]
) -> None:
    server = FakeServer("endless", delay=0.01)
    asked = ask(
        hotel_passages, server, embedder=embedder, question=OFF_TOPIC, until=lambda: server.aborted == 1
    )
    assert len(server.requests) == 1
    assert asked.events[0] == REFUSAL
    assert asked.outcomes == [("1", "abandoned")]
    assert asked.attempts[0].prompt_tokens > 100
    assert asked.attempts[0].estimated


def test_a_refusal_does_not_wait_for_a_model(hotel_passages: list[Passage]) -> None:
    silent = FakeServer(first=10.0)
    gate = Gate(near=False, until=lambda: silent.requests)
    asked = ask(hotel_passages, silent, embedder=gate, question=OFF_TOPIC)
    assert asked.events[0] == REFUSAL
    assert asked.seconds < 5


def test_a_refusal_is_the_same_with_any_model_and_with_none(hotel_passages: list[Passage]) -> None:
    def refusal(*servers: FakeServer, external: Sequence[str] = ()) -> list[AnswerEvent]:
        asked = ask(
            hotel_passages, *servers, embedder=Gate(near=False), question=OFF_TOPIC, external=external
        )
        *events, finished = asked.events
        assert isinstance(finished, Finished)
        assert (finished.engine, finished.model, finished.first_token_ms) == ("extractive", "", None)
        assert (finished.prompt_tokens, finished.output_tokens) == (None, None)
        return events

    sayer = FakeServer("say", reply="France won it [1].")
    assert [
        refusal(),
        refusal(sayer),
        refusal(FakeServer("error")),
        refusal(FakeServer(), external=["1"]),
        refusal(FakeServer("cut"), FakeServer()),
    ] == [[REFUSAL]] * 5


def test_one_that_runs_elsewhere_is_sent_nothing_where_the_evidence_is_weak(
    hotel_passages: list[Passage],
) -> None:
    broken, away = FakeServer("error"), FakeServer()
    asked = ask(hotel_passages, broken, away, embedder=Gate(near=False), question=OFF_TOPIC, external=["2"])
    assert (len(away.headers), asked.events[0]) == (0, REFUSAL)


def test_the_next_one_is_not_asked_either_once_the_evidence_is_known_to_be_weak(
    hotel_passages: list[Passage],
) -> None:
    broken, second = FakeServer("error"), FakeServer()
    asked = ask(hotel_passages, broken, second, embedder=Gate(near=False), question=OFF_TOPIC)
    assert (len(second.headers), asked.events[0]) == (0, REFUSAL)
    assert [key for key, _ in asked.outcomes] == ["1"]


def test_where_the_one_that_runs_here_is_left_alone_the_evidence_comes_first(
    hotel_passages: list[Passage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ChatModel, "is_left_alone", property(lambda chat: chat.spec.key == "1"))
    resting, away = FakeServer(), FakeServer()
    asked = ask(hotel_passages, resting, away, embedder=Gate(near=False), question=OFF_TOPIC, external=["2"])
    assert (asked.events[0], asked.attempts) == (REFUSAL, [])
    assert (len(resting.headers), len(away.headers)) == (0, 0)


def test_without_passages_nobody_is_asked() -> None:
    server = FakeServer()
    assert ask([], server, embedder=Gate()).events[0] == Refused(NOT_FOUND, ())
    assert not server.headers


def test_a_reader_who_leaves_before_the_evidence_is_weighed_stops_the_model(
    hotel_passages: list[Passage],
) -> None:
    opened, attempts = threading.Event(), list[Attempt]()
    gate = Gate(until=opened.is_set)

    async def leave() -> int:
        async with FakeServer("endless", delay=0.01).running() as server:
            llm = spec_of(server)
            events = stream_answer(
                question=QUESTION, passages=hotel_passages, embedder=gate, llm=llm, attempts=attempts
            )
            async with aclosing(events):
                reading = asyncio.ensure_future(anext(events))
                await seen(lambda: len(server.requests) == 1, 5)
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
            opened.set()
            await seen(lambda: server.aborted == 1)
            return server.aborted

    assert asyncio.run(leave()) == 1
    assert [one.outcome for one in attempts] == ["abandoned"]


def test_a_request_is_known_to_be_out_before_it_is_answered() -> None:
    async def send() -> bool:
        async with FakeServer("hang-before-headers").running() as server:
            chat = OpenAIChat(spec_of(server, first_token_timeout=20.0))
            async with aclosing(Ahead(chat.stream([Message("user", QUESTION)]))) as ahead:
                await ahead.until(chat.sent, seconds=10)
                return chat.sent.is_set() and not server.aborted

    assert asyncio.run(send())


def test_a_fault_of_the_embedding_model_ends_the_models_work_too(hotel_passages: list[Passage]) -> None:
    class Broken(Gate):
        def _embed(self, texts: Sequence[str]) -> Vectors:
            raise EmbeddingError("It is broken.", permanent=True)

    server = FakeServer("endless", delay=0.01)
    with pytest.raises(EmbeddingError):
        ask(hotel_passages, server, embedder=Broken())


def test_what_is_ahead_gives_every_item_once_and_ends() -> None:
    closed = []

    async def numbers() -> AsyncGenerator[int, None]:
        try:
            for number in range(3):
                await asyncio.sleep(0)
                yield number
        finally:
            closed.append(True)

    async def read() -> tuple[list[int], list[int]]:
        async with aclosing(Ahead(numbers())) as ahead:
            await asyncio.sleep(0.01)
            ahead.raise_fault()
            whole = [number async for number in ahead]
        async with aclosing(Ahead(numbers())) as ahead:
            part = [await anext(ahead)]
        return whole, part

    assert asyncio.run(read()) == ([0, 1, 2], [0])
    assert len(closed) == 2
