"""The figures of an evaluation, from what was found and answered. Everything here is pure."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

TOP = 10


def ndcg(ranked: Sequence[str], grades: Mapping[str, float], *, top: int = TOP) -> float:
    """Normalised discounted cumulative gain with linear gain (Järvelin and Kekäläinen 2002), 0 to 1."""
    gain = _discounted(grades.get(key, 0.0) for key in ranked[:top])
    ideal = _discounted(sorted(grades.values(), reverse=True)[:top])
    return gain / ideal if ideal else 0.0


def _discounted(gains: Iterable[float]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


def reciprocal_rank(ranked: Sequence[str], relevant: Mapping[str, float], *, top: int = TOP) -> float:
    """One over the rank of the first relevant document, 0 where none is among the first `top`."""
    return next((1 / rank for rank, key in enumerate(ranked[:top], 1) if key in relevant), 0.0)


def recall(ranked: Sequence[str], relevant: Mapping[str, float], *, top: int = TOP) -> float:
    """The share of the relevant documents among the first `top`."""
    return len(set(ranked[:top]) & set(relevant)) / len(relevant) if relevant else 0.0


def folded(text: str) -> str:
    """Text as it is compared: in small letters, runs of white space as one blank."""
    return " ".join(text.split()).casefold()


def share_found(sentences: Sequence[str], texts: Sequence[str]) -> float:
    """The share of `sentences` that stand in one of `texts`, white space and case folded."""
    inside = [folded(text) for text in texts]
    found = sum(any(folded(sentence) in text for text in inside) for sentence in sentences)
    return found / len(sentences) if sentences else 0.0


def harmonic(precision: float, recalled: float) -> float:
    """The harmonic mean of precision and recall (F1)."""
    both = precision + recalled
    return 2 * precision * recalled / both if both else 0.0


def share(facts: Iterable[bool]) -> float:
    """The share of the facts that hold, 0 of none."""
    return mean(map(float, facts)) or 0.0


def mean(values: Iterable[float]) -> float | None:
    """The mean, or None of nothing."""
    known = list(values)
    return float(np.mean(known)) if known else None


def percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile in milliseconds."""
    p50, p95 = np.quantile(milliseconds, (0.5, 0.95)) if milliseconds else (0.0, 0.0)
    return {"p50_ms": round(float(p50), 1), "p95_ms": round(float(p95), 1)}


def sign_test(better: int, worse: int) -> float:
    """How often a fair coin falls at least as unevenly, 0 to 1 (two-sided sign test; ties are left out)."""
    total = better + worse
    tail = sum(math.comb(total, count) for count in range(min(better, worse) + 1))
    return min(1.0, float(2 * tail / 2**total))
