"""One model after another: who is asked when the first fails, what readers see, and what is accounted."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

import pytest

from llm.answering import (
    ANOTHER_MODEL,
    NO_REPLY,
    AnswerEvent,
    Attempt,
    EngineChosen,
    Finished,
    Passage,
    Restarted,
    SentenceDone,
    TextDelta,
    stream_answer,
)
from llm.chat import ChatModel
from llm.checking import UNGROUNDED
from llm.embedding import Embedder
from llm.prompt import SYSTEM_PROMPT, Frame
from tests.fakes.openai_server import FakeServer
from tests.llm.conftest import spec_of

QUESTION = "How much may I spend on a hotel in Paris?"


@pytest.fixture
def ask_chain(embedder: Embedder, hotel_passages: list[Passage]) -> "Ask":
    return Ask(embedder, hotel_passages)


class Ask:
    """Asks servers in turn, and keeps what each attempt was."""

    def __init__(self, embedder: Embedder, passages: Sequence[Passage]) -> None:
        self._embedder, self._passages = embedder, passages
        self.attempts: list[Attempt] = []

    def __call__(
        self, *servers: FakeServer, system: str = SYSTEM_PROMPT, notice: str = ""
    ) -> list[AnswerEvent]:
        async def collect() -> list[AnswerEvent]:
            async with AsyncExitStack() as stack:
                for server in servers:
                    await stack.enter_async_context(server.running())
                specs = [spec_of(server, key=str(number)) for number, server in enumerate(servers, 1)]
                events = stream_answer(
                    question=QUESTION,
                    passages=self._passages,
                    embedder=self._embedder,
                    llm=specs,
                    frame=Frame(system),
                    notice=notice,
                    attempts=self.attempts,
                )
                return [event async for event in events]

        return asyncio.run(collect())


def outcomes(ask: Ask) -> list[tuple[str, str]]:
    return [(one.key, one.outcome) for one in ask.attempts]


def test_the_next_model_answers_without_a_word_about_it(ask_chain: Ask) -> None:
    events = ask_chain(FakeServer("error"), FakeServer("rate-limited"), FakeServer())
    assert [(e.engine, e.notice) for e in events if isinstance(e, EngineChosen)] == [("llm", "")]
    assert not [e for e in events if isinstance(e, Restarted)]
    assert outcomes(ask_chain) == [("1", "server"), ("2", "overloaded"), ("3", "answered")]
    assert [one.prompt_tokens for one in ask_chain.attempts[:2]] == [0, 0], "nobody asks money for an error"
    last = ask_chain.attempts[-1]
    assert (last.output_tokens, last.estimated) == (7, False)


def test_what_broke_off_is_taken_back_before_the_next_begins(ask_chain: Ask) -> None:
    events = ask_chain(FakeServer("cut"), FakeServer())
    restarts = [e for e in events if isinstance(e, Restarted)]
    assert restarts == [Restarted(ANOTHER_MODEL)]
    after = events[events.index(restarts[0]) :]
    done = [e for e in after if isinstance(e, SentenceDone)]
    assert "".join(e.text for e in after if isinstance(e, TextDelta)) == "".join(e.text for e in done)
    assert [e.engine for e in events if isinstance(e, Finished)] == ["llm"]
    first = ask_chain.attempts[0]
    assert (first.outcome, first.estimated) == ("cut", True)
    assert first.prompt_tokens > 100
    assert first.output_tokens > 5


def test_when_all_fail_the_answer_is_quoted(ask_chain: Ask) -> None:
    events = ask_chain(FakeServer("error"), FakeServer("unauthorised"))
    chosen = [e for e in events if isinstance(e, EngineChosen)]
    assert [(e.engine, e.notice) for e in chosen] == [("extractive", NO_REPLY)]
    assert outcomes(ask_chain) == [("1", "server"), ("2", "rejected")]


def test_inventions_are_not_tried_again_with_another_model(ask_chain: Ask) -> None:
    inventor = FakeServer("say", reply="Bananas are yellow [1]. Cats sleep [2].")
    events = ask_chain(inventor, FakeServer())
    assert [e.notice for e in events if isinstance(e, Restarted)] == [UNGROUNDED]
    assert outcomes(ask_chain) == [("1", "ungrounded")]


def test_without_a_model_the_notice_says_why(ask_chain: Ask) -> None:
    events = ask_chain(notice="Used up.")
    assert [e.notice for e in events if isinstance(e, EngineChosen)] == ["Used up."]
    assert ask_chain.attempts == []


def test_another_system_prompt_is_sent_as_it_is(ask_chain: Ask) -> None:
    server = FakeServer()
    ask_chain(server, system="Be brief.")
    assert [message["role"] for message in server.requests[0]["messages"]] == ["system", "user"]
    assert server.requests[0]["messages"][0]["content"] == "Be brief."


def test_a_server_that_is_left_alone_costs_no_prompt(ask_chain: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChatModel, "is_left_alone", property(lambda chat: chat.spec.key == "1"))
    resting, next_one = FakeServer(), FakeServer()
    events = ask_chain(resting, next_one)
    assert [e.engine for e in events if isinstance(e, Finished)] == ["llm"]
    assert outcomes(ask_chain) == [("1", "unavailable"), ("2", "answered")]
    assert (ask_chain.attempts[0].prompt_tokens, len(resting.requests)) == (0, 0)
