"""A server with Cohere's `/rerank`, on loopback: the more words of the query a text has, the better."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.fakes.http_server import serving


class FakeRerankServer:
    """`delay` is seconds for a request; `status` and `body`, where given, are what it answers instead.

    `requests` are the bodies that it was sent, `keys` the values of Authorization. With `drips` it sends the
    answer byte by byte, `delay` apart.
    """

    def __init__(self) -> None:
        self.delay, self.status, self.drips = 0.0, 200, False
        self.body: bytes | None = None
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.keys: set[str] = set()
        self.base_url = ""

    @contextmanager
    def running(self) -> Iterator["FakeRerankServer"]:
        with serving(self.answer) as self.base_url:
            yield self

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        asked = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        self.requests.append(asked)
        self.paths.append(request.path)
        self.keys.add(request.headers.get("Authorization", ""))
        data = self.body if self.body is not None else json.dumps(self._ranking(asked)).encode()
        try:
            self._send(request, data)
        except OSError:
            return  # nobody waits any more

    def _send(self, request: BaseHTTPRequestHandler, data: bytes) -> None:
        if not self.drips:
            time.sleep(self.delay)
        request.send_response(self.status)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        for piece in [data[at : at + 1] for at in range(len(data))] if self.drips else [data]:
            request.wfile.write(piece)
            request.wfile.flush()
            if self.drips:
                time.sleep(self.delay)

    def _ranking(self, asked: dict[str, Any]) -> dict[str, Any]:
        words = set(asked["query"].lower().split())
        rows: list[dict[str, Any]] = [
            {
                "index": place,
                "document": {"text": text},
                "relevance_score": len(words & set(text.lower().split())) / len(words),
            }
            for place, text in enumerate(asked["documents"])
        ]
        rows.sort(key=lambda row: -row["relevance_score"])
        return {"id": "rerank-1", "model": asked["model"], "usage": {"total_tokens": 1}, "results": rows}
