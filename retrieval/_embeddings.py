"""Questions become vectors while the database is at work."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llm.embedding import Embedder


@dataclass(frozen=True, slots=True)
class Embedding:
    """The vector of a question, while a model works on it: outside Python's lock, beside the database."""

    embedder: Embedder
    vector: "Future[NDArray[np.float32]]"


class Embeddings:
    """Begins before it is known which model serves, with the one that did so last, if it runs here.

    A server elsewhere that serves no longer is not sent one more question.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="embed-query")
        self._last: Embedder | None = None

    def begin_early(self, text: str) -> Embedding | None:
        return self._begin(self._last, text) if self._last else None

    def begin(self, embedder: Embedder, text: str, *, runs_here: bool, early: Embedding | None) -> Embedding:
        """Return what began early if it is with this model."""
        self._last = embedder if runs_here else None
        return early if early and early.embedder is embedder else self._begin(embedder, text)

    def _begin(self, embedder: Embedder, text: str) -> Embedding:
        return Embedding(embedder, self._threads.submit(embedder.embed_query, text))
