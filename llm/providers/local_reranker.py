"""Reranking on this machine's own processor, by a sentence-transformers CrossEncoder."""

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from llm.errors import RerankError
from llm.reranking import Reranker, RerankerSpec, too_late

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

_BATCH = 8  # between two batches it is asked whether anybody still waits


class LocalReranker(Reranker):
    """A CrossEncoder in this process, loaded at its first use."""

    def __init__(self, spec: RerankerSpec) -> None:
        super().__init__(spec)
        self._one_at_a_time = threading.Lock()  # its tokenizer is changed at every call
        self._model: CrossEncoder | None = None

    def _score(self, query: str, texts: Sequence[str], *, deadline: float) -> Sequence[float]:
        scores = np.zeros(len(texts), dtype=np.float32)
        by_length = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        with self._one_at_a_time:
            model = self._model or _load_model(self.spec)
            self._model = model
            for start in range(0, len(texts), _BATCH):
                if time.monotonic() > deadline:
                    raise too_late(self.spec)
                batch = by_length[start : start + _BATCH]
                scores[batch] = self._batch(model, [(query, texts[place]) for place in batch])
        return [float(score) for score in scores]

    def _batch(
        self, model: "CrossEncoder", pairs: list[tuple[str, str]]
    ) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
        scores = np.asarray(model.predict(pairs, batch_size=len(pairs), show_progress_bar=False))
        if scores.shape != (len(pairs),):
            raise RerankError(
                f"{self.spec.model} gives a text {scores.shape[-1]} numbers; a reranker gives one. "
                "Choose another model.",
                permanent=True,
            )
        return scores.astype(np.float32)


def _load_model(spec: RerankerSpec) -> "CrossEncoder":
    # Read by the libraries when they are imported, so they are set first; see local_embedding.py.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    is_folder = Path(spec.model).is_dir()
    from sentence_transformers import CrossEncoder

    try:
        model: CrossEncoder = CrossEncoder(spec.model, device="cpu", local_files_only=is_folder)
    except Exception as error:  # whatever the parts of a strange folder make the library raise
        raise RerankError(
            f"The reranker {spec.model} could not be loaded: {error}", permanent=True
        ) from error
    return model
