"""One short question to a language model beside an answer: a line or a word, in little time, or nothing."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace

from llm.breaker import breaker_for
from llm.chat import ChatPiece, Message
from llm.engines import LLMSpec
from llm.errors import LLMError
from llm.events import READ_THE_PROMPT, Attempt
from llm.prompt import estimate_tokens
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
        was_read = bool(written) or became in {outcome, *READ_THE_PROMPT}
        sent, received = usage.prompt_tokens, usage.output_tokens
        estimated = was_read and (sent is None or received is None)
        if sent is None:
            sent = sum(estimate_tokens(one.content) for one in messages) if was_read else 0
        if received is None:
            received = estimate_tokens(written)
        attempts.append(Attempt(llm.key, llm.model, became, sent, received, estimated, chat.masked))
    return written if became == outcome else ""
