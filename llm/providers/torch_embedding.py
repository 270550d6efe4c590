"""Embeddings by sentence-transformers and torch."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from llm.embedding import Embedder, EmbedderSpec, Span, Vectors
from llm.errors import EmbeddingError
from llm.providers.local_embedding import has_bfloat16

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

_SHORT_BATCH = 4


class TorchEmbedder(Embedder):
    """A sentence-transformers model in this process, from a folder or by name."""

    def __init__(self, spec: EmbedderSpec, folder: Path | None, *, revision: str) -> None:
        super().__init__()
        self._model = load_model(spec, folder)
        self._turn = _Turnstile()
        self.name, self.revision = spec.model, revision
        self._read_limits()

    def _read_limits(self) -> None:
        from tokenizers import Tokenizer

        # A copy of our own: the model's tokenizer changes its truncation at every call, which two threads
        # must not do at once ("Already borrowed").
        self._tokenizer: Tokenizer = Tokenizer.from_str(self._model.tokenizer.backend_tokenizer.to_str())
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.query_prefix = prompt_of(self._model, "query")
        self.passage_prefix = prompt_of(self._model, "document") or prompt_of(self._model, "passage")
        special = len(self._tokenizer.encode("").ids)
        prefix = max(len(self.token_spans(p)) for p in (self.query_prefix, self.passage_prefix))
        self.max_tokens = int(self._model.max_seq_length or 512) - special - prefix
        self.dimension = int(self._model.get_embedding_dimension() or 0)

    def token_spans(self, text: str) -> list[Span]:
        """The character span of every token in `text`: no special tokens, nothing cut off."""
        offsets: list[Span] = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return offsets

    def _embed(self, texts: Sequence[str]) -> Vectors:
        with self._turn.take(urgent=len(texts) <= _SHORT_BATCH):
            vectors = self._model.encode(
                list(texts),
                prompt="",
                batch_size=len(texts),
                show_progress_bar=False,
                convert_to_numpy=True,
            )
        return np.asarray(vectors, dtype=np.float32)


class _Turnstile:
    """Lets one caller through at a time, and an urgent one before all that are not.

    A plain lock would starve a question: a thread that embeds batch after batch takes the lock again
    before the waiting thread has woken.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy = False
        self._urgent_waiting = 0

    @contextmanager
    def take(self, *, urgent: bool) -> Iterator[None]:
        with self._changed:
            self._urgent_waiting += urgent
            self._changed.wait_for(lambda: not self._busy and (urgent or not self._urgent_waiting))
            self._urgent_waiting -= urgent
            self._busy = True
        try:
            yield
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()


def load_model(spec: EmbedderSpec, folder: Path | None) -> "SentenceTransformer":
    """The model itself. Raises EmbeddingError, permanent, where it cannot be loaded."""
    # Read by the libraries when they are imported, so they are set first.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # Idle OpenMP threads sleep instead of spinning: beside a busy worker on the same cores, spinning made
    # a batch several times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if folder is not None:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]  # the library has no types here
    if spec.threads:
        torch.set_num_threads(spec.threads)
    try:
        return SentenceTransformer(
            str(folder or spec.model),
            device="cpu",
            revision=spec.revision or None,
            local_files_only=folder is not None,
            model_kwargs={"dtype": _dtype(spec.dtype)},
        )
    except Exception as error:  # whatever the parts of a strange folder make the library raise
        raise EmbeddingError(
            f"The embedding model {spec.model} could not be loaded: {error}",
            permanent=True,
        ) from error


def _dtype(name: str) -> "torch.dtype":
    import torch

    wanted = name == "bfloat16" or (name == "auto" and has_bfloat16())
    return torch.bfloat16 if wanted else torch.float32


def prompt_of(model: "SentenceTransformer", name: str) -> str:
    """What the model wants before each text of this kind, empty where it wants nothing."""
    return str((model.prompts or {}).get(name) or "")
