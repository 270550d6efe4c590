"""A server of embeddings that speaks OpenAI's protocol, on loopback; a text always has the same vector."""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import numpy as np
from numpy.typing import NDArray

from tests.fakes.http_server import serving


class FakeEmbeddings:
    """`delay` is seconds for a request, `status` what it answers; `texts` and `keys` are what it was sent."""

    def __init__(self, dimension: int = 1024, *, seed: str = "one", delay: float = 0.0) -> None:
        self.dimension, self.seed, self.delay = dimension, seed, delay
        self.status = 200
        self.texts: list[str] = []
        self.keys: set[str] = set()
        self.base_url = ""

    def vector(self, text: str) -> NDArray[np.float32]:
        """Return the unit vector of a text."""
        digest = hashlib.sha256((self.seed + text).encode()).digest()
        made = np.random.default_rng(int.from_bytes(digest[:8], "big")).standard_normal(self.dimension)
        unit: NDArray[np.float32] = (made / np.linalg.norm(made)).astype(np.float32)
        return unit

    @contextmanager
    def running(self) -> Iterator["FakeEmbeddings"]:
        with serving(self.answer) as self.base_url:
            yield self

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        self.keys.add(request.headers.get("Authorization", ""))
        self.texts += body["input"]
        time.sleep(self.delay)
        rows = [
            {"index": place, "embedding": self.vector(text).tolist()}
            for place, text in enumerate(body["input"])
        ]
        data = json.dumps({"data": rows}).encode()
        request.send_response(self.status)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)
