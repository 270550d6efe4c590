"""The vectors of a document's chunks, in every generation that is to have them."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from llm.errors import EmbeddingError
from retrieval.generations import embedder_of, live_generations
from retrieval.models import Generation

log = logging.getLogger(__name__)

VectorsByGeneration = dict[int, NDArray[np.float32]]

_BATCH = 64
_LEFT_ALONE_SECONDS = 60.0
_failed_at: dict[int, float] = {}


def embed_for_all(
    texts: Sequence[str],
    *,
    known: Mapping[int, NDArray[np.float32]],
    on_progress: Callable[[int, int], None],
) -> VectorsByGeneration:
    """Return the vectors of texts in every live generation, those that are `known` included.

    A model that fails holds up nothing unless it serves: its generation is left for a fill to complete, and
    for a minute it is not asked again. `on_progress` gets texts done and in all; what it raises ends this.
    Raises EmbeddingError where the model of the serving generation fails.
    """
    vectors = dict(known)
    wanted = [one for one in live_generations() if one.pk not in known and not _is_left_alone(one)]
    for place, generation in enumerate(wanted):

        def tell(done: int, place: int = place) -> None:
            on_progress((place * len(texts) + done) // len(wanted), len(texts))

        try:
            vectors[generation.pk] = _embed(generation, texts, tell)
        except EmbeddingError as error:
            if generation.state == Generation.State.SERVING:
                raise
            log.warning("%s gets these vectors later: %s", generation, error)
            _failed_at[generation.pk] = time.monotonic()
    return vectors


def _is_left_alone(generation: Generation) -> bool:
    failed = _failed_at.get(generation.pk)
    recently = failed is not None and time.monotonic() - failed < _LEFT_ALONE_SECONDS
    return recently and generation.state != Generation.State.SERVING


def _embed(generation: Generation, texts: Sequence[str], tell: Callable[[int], None]) -> NDArray[np.float32]:
    model = embedder_of(generation)
    parts: list[NDArray[np.float32]] = []
    for first in range(0, len(texts), _BATCH):
        tell(first)
        parts.append(model.embed_in_parts(texts[first : first + _BATCH]))
    tell(len(texts))
    return np.concatenate(parts)
