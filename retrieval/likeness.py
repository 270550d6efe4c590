"""Passages like the best ones are lifted: an answer is rarely written in the words of its question.

The best passages stand for the answer, and what is near to them in meaning is near to it. This is feedback
from the first hits: Rocchio, "Relevance Feedback in Information Retrieval", 1971; with vectors Li, Mourad,
Zhuang, Koopman and Zuccon, "Pseudo Relevance Feedback with Deep Language Models and Dense Retrievers", TOIS
2023.
"""

import math
from collections.abc import Mapping, Sequence

from django.conf import settings

from retrieval._candidates import Key
from retrieval._passages import Passages
from retrieval.fusion import DenseWeight, Ranked, in_order
from retrieval.models import Generation

_HITS = 5  # that stand for the answer
_APART = 0.03  # in score: a hit that is so far behind the first counts a third (1 / e) of it
_COMPARED = 50  # the best passages; those behind them stay there

# How near each of the wanted passages is to the first of them, which have weights.
_NEAR = """
WITH compared AS MATERIALIZED (
    SELECT one.rank, vector.embedding
    FROM unnest(%(wanted_versions)s::bigint[], %(wanted_ordinals)s::int[])
        WITH ORDINALITY AS one (version_id, ordinal, rank)
    JOIN visible ON visible.id = one.version_id
    CROSS JOIN LATERAL (
        SELECT stored.embedding FROM retrieval_vector AS stored
        WHERE stored.generation_id = %(generation)s AND stored.collection_id = visible.collection_id
          AND stored.version_id = one.version_id AND stored.ordinal = one.ordinal
        OFFSET 0
    ) AS vector
)
SELECT compared.rank, sum(hit.weight * -(compared.embedding <#> first.embedding)) AS number
FROM unnest(%(weights)s::float8[]) WITH ORDINALITY AS hit (weight, rank)
JOIN compared AS first ON first.rank = hit.rank
CROSS JOIN compared
GROUP BY compared.rank
"""


def with_likeness(
    ranked: list[Ranked], *, weight: DenseWeight, generation: Generation, passages: Passages
) -> list[Ranked]:
    """Return candidates, those lifted that are like the best ones, scores from 0 to 1, best first.

    It counts as much more or less as meaning does. Vectors are read through the access rule once more, with
    the texts, which most of the list will need.
    """
    of_meaning = settings.FUSION_LIKENESS_WEIGHT
    if not of_meaning or len(ranked) <= 1:
        return ranked
    likeness = _likeness(ranked[:_COMPARED], generation, passages)

    def moved(pair: Ranked) -> Ranked:
        candidate, score = pair
        share = of_meaning * weight.of(candidate)
        return candidate, (score + share * likeness.get(candidate.key, 0.0)) / (1 + share)

    return in_order([moved(pair) for pair in ranked])


def _likeness(best: Sequence[Ranked], generation: Generation, passages: Passages) -> Mapping[Key, float]:
    """Return how like each passage is to the first of them: 1 the most of all, 0 the least.

    Without those that the person may not see any more.
    """
    weights = _weights([score for _, score in best[:_HITS]])
    params = {"weights": weights, "generation": generation.pk}
    near = passages.numbered([candidate.key for candidate, _ in best], _NEAR, params)
    least = min(near.values(), default=0.0)
    spread = max(near.values(), default=0.0) - least or 1.0
    return {key: (nearness - least) / spread for key, nearness in near.items()}


def _weights(scores: Sequence[float]) -> list[float]:
    """Return how much each hit counts, 1 in all: one that stands out nearly alone, of like ones each."""
    weights = [math.exp((score - scores[0]) / _APART) for score in scores]
    return [weight / sum(weights) for weight in weights]
