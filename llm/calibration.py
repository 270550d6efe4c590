"""The chance that passages answer a question, from a logistic regression on measured features.

The numbers below were printed by `python -m bench.calibrate_refusal`; run it again after changing a feature.
"""

import math
from dataclasses import astuple, dataclass


@dataclass(frozen=True, slots=True)
class Features:
    """What is measured of a question and its passages; cosines in -1..1, coverages in 0..1.

    Coverage is the weighted share of the question's content words that occur in a text.
    """

    passage_cosine: float
    sentence_cosine: float
    passage_coverage: float
    sentence_coverage: float
    agreement: float
    mean_cosine: float


INTERCEPT = -6.598
WEIGHTS = (1.352, 3.283, 1.603, 2.171, 3.325, 3.206)
THRESHOLD = 0.510


def answerable(features: Features) -> float:
    """The chance, in 0..1, that the passages answer the question."""
    logit = INTERCEPT + sum(w * x for w, x in zip(WEIGHTS, astuple(features), strict=True))
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, logit))))
