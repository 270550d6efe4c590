"""Does a model server work? Asks which models it has and for a word, and says in words what is wrong."""

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass, replace
from http import HTTPStatus

import httpx

from llm.breaker import Breaker
from llm.chat import ChatPiece, Message
from llm.engines import LLMSpec
from llm.errors import LLMError
from llm.providers.openai_chat import OpenAIChat

_ASKED = (Message("user", "Reply with the one word: ready"),)
_ANSWER_TOKENS = 64
_PATIENCE = 10.0
_MOST_NAMES = 12
_LONGEST_LIST = 1 << 20

_ADVICE = {
    "refused": "Nothing listens at that address. Is the server started, and is the port right?",
    "timeout": "It may be loading the model, or be behind a firewall. Try again in a minute.",
    "rejected": "The server is there and refuses: check the key, the model's name and the path (…/v1).",
    "overloaded": "The server is there and busy, or its limit for this key is reached.",
    "server": "The server is there and failed inside: look into its log.",
    "cut": "The server broke off: look into its log, and for a proxy that buffers or cuts streams.",
    "malformed": "What answers there is no OpenAI-compatible server, or the path is not …/v1.",
    "empty": "The model answered without a word. A model that only thinks needs more room, or another mode.",
}


@dataclass(frozen=True, slots=True)
class Trial:
    """How it went, in sentences for an admin."""

    went_well: bool
    told: tuple[str, ...]

    @classmethod
    def failed(cls, told: str) -> "Trial":
        return cls(went_well=False, told=(told,))


def try_model(spec: LLMSpec) -> Trial:
    """Ask a server for its models and a model for one word; nothing of the portal's content is sent.

    Not for use inside a running event loop. Takes 20 s at most; the breaker of the model is left alone.
    """
    return asyncio.run(_try(spec))


async def _try(spec: LLMSpec) -> Trial:
    listed = await _list_models(spec)
    begun = time.monotonic()
    seen: list[ChatPiece] = []
    short = replace(
        spec, max_output_tokens=_ANSWER_TOKENS, first_token_timeout=_PATIENCE, total_timeout=_PATIENCE * 1.5
    )
    try:
        async with aclosing(OpenAIChat(short, Breaker()).stream(_ASKED)) as pieces:
            first: float | None = None
            async for piece in pieces:
                if piece.text and first is None:
                    first = time.monotonic() - begun
                seen.append(piece)
    except LLMError as error:
        return Trial(went_well=False, told=(f"{error} {_ADVICE.get(error.kind, '')}".strip(), *listed))
    return Trial(went_well=True, told=(_praise(seen, first), *listed))


def _praise(seen: list[ChatPiece], first: float | None) -> str:
    counts = any(piece.output_tokens is not None for piece in seen)
    usage = "It counts tokens." if counts else "It counts no tokens, so use and costs are estimated."
    return f"The model answers: first words after {(first or 0) * 1000:.0f} ms. {usage}"


async def _list_models(spec: LLMSpec) -> tuple[str, ...]:
    """What the server's list of models says about the name; nothing where it has no list."""
    headers = {"Authorization": f"Bearer {spec.api_key}"} if spec.api_key else {}
    try:
        async with httpx.AsyncClient(timeout=httpx.Timeout(5.0, connect=spec.connect_timeout)) as client:
            reply = await client.get(f"{spec.base_url.rstrip('/')}/models", headers=headers)
        if reply.status_code != HTTPStatus.OK or len(reply.content) > _LONGEST_LIST:
            return ()
        names = [str(row["id"]) for row in reply.json()["data"]]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
        return ()
    if not names or spec.model in names:
        return ()
    shown = ", ".join(name[:100] for name in names[:_MOST_NAMES])
    return (f"The server lists no model “{spec.model}”. It lists: {shown}.",)
