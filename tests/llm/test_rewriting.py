"""A follow-up made to stand alone by a model: used where it is a question of the person's own words."""

import asyncio
import time

import pytest

from llm.outbound import OutboundPolicy
from llm.rewriting import REWROTE, Rewriting, rewrite, usable
from tests.fakes.openai_server import FakeServer
from tests.llm.conftest import spec_of

BEFORE = ["How long is the warranty of the Falcon kettle?"]
ALONE = "How much does the Falcon kettle cost?"


def asked(server: FakeServer, *, question: str = "how much does it cost?", **limits: object) -> Rewriting:
    async def run() -> Rewriting:
        async with server.running():
            spec = spec_of(server, key="1", **limits)
            return await rewrite(question=question, before=BEFORE, llm=spec, seconds=0.6)

    return asyncio.run(run())


def test_a_model_makes_it_stand_alone() -> None:
    server = FakeServer("say", reply=ALONE)
    got = asked(server)
    assert (got.question, got.attempt.outcome, got.attempt.output_tokens) == (ALONE, REWROTE, 7)
    sent = str(server.requests[0]["messages"])
    assert BEFORE[0] in sent
    assert server.requests[0]["max_tokens"] == 120


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [("hang-before-headers", "timeout"), ("error", "server"), ("slow-drip", "timeout"), ("empty", "empty")],
)
def test_one_that_is_slow_or_down_is_not_waited_for(behaviour: str, outcome: str) -> None:
    began = time.monotonic()
    got = asked(FakeServer(behaviour))
    assert (got.question, got.attempt.outcome) == ("", outcome)
    assert time.monotonic() - began < 10


def test_what_may_not_leave_is_taken_out_and_the_result_not_used() -> None:
    server = FakeServer("say", reply="What did (e-mail address removed) say about the Falcon kettle?")
    got = asked(server, question="what did jo@example.com say about it?", outbound=OutboundPolicy())
    assert "jo@example.com" not in str(server.requests)
    assert dict(got.attempt.masked) == {"email": 1}
    assert got.question == ""


@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "It costs 30 euros.",
        "The Falcon kettle costs what the shop in Paris asks for, I would say.",
        "How much does the Falcon kettle cost?\nAnd another line",
        "How much does it cost in 2023?",
        "how much collection:secret cost",
        'How much does the "Falcon" kettle cost?',
        "See https://example.com/cost",
        "cost " * 200,
    ],
)
def test_nonsense_is_not_used(nonsense: str) -> None:
    assert usable(nonsense, "how much does it cost?", BEFORE) == ""


def test_a_label_quotes_and_thoughts_around_it_are_taken_off() -> None:
    written = f"<think>They mean the kettle.</think>Question: {ALONE}"
    assert usable(written, "how much does it cost?", BEFORE) == ALONE


def test_numbers_and_words_of_the_follow_up_must_be_kept() -> None:
    assert usable("How long is the warranty of the kettle?", "and in 2023?", BEFORE) == ""
    wanted = "How long was the warranty of the kettle in 2023?"
    assert usable(wanted, "and in 2023?", BEFORE) == wanted
