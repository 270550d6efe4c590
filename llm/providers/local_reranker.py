"""Reranking on this machine's own processor, by a sentence-transformers CrossEncoder."""

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from llm.errors import ModelError, RerankError
from llm.providers.cross_encoder import load_cross_encoder
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
    try:
        return load_cross_encoder(spec.model)
    except ModelError as error:
        raise RerankError(f"The reranker {error}", permanent=True) from error
