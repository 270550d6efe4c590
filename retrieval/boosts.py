"""What lifts a document beside its words: that it is recent, or verified, where the settings say how much."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from retrieval.fusion import Ranked, in_order
from retrieval.models import DocumentVersion

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class _Facts:
    age_days: float
    is_verified: bool


def boosted(ranked: list[Ranked]) -> list[Ranked]:
    """Return candidates with their scores multiplied by what lifts them, still from 0 to 1, best first.

    A document's recency halves every SEARCH_BOOST_RECENCY_DAYS. What does not fit the question stays low.
    """
    recency, verified = settings.SEARCH_BOOST_RECENCY / 100, settings.SEARCH_BOOST_VERIFIED / 100
    if not ranked or not (recency or verified):
        return ranked
    facts = _facts({candidate.key[1] for candidate, _ in ranked})
    scored = []
    for candidate, score in ranked:
        known = facts[candidate.key[1]]
        lift = recency * 0.5 ** (known.age_days / settings.SEARCH_BOOST_RECENCY_DAYS)
        lift += verified if known.is_verified else 0.0
        scored.append((candidate, score * (1 + lift) / (1 + recency + verified)))
    return in_order(scored)


def _facts(version_ids: Iterable[int]) -> dict[int, _Facts]:
    now = timezone.now()
    rows = DocumentVersion.objects.filter(pk__in=version_ids).values_list(
        "pk", "number", "document__updated_at", "document__verified_version"
    )
    found = {
        pk: _Facts(max(0.0, (now - updated_at).total_seconds() / _DAY), number == verified_version)
        for pk, number, updated_at, verified_version in rows
    }
    gone = _Facts(0.0, is_verified=False)  # deleted a moment ago: it is not shown anyway
    return {pk: found.get(pk, gone) for pk in version_ids}
