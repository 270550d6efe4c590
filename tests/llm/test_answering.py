"""From passages to events: quoted, refused, written by a model, and every way a model fails."""

import asyncio
import time
from typing import TypeVar
from uuid import UUID

import pytest

from llm.answering import (
    BROKE_OFF,
    CUT_AT_LIMIT,
    NO_REPLY,
    AnswerEvent,
    EngineChosen,
    Finished,
    LLMSpec,
    Passage,
    Refused,
    Restarted,
    SentenceDone,
    TextDelta,
    stream_answer,
)
from llm.checking import UNGROUNDED
from llm.embedding import Embedder
from tests.fakes.openai_server import FakeServer
from tests.llm.conftest import Ask, spec_of

Kind = TypeVar("Kind")

QUESTION = "How much may I spend on a hotel in Paris?"


def sentences(events: list[AnswerEvent]) -> list[SentenceDone]:
    """The sentences that are still on the page at the end."""
    kept: list[SentenceDone] = []
    for event in events:
        if isinstance(event, Restarted):
            kept = []
        elif isinstance(event, SentenceDone):
            kept.append(event)
    return kept


def only(events: list[AnswerEvent], kind: type[Kind]) -> Kind:
    (found,) = [event for event in events if isinstance(event, kind)]
    return found


def test_quotes_the_sentence_that_answers(ask: Ask, hotel_passages: list[Passage]) -> None:
    events = ask(QUESTION, hotel_passages)
    first = sentences(events)[0]
    citation = first.citations[0]
    assert first.text == "Staff may spend up to 180 euros a night on a hotel in Paris."
    assert (citation.number, citation.passage_key) == (1, "k1")
    assert hotel_passages[0].text[citation.start : citation.end] == first.text
    assert isinstance(events[0], EngineChosen)
    assert events[0].engine == "extractive"
    assert isinstance(events[-1], Finished)
    assert events[-1].first_token_ms is not None


@pytest.mark.parametrize("server", [None, FakeServer()], ids=["quoted", "written"])
def test_deltas_join_up_to_the_sentence(
    ask: Ask, hotel_passages: list[Passage], server: FakeServer | None
) -> None:
    events = ask(QUESTION, hotel_passages, server)
    for done in sentences(events):
        deltas = [e.text for e in events if isinstance(e, TextDelta) and e.sentence == done.sentence]
        assert "".join(deltas) == done.text


def test_refuses_what_the_passages_do_not_hold(ask: Ask, hotel_passages: list[Passage]) -> None:
    server = FakeServer()
    events = ask("Who won the 1998 football world cup?", hotel_passages, server, is_external=True)
    assert only(events, Refused) == Refused(only(events, Refused).reason, ("k1", "k2"))
    assert not server.requests, "the model was asked although the evidence is too weak"
    assert not sentences(events)


def test_refuses_without_any_passage(ask: Ask) -> None:
    assert only(ask(QUESTION, []), Refused).nearest == ()


def test_model_writes_and_cites(ask: Ask, hotel_passages: list[Passage]) -> None:
    events = ask(QUESTION, hotel_passages, FakeServer())
    done = sentences(events)[0]
    assert done.text == "Staff may spend up to 180 euros a night on a hotel in Paris."
    assert done.support == "supported"
    assert done.citations[0].passage_key == "k1"
    finished = only(events, Finished)
    assert (finished.engine, finished.model, finished.output_tokens) == ("llm", "fake", 7)


def test_words_arrive_before_the_end(embedder: Embedder, hotel_passages: list[Passage]) -> None:
    async def times() -> list[float]:
        async with FakeServer(delay=0.05).running() as server:
            answer = stream_answer(
                question=QUESTION, passages=hotel_passages, embedder=embedder, llm=spec_of(server)
            )
            return [time.monotonic() async for event in answer if isinstance(event, TextDelta)]

    arrived = asyncio.run(times())
    assert len(arrived) > 4
    assert arrived[-1] - arrived[0] > 0.2


FAULTS = [
    "rate-limited", "error", "unauthorised", "hang-before-headers", "error-in-stream", "empty", "wrong-shape",
    "endless-line",
]  # fmt: skip
LATE_FAULTS = ["hang-mid-stream", "cut", "reset", "endless", "invalid-utf8", "invalid-json"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_model_that_fails_at_once_gives_quotes(ask: Ask, hotel_passages: list[Passage], fault: str) -> None:
    events = ask(QUESTION, hotel_passages, FakeServer(fault))
    assert [e.notice for e in events if isinstance(e, EngineChosen)] == [NO_REPLY]
    assert sentences(events)[0].text.startswith("Staff may spend")
    assert only(events, Finished).engine == "extractive"


@pytest.mark.parametrize("fault", LATE_FAULTS)
def test_a_model_that_fails_in_mid_stream_starts_over_with_quotes(
    ask: Ask, hotel_passages: list[Passage], fault: str
) -> None:
    started = time.monotonic()
    events = ask(QUESTION, hotel_passages, FakeServer(fault))
    assert only(events, Restarted) == Restarted(BROKE_OFF)
    assert sentences(events)[0].text.startswith("Staff may spend")
    assert only(events, Finished).engine == "extractive"
    assert time.monotonic() - started < 8


def test_a_server_that_is_not_there_gives_quotes(embedder: Embedder, hotel_passages: list[Passage]) -> None:
    async def collect() -> list[AnswerEvent]:
        async with FakeServer().running() as server:
            closed = LLMSpec(server.base_url, "fake")
        answer = stream_answer(question=QUESTION, passages=hotel_passages, embedder=embedder, llm=closed)
        return [event async for event in answer]

    assert [e.notice for e in asyncio.run(collect()) if isinstance(e, EngineChosen)] == [NO_REPLY]


def test_an_answer_that_no_source_holds_is_replaced(ask: Ask, hotel_passages: list[Passage]) -> None:
    events = ask(QUESTION, hotel_passages, FakeServer("say", reply="Bananas are yellow [1]. Cats sleep [2]."))
    assert only(events, Restarted) == Restarted(UNGROUNDED)
    assert sentences(events)[0].text.startswith("Staff may spend")


def test_a_model_may_say_that_it_is_not_there(ask: Ask, hotel_passages: list[Passage]) -> None:
    events = ask(QUESTION, hotel_passages, FakeServer("say", reply=" `NOT_IN_SOURCES`."))
    assert only(events, Refused).nearest == ("k1", "k2")
    assert not [e for e in events if isinstance(e, TextDelta)]


def test_numbers_outside_the_sources_are_dropped(ask: Ask, hotel_passages: list[Passage]) -> None:
    reply = (
        "A hotel in Paris may cost up to 180 euros a night [7][1][0]. Keep every receipt for seven years [9]."
    )
    first, second = sentences(ask(QUESTION, hotel_passages, FakeServer("say", reply=reply)))
    assert [c.passage_key for c in first.citations] == ["k1"]
    assert [(c.number, c.passage_key) for c in second.citations] == [(2, "k2")]


def test_an_invented_number_is_marked(ask: Ask, hotel_passages: list[Passage]) -> None:
    reply = "Staff may spend up to 180 euros a night [1]. Staff may spend up to 280 euros in Paris [1]."
    good, bad = sentences(ask(QUESTION, hotel_passages, FakeServer("say", reply=reply)))
    assert (good.support, bad.support) == ("supported", "unsupported")
    assert "280" in bad.reason


def test_an_answer_cut_at_its_length_says_so(ask: Ask, hotel_passages: list[Passage]) -> None:
    reply = "Staff may spend up to 180 euros a night [1]. Breakfast is"
    last = sentences(ask(QUESTION, hotel_passages, FakeServer("reach-limit", reply=reply)))[-1]
    assert CUT_AT_LIMIT in last.reason


def test_closing_the_answer_stops_the_model(embedder: Embedder, hotel_passages: list[Passage]) -> None:
    async def abandon() -> int:
        async with FakeServer("endless", delay=0.01).running() as server:
            answer = stream_answer(
                question=QUESTION, passages=hotel_passages, embedder=embedder, llm=spec_of(server)
            )
            async for event in answer:
                if isinstance(event, TextDelta):
                    break
            await answer.aclose()
            for _ in range(100):
                if server.aborted:
                    break
                await asyncio.sleep(0.02)
            return server.aborted

    assert asyncio.run(abandon()) == 1


def test_the_request_holds_one_choice_and_a_fresh_id(ask: Ask, hotel_passages: list[Passage]) -> None:
    server = FakeServer()
    ask(QUESTION, hotel_passages, server)
    ask(QUESTION, hotel_passages, server)
    assert [body["n"] for body in server.requests] == [1, 1]
    ids = {
        str(UUID(line.partition(": ")[2]))
        for head in server.headers
        for line in head.split("\r\n")
        if line.lower().startswith("x-request-id")
    }
    assert len(ids) == 2
