"""Support judged by a sentence-transformers CrossEncoder in a folder of this machine.

One with labels is a model of natural language inference: what its config calls "entailment" and
"contradiction" counts, as shares by softmax. One with a single number is taken for a model of likeness, by
the sigmoid that such models are trained with.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from llm.errors import ModelError, SupportError
from llm.providers.cross_encoder import load_cross_encoder
from llm.support_model import Meaning, SupportModel, SupportSpec, too_late

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

_BATCH = 4  # between two batches it is asked whether anybody still waits
_T = TypeVar("_T")
_Logits = np.ndarray[tuple[int, int], np.dtype[np.float64]]


class LocalSupportModel(SupportModel):
    """A CrossEncoder in this process, loaded at its first use."""

    def __init__(self, spec: SupportSpec) -> None:
        super().__init__(spec)
        self._one_at_a_time = threading.Lock()  # its tokenizer is changed at every call
        self._model: CrossEncoder | None = None
        self._says, self._denies = 0, -1

    def _weigh(self, sentence: str, sources: Sequence[str], *, deadline: float) -> Sequence[Meaning]:
        found: list[Meaning] = []
        with self._one_at_a_time:
            model = self._model or self._load()
            for start in range(0, len(sources), _BATCH):
                if time.monotonic() > deadline:
                    raise too_late(self.spec)
                pairs = [(source, sentence) for source in sources[start : start + _BATCH]]
                found += self._batch(model, pairs)
        return found

    def _batch(self, model: "CrossEncoder", pairs: list[tuple[str, str]]) -> list[Meaning]:
        raw = model.predict(pairs, batch_size=len(pairs), show_progress_bar=False, activation_fn=_as_they_are)
        logits = np.asarray(raw, dtype=np.float64).reshape(len(pairs), -1)
        if logits.shape[1] == 1:
            return [Meaning(float(says)) for says in _sigmoid(logits)[:, 0]]
        shares = _softmax(logits)
        return [
            Meaning(float(row[self._says]), float(row[self._denies]) if self._denies >= 0 else 0.0)
            for row in shares
        ]

    def _load(self) -> "CrossEncoder":
        if not Path(self.spec.model).is_dir():
            raise SupportError(f"{self.spec.model} is no folder on this machine.", permanent=True)
        try:
            model = load_cross_encoder(self.spec.model, local=True)
        except ModelError as error:
            raise SupportError(str(error), permanent=True) from error
        if model.num_labels > 1:
            self._says, self._denies = _places(self.spec, getattr(model.config, "id2label", {}))
        self._model = model
        return model


def _places(spec: SupportSpec, labels: Mapping[Any, str]) -> tuple[int, int]:
    """Where the config puts "entailment" and "contradiction"; -1 for one that it has no label for."""
    named = {str(label).strip().lower(): int(place) for place, label in labels.items()}
    says = next((place for name, place in named.items() if name.startswith("entail")), -1)
    denies = next((place for name, place in named.items() if name.startswith("contradict")), -1)
    if says < 0:
        raise SupportError(
            f"{spec.model} has {len(labels)} labels, and its config calls none of them entailment. "
            "Choose a model of natural language inference, or one that gives a single number.",
            permanent=True,
        )
    return says, denies


def _as_they_are(logits: _T) -> _T:
    return logits


def _sigmoid(logits: _Logits) -> _Logits:
    return 1 / (1 + np.exp(-np.clip(logits, -50, 50)))


def _softmax(logits: _Logits) -> _Logits:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: _Logits = powers / powers.sum(axis=1, keepdims=True)
    return shares
