"""Texts are weighed by a model that reads each together with the question: time, breaker and checks."""

import math
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from llm.breaker import Breaker, breaker_for
from llm.errors import RerankError

_THREADS = ThreadPoolExecutor(4, thread_name_prefix="rerank")


@dataclass(frozen=True, slots=True)
class RerankerSpec:
    """Which reranker to use; equal specs share one per process.

    `local` is a sentence-transformers CrossEncoder, by folder or name; `server` has a `/rerank` endpoint at
    `base_url`.
    """

    kind: Literal["local", "server"]
    model: str
    base_url: str = ""
    api_key: str = ""


class Reranker(ABC):
    """A reranker; a provider implements `_score`."""

    def __init__(self, spec: RerankerSpec, breaker: Breaker | None = None) -> None:
        self.spec = spec
        self._breaker = breaker or breaker_for(spec.base_url, f"reranker {spec.model}")

    @abstractmethod
    def _score(self, query: str, texts: Sequence[str], *, deadline: float) -> Sequence[float]:
        """A number for each text, in their order: the higher, the better it answers; of any scale.

        `deadline` is a time of `time.monotonic()` after which nobody waits. Raises RerankError.
        """

    def score(self, query: str, texts: Sequence[str], *, seconds: float) -> list[float]:
        """How well each text answers `query`, in their order: higher is better, of any scale.

        Raises RerankError when it does not answer within `seconds`, fails, or failed repeatedly before.
        """
        call = self._breaker.admit()
        if call is None:
            raise RerankError(
                f"The reranker {self.spec.model} failed repeatedly and is left alone for a moment."
            )
        report: Callable[[], None] = call.failed
        try:
            scores = self._in_time(query, texts, seconds)
            report = call.succeeded
        finally:
            report()
        return scores

    def warm_up(self) -> None:
        """Load what the first question would have to wait for. Raises RerankError."""
        self._score("ready", ["ready"], deadline=math.inf)

    def _in_time(self, query: str, texts: Sequence[str], seconds: float) -> list[float]:
        work = _THREADS.submit(self._score, query, texts, deadline=time.monotonic() + seconds)
        try:
            scores = [float(score) for score in work.result(timeout=seconds)]
        except TimeoutError as error:
            work.cancel()
            raise too_late(self.spec) from error
        if len(scores) != len(texts) or not all(map(math.isfinite, scores)):
            raise RerankError(
                f"The reranker {self.spec.model} did not give {len(texts)} texts a number each."
            )
        return scores


def too_late(spec: RerankerSpec) -> RerankError:
    return RerankError(f"The reranker {spec.model} did not answer in time.", late=True)


_loaded: dict[RerankerSpec, Reranker] = {}
_guard = threading.Lock()


def load_reranker(spec: RerankerSpec) -> Reranker:
    """The process's one reranker for `spec`; what is slow to load is loaded when it first scores."""
    with _guard:
        if spec not in _loaded:
            _loaded[spec] = _make(spec)
        return _loaded[spec]


def _make(spec: RerankerSpec) -> Reranker:
    if spec.kind == "server":
        from llm.providers.rerank_server import RerankServer

        return RerankServer(spec)
    from llm.providers.local_reranker import LocalReranker

    return LocalReranker(spec)
