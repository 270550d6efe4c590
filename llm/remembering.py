"""An embedder that computes each vector once, so that measuring again does not mean embedding again."""

import hashlib
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from llm.embedding import Embedder, Span, Vectors


class RememberingEmbedder(Embedder):
    """Another embedder, whose vectors are kept by model and text: in a file, or in memory without one.

    The file is SQLite, so that several processes may share it. Thread safe.
    """

    def __init__(self, inner: Embedder, path: Path | None = None) -> None:
        super().__init__()
        self.inner = inner
        self.name, self.revision = inner.name, inner.revision
        self.dimension, self.max_tokens = inner.dimension, inner.max_tokens
        self.query_prefix, self.passage_prefix = inner.query_prefix, inner.passage_prefix
        self.batch_texts, self.batch_tokens = inner.batch_texts, inner.batch_tokens
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path or ":memory:", check_same_thread=False, timeout=60)
        self._database.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB)")

    def token_spans(self, text: str) -> list[Span]:
        return self.inner.token_spans(text)

    def _embed(self, texts: Sequence[str]) -> Vectors:
        distinct = list(dict.fromkeys(texts))
        known = {text: vector for text in distinct if (vector := self._read(text)) is not None}
        missing = [text for text in distinct if text not in known]
        if missing:
            made = dict(zip(missing, self.inner._embed(missing), strict=True))
            self._keep(made)
            known |= made
        return np.stack([known[text] for text in texts])

    def _read(self, text: str) -> Vectors | None:
        with self._lock:
            row = self._database.execute(
                "SELECT vector FROM vectors WHERE key = ?", [self._key(text)]
            ).fetchone()
        return None if row is None else np.frombuffer(row[0], dtype=np.float32)

    def _keep(self, vectors: dict[str, Vectors]) -> None:
        rows = [
            (self._key(text), np.asarray(vector, dtype=np.float32).tobytes())
            for text, vector in vectors.items()
        ]
        with self._lock, self._database:
            self._database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(f"{self.name}\0{self.revision}\0{text}".encode()).digest()
