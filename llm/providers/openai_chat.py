"""Chat through any server that speaks OpenAI's `/v1/chat/completions`: vLLM, llama.cpp, Ollama, TGI."""

import codecs
import json
import re
import ssl
import time
import uuid
from collections.abc import AsyncGenerator, Sequence
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import httpx

from llm.chat import ChatModel, ChatPiece, Message
from llm.errors import LLMError

_LONGEST_LINE = 1 << 20
_COMPLAINT = 4_000
# vLLM, llama.cpp, TGI, Ollama and OpenAI, in this order.
_TOO_LONG = re.compile(
    r"maximum context length|context[ _](?:size|length|window)|must have less than \d+ tokens"
    r"|prompt is too long|context_length_exceeded|input length|too many tokens",
    re.IGNORECASE,
)
_DONE = "[DONE]"
_SENT = "http11.send_request_body.complete"  # as httpcore tells it


class OpenAIChat(ChatModel):
    """One streamed completion per call, with a request id of our own."""

    async def _pieces(self, messages: Sequence[Message]) -> AsyncGenerator[ChatPiece, None]:
        try:
            async with (
                httpx.AsyncClient(timeout=self._timeout(), verify=_tls()) as client,
                client.stream(
                    "POST",
                    self._url,
                    json=self._body(messages),
                    headers=self._headers(),
                    extensions={"trace": self._trace},
                ) as reply,
            ):
                await _check_status(reply)
                async for data in _event_data(reply):
                    if data == _DONE:
                        return
                    yield _piece(data)
        except httpx.ConnectError as error:
            raise LLMError("The language model's server refused the connection.", kind="refused") from error
        except httpx.TimeoutException as error:
            raise LLMError("The language model's server did not answer in time.", kind="timeout") from error
        except httpx.InvalidURL as error:
            raise LLMError(
                "The language model's address is not valid.", kind="rejected", permanent=True
            ) from error
        except httpx.HTTPError as error:
            raise LLMError("The connection to the language model broke.", kind="cut") from error

    async def _trace(self, event: str, _: dict[str, Any]) -> None:
        if event == _SENT:
            self.sent.set()

    @property
    def _url(self) -> str:
        return f"{self.spec.base_url.rstrip('/')}/chat/completions"

    def _timeout(self) -> httpx.Timeout:
        # Reading has no limit here: the base class times every piece.
        return httpx.Timeout(None, connect=self.spec.connect_timeout, write=self.spec.first_token_timeout)

    def _headers(self) -> dict[str, str]:
        # A plain UUID: llama-cpp-python's server refuses any other id.
        headers = {"X-Request-Id": str(uuid.uuid4()), "Accept": "text/event-stream"}
        if self.spec.api_key:
            headers["Authorization"] = f"Bearer {self.spec.api_key}"
        return headers

    def _body(self, messages: Sequence[Message]) -> dict[str, object]:
        """The whole request; nothing in it comes from a user but the messages' text."""
        return {
            "model": self.spec.model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "max_tokens": self.spec.max_output_tokens,
            "temperature": self.spec.temperature,
            "n": 1,
            "stream": True,
            "stream_options": {"include_usage": True},
        }


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    # Reading the certificates takes 20 ms, which no answer should wait for twice.
    return ssl.create_default_context()


async def _check_status(reply: httpx.Response) -> None:
    status = reply.status_code
    if status == HTTPStatus.OK:
        return
    message = f"The language model's server answered with status {status}."
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        raise LLMError(message, kind="overloaded", retry_after=_seconds(reply.headers.get("Retry-After", "")))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise LLMError(message, kind="server")
    if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}:
        complaint = await _beginning(reply)
        if _TOO_LONG.search(complaint):
            raise LLMError(f"{message} The prompt is too long for the model.", kind="overflow")
    raise LLMError(f"{message} Check its address, key and model name.", kind="rejected", permanent=True)


async def _beginning(reply: httpx.Response) -> str:
    """The first characters of what a server says of an error."""
    text = ""
    async for block in reply.aiter_bytes():
        text += block.decode("utf-8", errors="replace")
        if len(text) > _COMPLAINT:
            break
    return text[:_COMPLAINT]


def _seconds(retry_after: str) -> float:
    """The value of a Retry-After header, in seconds or as a date; 0 where it is neither."""
    if retry_after.isdigit():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, TypeError, IndexError):
        return 0.0


async def _event_data(reply: httpx.Response) -> AsyncGenerator[str, None]:
    """The `data:` of each server-sent event. Raises LLMError for bytes that are not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    pending = ""
    async for block in reply.aiter_bytes():
        try:
            pending += decoder.decode(block)
        except UnicodeDecodeError as error:
            raise LLMError("The language model sent bytes that are not UTF-8.", kind="malformed") from error
        *lines, pending = pending.split("\n")
        if len(pending) > _LONGEST_LINE:
            raise LLMError("The language model sent a line without an end.", kind="malformed")
        for line in lines:
            if line.startswith("data:"):
                yield line.removeprefix("data:").strip()


def _piece(data: str) -> ChatPiece:
    """What one event says. A stream with a hole in it could lose a "not", so a bad event ends it."""
    try:
        event = json.loads(data)
        choices, usage = event.get("choices") or [], event.get("usage") or {}
        if event.get("error"):
            raise LLMError("The language model's server reported an error.", kind="server")
        choice = choices[0] if choices else {}
        text = (choice.get("delta") or {}).get("content") or ""
        return ChatPiece(
            text=_checked_text(text),
            stop_reason=str(choice.get("finish_reason") or ""),
            prompt_tokens=_count(usage.get("prompt_tokens")),
            output_tokens=_count(usage.get("completion_tokens")),
        )
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise LLMError(
            "The language model sent something that is not the protocol.", kind="malformed"
        ) from error


def _checked_text(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError(type(text))
    return text


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None
