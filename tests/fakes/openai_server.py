"""A chat server that speaks OpenAI's streaming protocol, on loopback, with every fault a real one can have.

    python -m tests.fakes.openai_server --port 9001 [--behaviour NAME] [--delay SECONDS] [--first SECONDS]

By default it answers by quoting the first sentence of source 1, with [1], token by token. A request for a
model that is called like a behaviour ("hang-mid-stream") gets that behaviour. `GET /v1/seen` counts requests.
"""

import argparse
import asyncio
import contextlib
import json
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from llm.sentences import sentence_spans

_SOURCE = re.compile(r"^\[1\] (.*)$", re.MULTILINE)
_MARKER = re.compile(r"^The marker character is (\S)$", re.MULTILINE)
_ANY_SOURCE = re.compile(r"^\[\d+\] ", re.MULTILINE)
_TOKEN = re.compile(r"\s*\S{1,6}")

# So that what is sent before and after arrives in two reads.
_APART = 0.05
_DRIP = 0.3

Writer = asyncio.StreamWriter
Body = dict[str, Any]


@dataclass
class FakeServer:
    """One server; `reply` is the text that the behaviour "say" writes. `requests` and `aborted` are seen.

    `first` is for how many seconds it thinks before a text's first token, `delay` for how many after each.
    """

    behaviour: str = "quote"
    delay: float = 0.0
    first: float = 0.0
    reply: str = ""
    requests: list[Body] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    aborted: int = 0
    port: int = 0
    serving: set["asyncio.Task[Any]"] = field(default_factory=set)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @contextlib.asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator["FakeServer"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self.serving:
                task.cancel()
            await asyncio.gather(*self.serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        if task := asyncio.current_task():
            self.serving.add(task)
            task.add_done_callback(self.serving.discard)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
            body = json.loads(await reader.readexactly(int(length[1]))) if length else {}
            self.headers.append(head)
            await self._answer(head, body, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.aborted += 1
        finally:
            with contextlib.suppress(ConnectionError):
                writer.close()
                await writer.wait_closed()

    async def _answer(self, head: str, body: Body, writer: Writer) -> None:
        line = head.split("\r\n", 1)[0]
        if "/seen" in line:
            await _send_json(writer, 200, {"requests": len(self.requests), "aborted": self.aborted})
            return
        if "/chat/completions" not in line:
            await _send_json(writer, 200, {"object": "list", "data": [{"id": "fake", "object": "model"}]})
            return
        self.requests.append(body)
        name = body["model"] if body["model"] in BEHAVIOURS else self.behaviour
        await BEHAVIOURS[name](self, body, writer)

    async def stream(self, writer: Writer, text: str) -> None:
        """The head and the text's tokens, without an end."""
        await start_stream(writer)
        await asyncio.sleep(self.first)
        for token in tokens(text):
            await send_event(writer, token_event(token))
            await asyncio.sleep(self.delay)


def tokens(text: str) -> Iterator[str]:
    """Pieces of a few letters, as a model makes them; they cut words, markers and tags in two."""
    end = 0
    for match in _TOKEN.finditer(text):
        end = match.end()
        yield match.group()
    if text[end:]:
        yield text[end:]


def token_event(text: str) -> Body:
    return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": text}}]}


def quote_of(prompt: str) -> str:
    """The first sentence of source 1 of a prompt, cited; what a sober model might answer."""
    marker, source = _MARKER.search(prompt), _SOURCE.search(prompt)
    if source is None:
        return "NOT_IN_SOURCES"
    text = source[1].replace(marker[1], " ") if marker else source[1]
    text = text.partition(": ")[2] or text
    start, end = sentence_spans(text)[0]
    return f"{text[start:end].rstrip('.')} [1]."


def question_of(body: Body) -> str:
    return str(body["messages"][-1]["content"])


async def send_event(writer: Writer, event: Body) -> None:
    await send(writer, f"data: {json.dumps(event)}\n\n".encode())


async def send(writer: Writer, data: bytes) -> None:
    if writer.transport.is_closing():
        raise ConnectionResetError
    writer.write(data)
    await writer.drain()


async def start_stream(writer: Writer) -> None:
    await send(writer, b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")


async def end_stream(writer: Writer, body: Body, reason: str = "stop") -> None:
    await send_event(writer, {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    usage = {"prompt_tokens": len(question_of(body)) // 4, "completion_tokens": 7}
    await send_event(writer, {"choices": [], "usage": usage})
    await send(writer, b"data: [DONE]\n\n")


async def _send_json(writer: Writer, status: int, content: Body, header: str = "") -> None:
    data = json.dumps(content).encode()
    head = f"HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    head += f"{header}\r\n" if header else ""
    await send(writer, head.encode() + b"Connection: close\r\n\r\n" + data)


async def _quote(server: FakeServer, body: Body, writer: Writer) -> None:
    await server.stream(writer, quote_of(question_of(body)))
    await end_stream(writer, body)


async def _say(server: FakeServer, body: Body, writer: Writer) -> None:
    await server.stream(writer, server.reply)
    await end_stream(writer, body)


async def _reach_limit(server: FakeServer, body: Body, writer: Writer) -> None:
    await server.stream(writer, server.reply)
    await end_stream(writer, body, "length")


async def _rate_limited(_server: FakeServer, _body: Body, writer: Writer) -> None:
    await _send_json(writer, 429, {"error": {"message": "too many requests"}})


async def _rate_limited_for_seconds(_server: FakeServer, _body: Body, writer: Writer) -> None:
    await _send_json(writer, 429, {"error": {"message": "too many requests"}}, "Retry-After: 2")


async def _unavailable(_server: FakeServer, _body: Body, writer: Writer) -> None:
    await _send_json(writer, 503, {"error": {"message": "loading the model"}})


async def _wrong_model(_server: FakeServer, body: Body, writer: Writer) -> None:
    message = f"The model `{body['model']}` does not exist."
    await _send_json(writer, 404, {"error": {"message": message, "type": "NotFoundError", "code": 404}})


async def _overflow(server: FakeServer, body: Body, writer: Writer) -> None:
    """Takes one source and no more, and says so as vLLM does."""
    if len(_ANY_SOURCE.findall(question_of(body))) > 1:
        message = "This model's maximum context length is 512 tokens. However, you requested 2048 tokens."
        await _send_json(writer, 400, {"object": "error", "message": message, "code": 400})
        return
    await _quote(server, body, writer)


async def _overflow_always(_server: FakeServer, _body: Body, writer: Writer) -> None:
    message = "the request exceeds the available context size. try increasing the context size"
    await _send_json(writer, 400, {"error": {"code": 400, "message": message, "type": "invalid_request"}})


async def _slow_drip(_server: FakeServer, body: Body, writer: Writer) -> None:
    """A few letters now and then, never late enough for the limit between two tokens."""
    await start_stream(writer)
    while True:
        for token in tokens(f"{quote_of(question_of(body))} "):
            await send_event(writer, token_event(token))
            await asyncio.sleep(_DRIP)


async def _error(_server: FakeServer, _body: Body, writer: Writer) -> None:
    await _send_json(writer, 500, {"error": {"message": "out of memory"}})


async def _unauthorised(_server: FakeServer, _body: Body, writer: Writer) -> None:
    await _send_json(writer, 401, {"error": {"message": "bad key"}})


async def _hang_before_headers(_server: FakeServer, _body: Body, writer: Writer) -> None:
    await _until_closed(writer)


async def _hang_mid_stream(server: FakeServer, body: Body, writer: Writer) -> None:
    await server.stream(writer, quote_of(question_of(body)))
    await _until_closed(writer)


async def _cut(server: FakeServer, body: Body, writer: Writer) -> None:
    await server.stream(writer, quote_of(question_of(body)))


async def _reset(server: FakeServer, body: Body, writer: Writer) -> None:
    await server.stream(writer, quote_of(question_of(body)))
    writer.transport.abort()


async def _invalid_utf8(_server: FakeServer, _body: Body, writer: Writer) -> None:
    await start_stream(writer)
    await send_event(writer, token_event("The answer is "))
    await asyncio.sleep(_APART)
    await send(writer, b'data: {"choices": [{"delta": {"content": "\xff\xfe\xfa"}}]}\n\n')


async def _invalid_json(_server: FakeServer, _body: Body, writer: Writer) -> None:
    await start_stream(writer)
    await send_event(writer, token_event("The answer is "))
    await asyncio.sleep(_APART)
    await send(writer, b'data: {"choices": [{"delta": \n\n')


async def _wrong_shape(_server: FakeServer, _body: Body, writer: Writer) -> None:
    await start_stream(writer)
    await send(writer, b'data: {"choices": [{"delta": {"content": {"a": 1}}}]}\n\n')


async def _error_in_stream(_server: FakeServer, _body: Body, writer: Writer) -> None:
    await start_stream(writer)
    await send_event(writer, {"error": {"message": "engine died", "code": 500}})


async def _empty(_server: FakeServer, body: Body, writer: Writer) -> None:
    await start_stream(writer)
    await end_stream(writer, body)


async def _endless(server: FakeServer, body: Body, writer: Writer) -> None:
    await start_stream(writer)
    while True:
        await send_event(writer, token_event(f"{quote_of(question_of(body))} "))
        await asyncio.sleep(server.delay)


async def _endless_line(_server: FakeServer, _body: Body, writer: Writer) -> None:
    await start_stream(writer)
    while True:
        await send(writer, b"data: " + b"x" * 65_536)


async def _until_closed(writer: Writer) -> None:
    while not writer.transport.is_closing():
        await asyncio.sleep(0.02)
    raise ConnectionResetError


BEHAVIOURS: dict[str, Callable[[FakeServer, Body, Writer], Awaitable[None]]] = {
    "quote": _quote,
    "say": _say,
    "reach-limit": _reach_limit,
    "rate-limited": _rate_limited,
    "rate-limited-for-seconds": _rate_limited_for_seconds,
    "unavailable": _unavailable,
    "wrong-model": _wrong_model,
    "overflow": _overflow,
    "overflow-always": _overflow_always,
    "slow-drip": _slow_drip,
    "error": _error,
    "unauthorised": _unauthorised,
    "hang-before-headers": _hang_before_headers,
    "hang-mid-stream": _hang_mid_stream,
    "cut": _cut,
    "reset": _reset,
    "invalid-utf8": _invalid_utf8,
    "invalid-json": _invalid_json,
    "wrong-shape": _wrong_shape,
    "error-in-stream": _error_in_stream,
    "empty": _empty,
    "endless": _endless,
    "endless-line": _endless_line,
}


async def _main() -> None:
    parser = argparse.ArgumentParser(description="A fake OpenAI chat server on loopback, for tests.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--behaviour", choices=sorted(BEHAVIOURS), default="quote")
    parser.add_argument("--delay", type=float, default=0.03, help="seconds between tokens")
    parser.add_argument("--first", type=float, default=0.0, help="seconds before the first token")
    parser.add_argument("--reply", default="", help='what "say" says')
    options = parser.parse_args()
    server = FakeServer(options.behaviour, options.delay, options.first, options.reply)
    async with server.running(options.port):
        sys.stdout.write(f"{server.base_url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main())
