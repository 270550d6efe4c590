"""Whom to ask where the documents do not tell."""

from dataclasses import dataclass

from portal.accounts.models import User
from portal.answers.shown import ShownAnswer
from retrieval import access


@dataclass(frozen=True, slots=True)
class Owner:
    """The team that looks after a collection."""

    team: str
    collection_slug: str
    collection_title: str


def whom_to_ask(*, user: User, shown: ShownAnswer) -> Owner | None:
    """Return who looks after the collection of a refusal's nearest passage, where its reader sees it."""
    if not shown.nearest:
        return None
    visible = access.visible_collections(user=user).select_related("owner_team")
    nearest = visible.filter(slug=shown.nearest[0].collection_slug).first()
    return Owner(nearest.owner_team.name, nearest.slug, nearest.title) if nearest else None
