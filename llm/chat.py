"""Chat models: the limits, timeouts and breaker around every provider."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from llm.breaker import Breaker, Call, breaker_for
from llm.engines import LLMSpec
from llm.errors import LLMError
from llm.outbound import Counts, add_counts, clear

# No token is longer; a server that ignores max_tokens is cut off here.
_MOST_CHARACTERS_A_TOKEN = 12


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of the conversation that goes to the model."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class ChatPiece:
    """Something the model server sent: text, the reason it stopped, token counts; or a sign of life."""

    text: str = ""
    stop_reason: str = ""
    prompt_tokens: int | None = None
    output_tokens: int | None = None


class ChatModel(ABC):
    """A language model; a provider implements `_pieces`, and sets `sent` when the request has gone out."""

    def __init__(self, spec: LLMSpec, breaker: Breaker | None = None) -> None:
        self.spec = spec
        self.masked: Counts = ()
        self.sent = asyncio.Event()
        self._breaker = breaker or breaker_for(spec.base_url, spec.model)

    @property
    def is_left_alone(self) -> bool:
        """Whether its server failed repeatedly and is not asked now."""
        return not self._breaker.would_admit

    @abstractmethod
    def _pieces(self, messages: Sequence[Message]) -> AsyncGenerator[ChatPiece, None]:
        """Everything the server sends, as it comes. Raises LLMError. Closing it stops the server's work."""

    async def stream(self, messages: Sequence[Message]) -> AsyncGenerator[ChatPiece, None]:
        """The reply as it is written. Raises LLMError for every fault, timeout and empty reply.

        Closing the iterator closes the connection at once, which is how the server learns to stop.
        """
        messages = self._cleared(messages)
        call = self._breaker.admit()
        if call is None:
            raise LLMError(
                f"The language model {self.spec.model} failed repeatedly and is left alone for a moment.",
                kind="unavailable",
            )
        report = call.abandoned
        try:
            async with aclosing(self._checked(messages)) as pieces:
                async for piece in pieces:
                    yield piece
            report = call.succeeded
        except LLMError as error:
            report = _report_of(call, error)
            raise
        finally:
            report()

    def _cleared(self, messages: Sequence[Message]) -> list[Message]:
        """The messages as they may leave. The system's are ours, and hold nothing to be found."""
        return [
            one if one.role == "system" else Message(one.role, self._clear(one.content)) for one in messages
        ]

    def _clear(self, text: str) -> str:
        if self.spec.outbound is None:
            return text
        cleared = clear(text, self.spec.outbound)
        if cleared.blocked:
            kinds = ", ".join(f"{kind}: {count}" for kind, count in cleared.blocked)
            raise LLMError(f"What {self.spec.model} would be sent may not leave ({kinds}).", kind="withheld")
        self.masked = add_counts(self.masked, cleared.masked)
        return cleared.text

    async def _checked(self, messages: Sequence[Message]) -> AsyncGenerator[ChatPiece, None]:
        """The reply within its limits: complete, not empty, not endless."""
        seen, stopped = 0, False
        most = self.spec.max_output_tokens * _MOST_CHARACTERS_A_TOKEN
        async with aclosing(self._timed(messages)) as pieces:
            async for piece in pieces:
                seen += len(piece.text)
                stopped = stopped or bool(piece.stop_reason)
                if seen > most:
                    raise LLMError(
                        f"The language model wrote more than {self.spec.max_output_tokens} tokens.",
                        kind="malformed",
                    )
                yield piece
        if not stopped:
            raise LLMError("The language model's reply broke off.", kind="cut")
        if not seen:
            raise LLMError("The language model's reply was empty.", kind="empty")

    async def _timed(self, messages: Sequence[Message]) -> AsyncGenerator[ChatPiece, None]:
        deadline = time.monotonic() + self.spec.total_timeout
        patience = self.spec.first_token_timeout
        async with aclosing(self._pieces(messages)) as pieces:
            while True:
                wait = min(patience, deadline - time.monotonic())
                try:
                    async with asyncio.timeout(max(wait, 0.0)):
                        piece = await anext(pieces, None)
                except TimeoutError as error:
                    raise LLMError(
                        f"The language model sent nothing for {max(wait, 0.0):.0f} s.", kind="timeout"
                    ) from error
                if piece is None:
                    return
                patience = self.spec.between_tokens_timeout
                yield piece


def _report_of(call: Call, error: LLMError) -> Callable[[], None]:
    if error.kind == "overflow":
        return call.succeeded  # the server is well: the prompt was too long for it
    return partial(call.failed, error.retry_after)
