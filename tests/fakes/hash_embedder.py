"""An embedding model that needs no weights: a text's vector counts its words in a few dimensions."""

import re
import zlib
from collections.abc import Sequence

import numpy as np
import pytest

from llm.embedding import Embedder, Span, Vectors
from retrieval import generations
from retrieval.generations import ensure_first_generation
from retrieval.models import Generation

_WORD = re.compile(r"\w+")


class HashEmbedder(Embedder):
    """Texts with the same words have the same vector, and those that share some are near each other."""

    name, revision, max_tokens = "hash", "", 100_000

    def __init__(self, dimension: int = 8) -> None:
        super().__init__()
        self.dimension = dimension

    def _embed(self, texts: Sequence[str]) -> Vectors:
        return np.array([word_counts(text, self.dimension) for text in texts], dtype=np.float32)

    def token_spans(self, text: str) -> list[Span]:
        return [match.span() for match in _WORD.finditer(text)]


def word_counts(text: str, dimension: int) -> list[float]:
    """Return how many words of a text fall into each dimension; every text has some of the first."""
    counts = [0.5] + [0.0] * (dimension - 1)
    for word in _WORD.findall(text.casefold()):
        counts[zlib.crc32(word.encode()) % dimension] += 1
    return counts


def serve_hashes(monkeypatch: pytest.MonkeyPatch, *, dimension: int = 8) -> Generation:
    """Make this process embed by hashes until the test ends, and return the generation that serves."""
    model = HashEmbedder(dimension)
    monkeypatch.setattr(generations, "load_embedder", lambda _spec: model)
    return ensure_first_generation()
