"""Vectors for a large library: the model's own for some texts, and likely ones for mixtures of two halves.

Embedding a million texts takes hours without a GPU, and embedding the halves that they are made of minutes.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.tools.passages import Passages, halves_of
from retrieval.generations import embedder

_EMBEDDED = 1_000
# How much of the variance of what the halves weigh, and of what a vector has beyond them, is the same in all
# mixtures with the same first half, and with the same second one: seen in 20,000 of the model's own vectors.
_WEIGHTS_OF = (0.58, 0.25)
_BEYOND_OF = (0.22, 0.27)
_AT_ONCE = 50_000

Vectors = NDArray[np.float32]


def vectors_of(material: Passages) -> Vectors:
    """Return a unit vector for each text, in their order.

    The first texts, which answer the questions, get the model's own vectors, and so do some of the others.
    The rest get a mean of their halves' vectors and noise: the weights, and the noise's covariance, are like
    those of the others, and as much of both is the same where texts have a half in common.
    """
    texts, count = material.texts, len(material.texts)
    own = np.r_[: min(_EMBEDDED, count), np.unique(np.linspace(0, count - 1, _EMBEDDED).astype(int))]
    own = np.unique(own)
    of_own = _embedded([texts[number] for number in own])
    unit = np.empty((count, of_own.shape[1]), np.float32)
    if len(own) < count:
        likely = _Likely(material, own, of_own)
        for first in range(0, count, _AT_ONCE):
            unit[first : first + _AT_ONCE] = likely.vectors(np.arange(first, min(count, first + _AT_ONCE)))
    unit[own] = of_own
    return unit


def own_vectors_of(material: Passages, path: Path) -> Vectors:
    """Return the model's own vector for each text, from a file that is written where it is missing."""
    if not path.exists():
        np.save(path, _embedded(material.texts).astype(np.float16))
    vectors: Vectors = np.load(path)[: len(material.texts)].astype(np.float32)
    if len(vectors) < len(material.texts):
        sys.exit(f"{path} has only {len(vectors):,} vectors. Remove it, or name another file.")
    return vectors


class _Likely:
    """What the model would likely give for mixtures, by the halves that they are made of.

    `own` are the numbers of the texts whose vectors are known, `of_own`.
    """

    def __init__(self, material: Passages, own: NDArray[np.int64], of_own: Vectors) -> None:
        self._rng = np.random.default_rng(7)
        self._halves = material.halves
        parts = [halves_of(text) for text in material.texts[: material.halves.max() + 1]]
        self._vectors = [_embedded([part[side] for part in parts]) for side in (0, 1)]
        is_mixture = material.halves[own, 0] != material.halves[own, 1]
        first, second = self._of_halves(own[is_mixture])
        weights = _weights(of_own[is_mixture], first, second)
        self._weights, self._range = weights.mean(axis=1), weights.std(axis=1)
        beyond = of_own[is_mixture] - weights[0, :, None] * first - weights[1, :, None] * second
        self._always, self._spread = beyond.mean(axis=0), _root(np.cov(beyond.T))
        self._tilt_of = [share**0.5 * self._normal(len(parts), 1) for share in _WEIGHTS_OF]
        self._beyond_of = [share**0.5 * self._noise(len(parts)) for share in _BEYOND_OF]

    def vectors(self, numbers: NDArray[np.int64]) -> Vectors:
        first, second = self._of_halves(numbers)
        tilt = self._with_own_part(self._tilt_of, _WEIGHTS_OF, numbers, self._normal(len(numbers), 1))
        noise = self._with_own_part(self._beyond_of, _BEYOND_OF, numbers, self._noise(len(numbers)))
        first *= self._weights[0] + self._range[0] * tilt
        second *= self._weights[1] - self._range[1] * tilt
        return _unit(first + second + self._always + noise)

    def _of_halves(self, numbers: NDArray[np.int64]) -> tuple[Vectors, Vectors]:
        first, second = self._halves[numbers].T
        return self._vectors[0][first], self._vectors[1][second]

    def _with_own_part(
        self, of_halves: Sequence[Vectors], shares: Sequence[float], numbers: NDArray[np.int64], own: Vectors
    ) -> Vectors:
        """Return what the texts have from either half, with what each has of its own."""
        first, second = self._halves[numbers].T
        whole: Vectors = of_halves[0][first] + of_halves[1][second] + (1 - sum(shares)) ** 0.5 * own
        return whole

    def _noise(self, count: int) -> Vectors:
        noise: Vectors = self._normal(count, len(self._spread)) @ self._spread
        return noise

    def _normal(self, *shape: int) -> Vectors:
        return self._rng.standard_normal(shape, np.float32)


def _weights(mixtures: Vectors, first: Vectors, second: Vectors) -> Vectors:
    """Return by how much of either half's vector each mixture's is matched best: two rows."""
    both = np.einsum("ij,ij->i", first, second)
    with_first = np.einsum("ij,ij->i", first, mixtures)
    with_second = np.einsum("ij,ij->i", second, mixtures)
    apart = np.stack([with_first - both * with_second, with_second - both * with_first])
    found: Vectors = apart / np.maximum(1 - both**2, 1e-3)
    return found


def _embedded(texts: Sequence[str]) -> Vectors:
    model = embedder()
    return model.embed_passages([model.shorten(text) for text in texts])


def _root(covariance: NDArray[np.float64]) -> Vectors:
    """Return what gives normal numbers this covariance."""
    sizes, directions = np.linalg.eigh(covariance)
    root: Vectors = (directions * np.sqrt(np.clip(sizes, 0, None))).T.astype(np.float32)
    return root


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
