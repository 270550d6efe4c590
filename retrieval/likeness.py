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
from retrieval._statements import array, fetch
from retrieval._visible import Visible
from retrieval.fusion import DenseWeight, Ranked, in_order
from retrieval.models import Generation

_HITS = 5  # that stand for the answer
_APART = 0.03  # in score: a hit that is so far behind the first counts a third (1 / e) of it
_COMPARED = 50  # the best passages; those behind them stay there

# How near each of the wanted passages is to the first of them, which have weights.
_NEAR = """
WITH visible AS MATERIALIZED (
    SELECT id, collection_id FROM ({visible}) AS every WHERE id = ANY(%(versions)s::bigint[])
),
compared AS MATERIALIZED (
    SELECT wanted.place, vector.embedding
    FROM unnest(%(versions)s::bigint[], %(ordinals)s::int[])
        WITH ORDINALITY AS wanted (version_id, ordinal, place)
    JOIN visible ON visible.id = wanted.version_id
    CROSS JOIN LATERAL (
        SELECT one.embedding FROM retrieval_vector AS one
        WHERE one.generation_id = %(generation)s AND one.collection_id = visible.collection_id
          AND one.version_id = wanted.version_id AND one.ordinal = wanted.ordinal
        OFFSET 0
    ) AS vector
)
SELECT compared.place, sum(hit.weight * -(compared.embedding <#> first.embedding))
FROM unnest(%(weights)s::float8[]) WITH ORDINALITY AS hit (weight, place)
JOIN compared AS first ON first.place = hit.place
CROSS JOIN compared
GROUP BY compared.place
"""


def with_likeness(
    ranked: list[Ranked], *, weight: DenseWeight, generation: Generation, visible: Visible
) -> list[Ranked]:
    """Return candidates, those lifted that are like the best ones, scores from 0 to 1, best first.

    It counts as much more or less as meaning does. Vectors are read through the access rule once more.
    """
    of_meaning = settings.FUSION_LIKENESS_WEIGHT
    if not of_meaning or len(ranked) <= 1:
        return ranked
    likeness = _likeness(ranked[:_COMPARED], generation, visible)

    def moved(pair: Ranked) -> Ranked:
        candidate, score = pair
        share = of_meaning * weight.of(candidate)
        return candidate, (score + share * likeness.get(candidate.key, 0.0)) / (1 + share)

    return in_order([moved(pair) for pair in ranked])


def _likeness(best: Sequence[Ranked], generation: Generation, visible: Visible) -> Mapping[Key, float]:
    """Return how like each passage is to the first of them: 1 the most of all, 0 the least.

    Without those that the person may not see any more.
    """
    keys = [candidate.key for candidate, _ in best]
    params = {
        "versions": array(version for _, version, _ in keys),
        "ordinals": array(ordinal for _, _, ordinal in keys),
        "weights": _weights([score for _, score in best[:_HITS]]),
        "generation": generation.pk,
    }
    _, rows = fetch(_NEAR.format(visible=visible.sql), visible.params | params)
    near = {keys[place - 1]: float(nearness) for place, nearness in rows}
    least = min(near.values(), default=0.0)
    spread = max(near.values(), default=0.0) - least or 1.0
    return {key: (nearness - least) / spread for key, nearness in near.items()}


def _weights(scores: Sequence[float]) -> list[float]:
    """Return how much each hit counts, 1 in all: one that stands out nearly alone, of like ones each."""
    weights = [math.exp((score - scores[0]) / _APART) for score in scores]
    return [weight / sum(weights) for weight in weights]
