"""The chance that passages answer a question, from a logistic regression on measured features.

The numbers below were printed by `python -m bench.calibrate_refusal`; run it again after changing a feature.
"""

import math
from dataclasses import astuple, dataclass


@dataclass(frozen=True, slots=True)
class Features:
    """What is measured of a question and its passages; cosines in -1..1, coverages in 0..1.

    Coverage is the weighted share of the question's content words that occur in a text, or words like them; a
    document's, in all its passages that were found, because a report names its subject on the first page. A
    sentence's is the share of those words that the title of its document lacks: the title says what all of it
    is about, and so nothing of whether it tells what was asked. In meaning, sentences are compared with the
    whole question: less the names that its document has, each sentence of a document on the topic would be
    near. `agreement` is the most that one sentence has of cosine, coverage and words beside those of the
    question at once. `question_weight` is how much the question says: a short one has all its words in
    many sentences. `strangeness` is 1 for a language that the embedding model hardly knows, whose cosines and
    coverages are low also where the answer is there, and 0 for one that it knows.
    """

    passage_cosine: float
    sentence_cosine: float
    document_coverage: float
    sentence_coverage: float
    agreement: float
    question_weight: float
    strangeness: float


INTERCEPT = -8.562
WEIGHTS = (3.678, 5.650, 2.570, 2.244, 8.987, 1.004, 0.392)
THRESHOLD = 0.688


def answerable(features: Features) -> float:
    """The chance, in 0..1, that the passages answer the question."""
    logit = INTERCEPT + sum(w * x for w, x in zip(WEIGHTS, astuple(features), strict=True))
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, logit))))
