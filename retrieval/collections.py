"""What managers do to collections: create, describe, grant, narrow."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.text import slugify

from retrieval import access
from retrieval.errors import InvalidInputError, NotAllowedError
from retrieval.models import Collection, Document, Grant, Role

if TYPE_CHECKING:
    from portal.accounts.models import Team, User


def may_create_collections(*, user: "User") -> bool:
    """Return whether the person may create a collection for at least one team."""
    return user.is_admin or user.memberships.filter(role="manager").exists()


@transaction.atomic
def create_collection(
    *, user: "User", title: str, owner_team: "Team", description: str = "", language: str = "en"
) -> Collection:
    """Return a new collection that only its owner team sees, as its managers.

    Admins create for any team, others for the teams that they manage.
    """
    title = title.strip()
    _check_title(title)
    if not (user.is_admin or user.memberships.filter(role="manager", team=owner_team).exists()):
        raise NotAllowedError(f"Only managers of {owner_team} create collections for it. Ask one of them.")
    collection = Collection(
        slug=_free_slug(title),
        title=title,
        owner_team=owner_team,
        description=description.strip(),
        language=language,
    )
    collection.save()
    Grant.objects.create(collection=collection, team=owner_team, role=Role.MANAGER)
    return collection


def _check_title(title: str) -> None:
    if not 1 <= len(title) <= 120:
        raise InvalidInputError("A collection needs a title of 1 to 120 characters.")


def _free_slug(title: str) -> str:
    base = slugify(title)[:60] or "collection"
    slug, number = base, 1
    while Collection.objects.filter(slug=slug).exists():
        number += 1
        slug = f"{base}-{number}"
    return slug


def describe_collection(*, user: "User", collection: Collection, title: str, description: str) -> Collection:
    """Change a collection's title and description; needs the manager role in it."""
    access.require_role(user=user, collection=collection, role=Role.MANAGER)
    _check_title(title.strip())
    collection.title, collection.description = title.strip(), description.strip()
    collection.save(update_fields=["title", "description"])
    return collection


@transaction.atomic
def set_grant(*, user: "User", collection: Collection, team: "Team | None", role: Role | None) -> None:
    """Give a team (None: everyone) a role in a collection, or take it away with None.

    Needs the manager role in the collection, or an admin who sees nothing by it. The owner team stays manager.
    """
    _require_manager_or_admin(user=user, collection=collection)
    if team == collection.owner_team and role != Role.MANAGER:
        raise InvalidInputError(f"{team} owns “{collection.title}” and stays its manager.")
    if team is None and role not in {None, Role.READER}:
        raise InvalidInputError("Everyone can be given the reader role only. Give other roles to teams.")
    if role is None:
        Grant.objects.filter(collection=collection, team=team).delete()
    else:
        Grant.objects.update_or_create(collection=collection, team=team, defaults={"role": role})


def _require_manager_or_admin(*, user: "User", collection: Collection) -> None:
    if not user.is_admin:
        access.require_role(user=user, collection=collection, role=Role.MANAGER)


@transaction.atomic
def delete_collection(*, user: "User", collection: Collection) -> None:
    """Delete a collection with everything in it, for good; needs the manager role in it."""
    access.require_role(user=user, collection=collection, role=Role.MANAGER)
    collection.delete()


@transaction.atomic
def narrow_document(*, user: "User", document: Document, teams: Iterable["Team"] | None) -> None:
    """Narrow a document to some teams, or with None open it to all who see its collection.

    Needs the manager role. The person must stay among those who see it, so that nothing gets out of reach.
    """
    access.require_role(user=user, collection=document.collection, role=Role.MANAGER)
    chosen = list(teams) if teams is not None else []
    if teams is not None and not user.memberships.filter(team__in=chosen).exists():
        raise InvalidInputError("None of your teams is among the chosen ones: you would lose sight of it.")
    document.is_narrowed = teams is not None
    document.save(update_fields=["is_narrowed"])
    document.narrowed_to.set(chosen)
