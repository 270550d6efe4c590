"""One short question to a language model beside an answer: a line or a word, in little time, or nothing."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace

from llm.accounting import attempt_of
from llm.breaker import breaker_for
from llm.chat import ChatPiece, Message
from llm.engines import LLMSpec
from llm.errors import LLMError
from llm.events import Attempt
from llm.providers.openai_chat import OpenAIChat


async def ask_shortly(
    messages: Sequence[Message],
    *,
    llm: LLMSpec,
    seconds: float,
    output_tokens: int,
    purpose: str,
    outcome: str,
    attempts: list[Attempt],
) -> str:
    """Return what a model writes within `seconds`; nothing where it fails or is late.

    What it has used is added to `attempts`, as `outcome` where it went well, also where the reader goes away.
    Each purpose has a breaker of its own: a model that is slow here may still answer.
    """
    short = replace(
        llm,
        max_output_tokens=output_tokens,
        connect_timeout=min(llm.connect_timeout, seconds),
        first_token_timeout=seconds,
        between_tokens_timeout=seconds,
        total_timeout=seconds,
    )
    chat = OpenAIChat(short, breaker_for(f"{llm.base_url}#{purpose}", llm.model))
    written, usage, became = "", ChatPiece(), "abandoned"
    try:
        async with aclosing(chat.stream(messages)) as pieces:
            async for piece in pieces:
                written += piece.text
                usage = piece if piece.prompt_tokens is not None else usage
        became = outcome
    except LLMError as error:
        became = error.kind
    finally:
        attempts.append(
            attempt_of(
                chat, became, messages=messages, written=written, usage=usage, went_well=became == outcome
            )
        )
    return written if became == outcome else ""
