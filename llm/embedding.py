"""Texts become unit vectors: batching, ordering, limits and retries for every embedding provider."""

import threading
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from llm.errors import EmbeddingError

Vectors = NDArray[np.float32]
Span = tuple[int, int]

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"

_QUERY_CACHE_SIZE = 256
_ATTEMPTS = 3
# Padding is computed like text: a batch of like lengths saved a quarter of the time of mixed ones.
_LONGEST_TO_SHORTEST = 1.5
_SMALLEST_BATCH = 4
_FIRST_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class EmbedderSpec:
    """Which embedding model to use, and how; equal specs share one loaded model per process.

    `model` is a name or a folder. `sha256`, where given, is that of `model.safetensors`. `threads` of 0
    leaves the thread count as the process has it. `tokenizer` is a folder with a `tokenizer.json`, for
    remote models whose tokens should be counted exactly. `cache` is a folder for what is made from a local
    model once, so that ONNX Runtime can run it; without one, or with `runtime` "torch", torch runs it.
    """

    kind: Literal["local", "openai"] = "local"
    model: str = DEFAULT_MODEL
    revision: str = ""
    base_url: str = ""
    api_key: str = ""
    sha256: str = ""
    threads: int = 0
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    runtime: str = "auto"
    cache: str = ""
    tokenizer: str = ""
    max_tokens: int = 0


class Embedder(ABC):
    """An embedding model; a provider implements `_embed` and says how it cuts text into tokens.

    `max_tokens` counts what `token_spans` counts: the text's own tokens, without the special ones that the
    model adds, so a text of exactly `max_tokens` tokens is embedded whole.
    """

    name: str
    revision: str
    dimension: int
    max_tokens: int
    query_prefix: str = ""
    passage_prefix: str = ""
    batch_texts: int = 16
    batch_tokens: int = 2048

    def __init__(self) -> None:
        self._queries: OrderedDict[str, Vectors] = OrderedDict()
        self._queries_lock = threading.Lock()

    @abstractmethod
    def _embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of one batch, shape (n, dimension), of any length. Raises EmbeddingError."""

    @abstractmethod
    def token_spans(self, text: str) -> list[Span]:
        """The character span of every token in `text`: no special tokens, nothing cut off."""

    def embed_batch(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts that are one batch and as long as the model takes, of any length."""
        return self._embed(texts)

    def prepare_for_batches(self) -> None:
        """Load what long batches need besides, where there is such a thing."""
        return

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of `texts`, shape (n, dimension), in their order.

        Raises EmbeddingError, permanent, for a text of more than `max_tokens` tokens: a text is never cut
        in silence.
        """
        lengths = [len(self.token_spans(text)) for text in texts]
        self._refuse_long(lengths)
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for batch in self._batches(lengths):
            vectors[batch] = self._embed_retrying([self.passage_prefix + texts[i] for i in batch])
        return vectors

    def embed_in_parts(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of `texts` like `embed_passages`, also of those that are too long.

        The vector of a long text is the mean of its parts' vectors, weighted by their tokens.
        """
        parts = [self._parts(text) for text in texts]
        vectors = self.embed_passages([part for of_one in parts for part in of_one])
        means, first = np.zeros((len(texts), self.dimension), dtype=np.float32), 0
        for position, of_one in enumerate(parts):
            weights = [max(1, len(self.token_spans(part))) for part in of_one] if len(of_one) > 1 else [1]
            means[position] = np.average(vectors[first : first + len(of_one)], axis=0, weights=weights)
            first += len(of_one)
        return self._unit(means, len(texts)) if texts else means

    def _parts(self, text: str) -> list[str]:
        """A text in halves, and their halves, until the model takes each whole; cut at a space if it can."""
        spans = self.token_spans(text)
        if len(spans) <= self.max_tokens:
            return [text]
        middle = spans[len(spans) // 2][0]
        space = text.rfind(" ", middle // 2, middle)
        cut = space if space > 0 else middle
        return [*self._parts(text[:cut]), *self._parts(text[cut:])] if 0 < cut < len(text) else [text]

    def embed_query(self, text: str) -> Vectors:
        """The unit vector of a question, shape (dimension,); recent questions come from a cache."""
        with self._queries_lock:
            if text in self._queries:
                self._queries.move_to_end(text)
                return self._queries[text]
        vector: Vectors = self._embed_retrying([self.query_prefix + self.shorten(text)])[0]
        vector.setflags(write=False)
        with self._queries_lock:
            self._queries[text] = vector
            while len(self._queries) > _QUERY_CACHE_SIZE:
                self._queries.popitem(last=False)
        return vector

    def shorten(self, text: str) -> str:
        """The longest beginning of `text` that the model takes whole."""
        spans = self.token_spans(text)
        return text if len(spans) <= self.max_tokens else text[: spans[self.max_tokens - 1][1]]

    def _refuse_long(self, lengths: Sequence[int]) -> None:
        for position, length in enumerate(lengths):
            if length > self.max_tokens:
                raise EmbeddingError(
                    f"Text {position + 1} of {len(lengths)} has {length} tokens and {self.name} takes "
                    f"{self.max_tokens}. Cut it into smaller pieces.",
                    permanent=True,
                )

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Positions in batches of like length, so that padding costs little."""
        batch: list[int] = []
        for position in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
            longest = lengths[batch[0]] if batch else lengths[position]
            full = len(batch) >= self.batch_texts or (len(batch) + 1) * longest > self.batch_tokens
            uneven = len(batch) >= _SMALLEST_BATCH and longest > _LONGEST_TO_SHORTEST * lengths[position]
            if batch and (full or uneven):
                yield batch
                batch = []
            batch.append(position)
        if batch:
            yield batch

    def _embed_retrying(self, texts: Sequence[str]) -> Vectors:
        for attempt in range(_ATTEMPTS):
            try:
                return self._unit(self._embed(texts), len(texts))
            except EmbeddingError as error:
                if error.permanent or attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(_FIRST_PAUSE_SECONDS * 2**attempt)
        raise AssertionError("unreachable")  # the last attempt returns or raises

    def _unit(self, vectors: Vectors, count: int) -> Vectors:
        if vectors.shape != (count, self.dimension):
            raise EmbeddingError(
                f"{self.name} returned vectors of shape {vectors.shape}, expected {(count, self.dimension)}. "
                "Check the configured model and its dimension.",
                permanent=True,
            )
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.all(np.isfinite(lengths)) or not np.all(lengths > 0):
            raise EmbeddingError(f"{self.name} returned a vector without a direction.", permanent=True)
        unit: Vectors = (vectors / lengths).astype(np.float32)
        return unit


_loaded: dict[EmbedderSpec, Embedder] = {}
_loading: dict[EmbedderSpec, threading.Lock] = {}
_guard = threading.Lock()


def load_embedder(spec: EmbedderSpec) -> Embedder:
    """The process's one embedder for `spec`, loaded at the first call. Thread safe.

    Raises EmbeddingError, permanent, when the model is missing or is not the expected one.
    """
    if found := _loaded.get(spec):
        return found
    with _guard:
        turn = _loading.setdefault(spec, threading.Lock())
    with turn:  # a model that takes minutes to load holds up nobody who needs another
        if not (found := _loaded.get(spec)):
            found = _loaded[spec] = _load(spec)
        return found


def use_embedder(spec: EmbedderSpec, embedder: Embedder) -> None:
    """Make `embedder` the process's one for `spec`, in place of what would be loaded: to measure with."""
    _loaded[spec] = embedder


def forget_embedders(*, keep: Collection[EmbedderSpec]) -> None:
    """Let go of the loaded models that nobody needs any more; who works with one ends that in peace."""
    for spec in set(_loaded) - set(keep):
        _loaded.pop(spec, None)


def _load(spec: EmbedderSpec) -> Embedder:
    # Imported here: a runtime takes seconds and memory, and a process that never embeds should not pay.
    if spec.kind == "openai":
        from llm.providers.openai_embedding import OpenAIEmbedder

        return OpenAIEmbedder(spec)
    from llm.providers.local_embedding import load_local

    return load_local(spec)
