"""What is local only reaches no model elsewhere: 1,000 random policies against a recording server.

Each policy chooses a route as answers do, after the model that judges how hard the question is was asked,
where there is one. The models of that route are asked in turn, all failing, so that every one of them is
tried. A few of the runs use real sockets; the others record what a real provider would have written to one.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm import answering, short_call
from llm.answering import WITHHELD, AnswerEvent, EngineChosen, Passage, SentenceDone, stream_answer
from llm.chat import ChatPiece, Message
from llm.difficulty import DIFFICULTIES
from llm.difficulty_judge import judge_difficulty
from llm.embedding import Embedder, Span, Vectors
from llm.engines import LLMSpec
from llm.errors import LLMError
from llm.events import Attempt
from llm.prompt import Frame
from llm.providers.openai_chat import OpenAIChat
from llm.routing import (
    LEVELS,
    LOCAL_ONLY,
    Engine,
    Level,
    Policy,
    Rule,
    Situation,
    choose_judge,
    choose_route,
    may_see,
)
from llm.turns import Turn
from tests.llm.policies import random_policy, random_situation

QUESTION = "How much may staff spend on a hotel in Paris?"
SECRET = "Staff may spend up to 180 euros a night on a hotel in Paris."
EXTERNAL, LOCAL = "https://api.example.com/v1", "http://vllm:8000/v1"


class NearEmbedder(Embedder):
    """Finds everything near: the evidence always suffices, and no model has to be loaded."""

    name = "near"
    revision = ""
    dimension = 2
    max_tokens = 500

    def _embed(self, texts: Sequence[str]) -> Vectors:
        return np.tile(np.asarray([[1.0, 0.0]], dtype=np.float32), (len(texts), 1))

    def token_spans(self, text: str) -> list[Span]:
        return [(at, at + 1) for at, letter in enumerate(text) if letter == " "]


@dataclass
class Wire:
    """The bytes that would have gone to each address, and what was in them."""

    sent: dict[str, int] = field(default_factory=dict)
    bodies: dict[str, str] = field(default_factory=dict)

    def provider(self) -> type[OpenAIChat]:
        wire = self

        class Recording(OpenAIChat):
            async def _pieces(self, messages: Sequence[Message]) -> AsyncGenerator[ChatPiece, None]:
                body = str(self._body(messages)).encode()
                wire.sent[self.spec.base_url] = wire.sent.get(self.spec.base_url, 0) + len(body)
                wire.bodies[self.spec.base_url] = body.decode()
                nothing: tuple[ChatPiece, ...] = ()
                for piece in nothing:
                    yield piece
                raise LLMError("recorded", kind="overloaded")

        return Recording


def answer(
    runner: asyncio.Runner, specs: Sequence[LLMSpec], *, stays_here: bool, turns: tuple[Turn, ...] = ()
) -> list[AnswerEvent]:
    passage = Passage("k", "Travel policy", (), 1, SECRET, None, 0.9, 1.0, stays_here=stays_here)

    async def collect() -> list[AnswerEvent]:
        events = stream_answer(
            question=QUESTION,
            passages=[passage],
            embedder=NearEmbedder(),
            llm=specs,
            frame=Frame(turns=turns, turn_tokens=1000),
        )
        return [event async for event in events]

    return runner.run(collect())


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    wire = Wire()
    monkeypatch.setattr(answering, "OpenAIChat", wire.provider())
    monkeypatch.setattr(short_call, "OpenAIChat", wire.provider())
    return wire


def judge(runner: asyncio.Runner, llm: LLMSpec, *, stays_here: bool) -> Attempt:
    attempts: list[Attempt] = []
    asked = judge_difficulty(question=QUESTION, llm=llm, seconds=5, stays_here=stays_here, attempts=attempts)
    assert runner.run(asked) is None, "the recorder says nothing"
    return attempts[0]


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def run_policies(
    runner: asyncio.Runner, count: int, levels: frozenset[Level], *, stays_here: bool
) -> tuple[int, int]:
    """Answer under so many random policies; return how many models were asked to answer, and to judge.

    The judge that a policy names is asked also where it is not to be, so that the last belt is tried too.
    """
    asked: list[int] = []
    judged: list[bool] = []

    @settings(max_examples=count, deadline=None, database=None)
    @given(st.integers(0, 2**64))
    def run(seed: int) -> None:
        chance = Random(seed)  # noqa: S311  a test's
        some = frozenset(chance.sample(LEVELS, chance.randint(0, 3)))
        situation = random_situation(chance, some | levels if stays_here else levels)
        policy = random_policy(chance, EXTERNAL, LOCAL)
        chosen = choose_judge(policy, situation)
        assert not (stays_here and chosen and chosen.spec.is_external)
        for named in [one for one in policy.engines if one.key == policy.judge]:
            own_name = replace(named.spec, model=f"judge-{len(asked)}")
            attempt = judge(runner, own_name, stays_here=stays_here)
            assert (attempt.outcome == "withheld") == (stays_here and named.spec.is_external)
            judged.append(chosen is not None)
            situation = replace(situation, difficulty=chance.choice(DIFFICULTIES))
        route = choose_route(policy, situation)
        assert not (stays_here and any(one.spec.is_external for one in route.engines))
        # Each answer has breakers of its own: an open one would hide what would have been sent.
        own = [replace(one.spec, model=f"{one.key}-{len(asked)}") for one in route.engines]
        events = answer(runner, own, stays_here=stays_here)
        assert any(isinstance(event, SentenceDone) for event in events)
        asked.append(len(own))

    run()
    assert len(asked) >= count
    assert len(judged) > count / 4
    return sum(asked), sum(judged)


def test_no_byte_of_a_local_only_collection_leaves_in_1000_policies(
    wire: Wire, runner: asyncio.Runner
) -> None:
    answerers, judges = run_policies(runner, 1000, frozenset({LOCAL_ONLY}), stays_here=True)
    assert answerers > 100
    assert judges > 10
    assert EXTERNAL not in wire.sent
    assert wire.sent[LOCAL] > 0, "nothing was sent at all: the test would prove nothing"


def test_the_same_policies_do_send_what_may_leave(wire: Wire, runner: asyncio.Runner) -> None:
    """Else the test above would pass with a recorder that records nothing."""
    run_policies(runner, 50, frozenset({"public"}), stays_here=False)
    assert wire.sent[EXTERNAL] > 0


def test_the_same_recorder_sees_a_judge_elsewhere(wire: Wire, runner: asyncio.Runner) -> None:
    judge(runner, LLMSpec(EXTERNAL, "judge-away", is_external=True), stays_here=False)
    assert QUESTION in wire.bodies[EXTERNAL]
    assert SECRET not in wire.bodies[EXTERNAL]


def test_a_wrong_judge_is_stopped_before_it_is_sent_the_question(wire: Wire, runner: asyncio.Runner) -> None:
    """The second belt, as for the models that answer."""
    attempt = judge(runner, LLMSpec(EXTERNAL, "judge-belt", is_external=True), stays_here=True)
    assert (attempt.outcome, attempt.prompt_tokens, wire.sent) == ("withheld", 0, {})


def test_no_turn_about_what_is_local_only_leaves_with_a_public_question_in_300_policies(
    wire: Wire, runner: asyncio.Runner
) -> None:
    """The passages may go anywhere; what was said before may not."""
    seen = {EXTERNAL: 0, LOCAL: 0}

    @settings(max_examples=300, deadline=None, database=None)
    @given(st.integers(0, 2**64))
    def run(seed: int) -> None:
        chance = Random(seed)  # noqa: S311  a test's
        levels = frozenset({LOCAL_ONLY, *chance.sample(LEVELS, 2)})
        situation = random_situation(chance, frozenset({"public"}))
        route = choose_route(random_policy(chance, EXTERNAL, LOCAL), situation)
        may = frozenset(one.key for one in route.engines if may_see(one, levels))
        every = frozenset(one.key for one in route.engines)
        # The second turn's keys are wrong: that it stays here has to be enough.
        turns = (Turn("Tuttlingen?", "In Tuttlingen.", may), Turn("Tuttlingen?", "Near Tuttlingen.", every))
        own = [replace(one.spec, model=f"{one.key}-turn-{seed}") for one in route.engines]
        wire.bodies.clear()
        answer(runner, own, stays_here=False, turns=turns)
        assert "Tuttlingen" not in wire.bodies.get(EXTERNAL, "")
        for address in wire.bodies:
            seen[address] += 1

    run()
    assert min(seen.values()) > 10
    assert "Tuttlingen" in wire.bodies.get(LOCAL, "Tuttlingen")


def test_a_wrong_route_is_stopped_before_it_sends(wire: Wire, runner: asyncio.Runner) -> None:
    """The second belt: were a route wrong, the passages themselves say that they stay."""
    away = LLMSpec(EXTERNAL, "away", is_external=True)
    events = answer(runner, [away, LLMSpec(LOCAL, "here-belt")], stays_here=True)
    assert EXTERNAL not in wire.sent
    assert wire.sent[LOCAL] > 0
    assert [e.notice for e in answer(runner, [away], stays_here=True) if isinstance(e, EngineChosen)] == [
        WITHHELD
    ]
    assert any(isinstance(event, SentenceDone) for event in events)


@asynccontextmanager
async def recording(names: Sequence[str], seen: Counter[str]) -> AsyncIterator[dict[str, str]]:
    """Run a server for each name that counts bytes and connections, and answers with an error; their URLs."""

    async def record(name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen[f"{name}: connections"] += 1
        while data := await reader.read(65_536):
            seen[f"{name}: bytes"] += len(data)
            if b"\r\n\r\n" in data:
                break
        writer.write(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    servers = {name: await asyncio.start_server(partial(record, name), "127.0.0.1", 0) for name in names}
    yield {
        name: f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1" for name, server in servers.items()
    }
    for server in servers.values():
        server.close()


async def _ask_over_sockets(seen: Counter[str]) -> None:
    passage = Passage("k", "Travel policy", (), 1, SECRET, None, 0.9, 1.0, stays_here=True)
    local = frozenset({"internal", LOCAL_ONLY})
    async with recording(("away", "here"), seen) as urls:
        for number in range(10):
            specs = [
                LLMSpec(urls["away"], f"a{number}", key="1", is_external=True),
                LLMSpec(urls["here"], f"h{number}", key="2"),
            ]
            engines = tuple(
                Engine(one.key, one, "external" if one.is_external else "local", "local_only", approved=True)
                for one in specs
            )
            rule = Rule("r", "All", ("1", "2"), share=100)
            route = choose_route(Policy(engines, (rule,)), Situation(local, frozenset(), 10, "p", "c"))
            chosen = [one.spec for one in route.engines]
            events = stream_answer(
                question=QUESTION,
                passages=[passage],
                embedder=NearEmbedder(),
                llm=chosen if number % 2 else specs,  # every other time past the route
            )
            async for _ in events:
                pass


def test_real_sockets_see_nothing_either() -> None:
    seen: Counter[str] = Counter()
    asyncio.run(_ask_over_sockets(seen))
    assert (seen["away: bytes"], seen["away: connections"]) == (0, 0)
    assert seen["here: bytes"] > 0
