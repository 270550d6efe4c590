"""The best candidates, put in order by a reranker where the settings name one and it answers in time."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from llm.errors import ModelError, RerankError
from llm.reranking import RerankerSpec, load_reranker
from retrieval._passages import Passages
from retrieval.fusion import Ranked, in_order

log = logging.getLogger(__name__)

TOP = 50
_warm: set[RerankerSpec] = set()
LATE = "The reranker did not answer in time: this is the order of the search alone."
DOWN = "The reranker cannot be used at the moment: this is the order of the search alone."


@dataclass(frozen=True, slots=True)
class Reranked:
    """Candidates in their new order; or as they were, with a notice for the reader."""

    ranked: list[Ranked]
    notice: str = ""


def reranker_spec() -> RerankerSpec | None:
    """Return which reranker the settings name, or None."""
    if not settings.RERANKER_MODEL:
        return None
    return RerankerSpec(
        kind="server" if settings.RERANKER_BASE_URL else "local",
        model=settings.RERANKER_MODEL,
        base_url=settings.RERANKER_BASE_URL,
        api_key=settings.RERANKER_API_KEY,
    )


def rerank(*, question: str, ranked: list[Ranked], passages: Passages) -> Reranked:
    """Return the best TOP in the reranker's order, and the others behind them as they were.

    The reranker reads what the person may see at this moment, and nothing else.
    """
    spec = reranker_spec()
    if spec is None or not ranked:
        return Reranked(ranked)
    read = passages.of([one.key for one, _ in ranked[:TOP]])
    judged = [pair for pair in ranked[:TOP] if pair[0].key in read]
    texts = [read[one.key].indexed for one, _ in judged]
    if not connection.in_atomic_block:
        connection.close()  # back to the pool: others search while this one waits
    try:
        scores = load_reranker(spec).score(question, texts, seconds=settings.RERANKER_BUDGET_MS / 1000)
    except ModelError as error:
        log.warning("reranker: %s", error)
        return Reranked(ranked, LATE if isinstance(error, RerankError) and error.late else DOWN)
    return Reranked([*_above(judged, scores), *((one, score / 2) for one, score in ranked[TOP:])])


def _above(judged: Sequence[Ranked], scores: Sequence[float]) -> list[Ranked]:
    """Return candidates by the reranker's scores, brought to 0.5 to 1: others are below."""
    least, spread = min(scores, default=0.0), (max(scores, default=0.0) - min(scores, default=0.0)) or 1.0
    scored = [
        (candidate, 0.5 + (score - least) / spread / 2)
        for (candidate, _), score in zip(judged, scores, strict=True)
    ]
    return in_order(scored)


def warm_up() -> None:
    """Load the reranker, if there is one, so that no question waits for that. Raises ModelError."""
    if (spec := reranker_spec()) and spec not in _warm:
        load_reranker(spec).warm_up()
        _warm.add(spec)
