"""Our chat provider against real model servers: `make test-vllm` and `make test-llamacpp`.

The models have random weights. What is tested is the protocol and the fallback, not the wit. Where a server
cannot do a thing, what it does instead is asserted, and stands in the table of docs/models.md.
"""

import asyncio
import json
import time
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import httpx
import pytest
from django.conf import settings

from llm.answering import Finished, LLMSpec, Passage, SentenceDone, stream_answer
from llm.chat import ChatPiece, Message
from llm.embedding import EmbedderSpec, load_embedder
from llm.errors import LLMError
from llm.providers.openai_chat import OpenAIChat
from llm.trial import try_model
from tests.model_servers.servers import AT_ONCE, YES, Server
from tests.model_servers.tiny_tokenizer import CONTEXT

pytestmark = pytest.mark.timeout(1200)

ASK = (Message("system", "You are brief."), Message("user", "How do I add a team?"))
SCHEMA = {
    "type": "object",
    "properties": {"answered": {"type": "boolean"}},
    "required": ["answered"],
    "additionalProperties": False,
}
# Long enough to fill some blocks of a prefix cache.
LONG = " ".join(f"Team {number} has members." for number in range(60))


async def reply(spec: LLMSpec, messages: tuple[Message, ...] = ASK) -> list[ChatPiece]:
    async with aclosing(OpenAIChat(spec).stream(messages)) as pieces:
        return [piece async for piece in pieces]


def text_of(pieces: list[ChatPiece]) -> str:
    return "".join(piece.text for piece in pieces)


def post(server: Server, content: str = ASK[1].content, **more: Any) -> dict[str, Any]:
    """One answer that is not streamed, with what our provider never sends."""
    body = {"model": server.model, "messages": [{"role": "user", "content": content}], "temperature": 0}
    url = f"{server.root}/v1/chat/completions"
    response = httpx.post(url, json=body | {"max_tokens": 64} | more, timeout=120, trust_env=False)
    response.raise_for_status()
    return dict(response.json())


def can(words: str) -> bool:
    return words.startswith(YES)


def test_streams_text_piece_by_piece_and_says_why_it_stopped(server: Server) -> None:
    pieces = asyncio.run(reply(server.spec))
    assert sum(bool(piece.text) for piece in pieces) > 5
    assert [piece.stop_reason for piece in pieces if piece.stop_reason] in (["length"], ["stop"])


def test_counts_tokens_in_the_stream(server: Server) -> None:
    pieces = asyncio.run(reply(server.spec))
    counted = [piece for piece in pieces if piece.output_tokens is not None]
    assert bool(counted) == can(server.kind.seen.usage)
    for usage in counted:
        assert usage.prompt_tokens
        assert 0 < (usage.output_tokens or 0) <= server.spec.max_output_tokens
    told = try_model(server.spec)
    assert told.went_well
    assert ("It counts tokens." in told.told[0]) == can(server.kind.seen.usage)


def test_ends_at_the_given_length_or_word(server: Server) -> None:
    (whole,) = post(server)["choices"]
    assert whole["finish_reason"] == "length"
    said = whole["message"]["content"]
    word = said[len(said) // 2 :][:4]
    (stopped,) = post(server, stop=[word])["choices"]
    assert stopped["finish_reason"] == "stop"
    assert stopped["message"]["content"] == said[: said.index(word)]


def test_closing_the_stream_stops_the_server(server: Server) -> None:
    long = replace(server.spec, max_output_tokens=3000)

    async def abandon() -> None:
        async with aclosing(OpenAIChat(long).stream(ASK)) as pieces:
            async for piece in pieces:
                if piece.text:
                    break

    asyncio.run(abandon())
    left = time.monotonic()
    if metric := server.kind.running_metric:
        while server.metric(metric) and time.monotonic() < left + 10:
            time.sleep(0.1)
        assert server.metric(metric) == 0
    else:  # it does one thing at a time, so what was abandoned would keep the next one waiting
        asyncio.run(reply(server.spec))
    assert can(server.kind.seen.abort)
    assert time.monotonic() - left < 5


def test_answers_many_at_once_each_in_full(server: Server) -> None:
    # A server that does one thing at a time keeps the last reader waiting for all others.
    spec = replace(server.spec, max_output_tokens=200, first_token_timeout=300, total_timeout=600)
    begun: list[float] = []
    ended: list[float] = []

    async def one() -> str:
        pieces: list[ChatPiece] = []
        async with aclosing(OpenAIChat(spec).stream(ASK)) as stream:
            async for piece in stream:
                if piece.text and not pieces:
                    begun.append(time.monotonic())
                pieces += [piece] if piece.text else []
        ended.append(time.monotonic())
        return text_of(pieces)

    async def many() -> list[str]:
        return list(await asyncio.gather(*(one() for _ in range(AT_ONCE))))

    texts = asyncio.run(many())
    assert all(texts)
    assert len({text[:20] for text in texts}) == 1, "temperature 0, same prompt"
    assert (max(begun) < min(ended)) == can(server.kind.seen.at_once)


def test_a_json_schema_binds_the_reply(server: Server) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": SCHEMA, "strict": True}}
    if not can(server.kind.seen.schema):
        with pytest.raises((httpx.HTTPStatusError, ValueError)):
            json.loads(post(server, response_format=form)["choices"][0]["message"]["content"])
        form = {"type": "json_object", "schema": SCHEMA}
    (choice,) = post(server, response_format=form)["choices"]
    assert set(json.loads(choice["message"]["content"])) == {"answered"}


@pytest.mark.parametrize("page", ["health", "metrics"])
def test_has_the_pages_that_look_after_it(server: Server, page: str) -> None:
    assert server.get(f"/{page}").is_success == can(getattr(server.kind.seen, page))
    assert server.get("/v1/models").json()["data"]


def test_a_salt_keeps_one_readers_prefix_cache_from_another(server: Server) -> None:
    if not can(server.kind.seen.cache_salt):
        assert post(server, cache_salt="one")["choices"], "a salt that means nothing to a server does no harm"
        return

    def hits(salt: str) -> float:
        before = server.metric("vllm:prefix_cache_hits_total")
        post(server, LONG, cache_salt=salt)
        return server.metric("vllm:prefix_cache_hits_total") - before

    assert hits("one") == 0
    assert hits("one") > 0
    assert hits("another") == 0


def test_a_prompt_that_is_too_long_is_told_as_such(server: Server) -> None:
    with pytest.raises(LLMError) as caught:
        asyncio.run(reply(server.spec, (Message("user", "team " * 2 * CONTEXT),)))
    assert caught.value.kind == ("overflow" if can(server.kind.seen.overflow) else "cut")
    assert asyncio.run(reply(server.spec)), "the server goes on"


def test_a_model_that_it_has_not(server: Server) -> None:
    other = replace(server.spec, model="no-such-model")
    if server.kind.seen.unknown_model.startswith("404"):
        with pytest.raises(LLMError) as caught:
            asyncio.run(reply(other))
        assert caught.value.permanent
    else:
        assert text_of(asyncio.run(reply(other)))


def test_an_answer_ends_whatever_the_model_says(server: Server) -> None:
    text = "Managers add a team under Teams, New team. Members join by a link."
    passages = [Passage("k1", "Handbook", ("Teams",), 1, text, None, 0.9, None)]

    async def ask() -> list[object]:
        answer = stream_answer(
            question="How do I add a team?",
            passages=passages,
            embedder=load_embedder(EmbedderSpec(cache=str(settings.MODEL_CACHE))),
            llm=server.spec,
        )
        return [event async for event in answer]

    events = asyncio.run(ask())
    assert isinstance(events[-1], Finished)
    assert [event for event in events if isinstance(event, SentenceDone)]
