"""What a new portal holds: the first admin, their team, and a handbook to ask about."""

import logging

from django.conf import settings
from django.core.files import File
from django.db import transaction

from ingestion.documents import add_document
from portal.accounts.models import Membership, Team, User
from retrieval.generations import ensure_first_generation
from retrieval.models import Collection, Grant, Role

log = logging.getLogger(__name__)

HANDBOOK = "cited-handbook"
_GUIDES = ("user-guide.md", "admin-guide.md", "integrator-guide.md", "api-quickstart.md")


def fill() -> None:
    """Make whatever a new portal lacks; do nothing where it has been used already."""
    ensure_first_generation()
    if User.objects.exists():
        return
    with transaction.atomic():  # all or nothing: a start that is cut short begins anew
        admin, team = _first_admin()
        handbook = _handbook(team)
        for guide in _GUIDES:
            with (settings.BASE_DIR / "docs" / guide).open("rb") as content:
                add_document(user=admin, collection=handbook, name=guide, content=File(content))
    log.info("made the first admin %s and the collection %s", admin.email, handbook.slug)


def _first_admin() -> tuple[User, Team]:
    admin = User.objects.create_user(email=settings.ADMIN_EMAIL, name="Admin", is_admin=True)
    team = Team.objects.create(slug="administrators", name="Administrators")
    Membership.objects.create(team=team, user=admin, role=Membership.Role.MANAGER)
    return admin, team


def _handbook(team: Team) -> Collection:
    handbook = Collection.objects.create(
        slug=HANDBOOK,
        title="Cited handbook",
        description="How to use, run and connect this portal.",
        owner_team=team,
    )
    Grant.objects.create(collection=handbook, team=team, role=Role.MANAGER)
    Grant.objects.create(collection=handbook, team=None, role=Role.READER)
    return handbook
