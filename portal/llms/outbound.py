"""What admins decide about what may leave for models elsewhere, and how often something was held back."""

from collections.abc import Mapping
from datetime import timedelta

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from llm.outbound import ACTIONS, KINDS, OutboundPolicy
from portal.llms.models import OutboundCount, Revision
from portal.llms.setup import changed, outbound_policy
from retrieval.errors import InvalidInputError

MOST_WORDS = 500
_MOST_WORD = 100
_DAYS = 30


def current_policy() -> OutboundPolicy:
    return outbound_policy(Revision.objects.filter(pk=Revision.ONLY).first() or Revision())


@transaction.atomic
def set_policy(*, actions: Mapping[str, str], words: str) -> OutboundPolicy:
    """Decide what is done with each kind of find, and which words are looked for; one a line.

    Raises InvalidInputError.
    """
    if not (set(actions) <= set(KINDS) and set(actions.values()) <= set(ACTIONS)):
        raise InvalidInputError("Choose for each kind: mask it, send nothing, or let it pass.")
    lines = list(dict.fromkeys(" ".join(line.split()) for line in words.splitlines() if line.strip()))
    if len(lines) > MOST_WORDS or any(len(line) > _MOST_WORD for line in lines):
        raise InvalidInputError(
            f"The list holds at most {MOST_WORDS} words or phrases of at most {_MOST_WORD} characters."
        )
    changed(outbound=dict(actions), outbound_words="\n".join(lines))
    return current_policy()


def counts_of_month() -> dict[str, int]:
    """Return how often each kind was masked in the last 30 days."""
    since = timezone.localdate() - timedelta(days=_DAYS)
    rows = OutboundCount.objects.filter(day__gt=since).values("kind").annotate(total=Sum("count"))
    return {row["kind"]: row["total"] for row in rows}
