"""What managers do to collections: create, describe, grant, narrow."""

from collections.abc import Iterable

from django.db import transaction
from django.utils.text import slugify

from retrieval import access
from retrieval.errors import InvalidInputError, NotAllowedError
from retrieval.family import with_all_below
from retrieval.models import Collection, Document, Grant, Role
from retrieval.people import Group, Member, is_in_one_of

_MAX_TITLE = 120


def may_create_collections(*, user: Member) -> bool:
    """Return whether the person may create a collection for at least one team."""
    return user.is_admin or user.memberships.filter(role="manager").exists()


@transaction.atomic
def create_collection(
    *, user: Member, title: str, owner_team: Group, description: str = "", language: str = "en"
) -> Collection:
    """Return a new collection that only its owner team sees, as its managers.

    Admins create for any team, others for the teams that they manage.
    """
    title = title.strip()
    _check_title(title)
    if not (user.is_admin or user.memberships.filter(role="manager", team=owner_team.pk).exists()):
        raise NotAllowedError(f"Only managers of {owner_team} create collections for it. Ask one of them.")
    collection = Collection(
        slug=_free_slug(title),
        title=title,
        owner_team_id=owner_team.pk,
        description=description.strip(),
        language=language,
    )
    collection.save()
    Grant.objects.create(collection=collection, team_id=owner_team.pk, role=Role.MANAGER)
    return collection


def _check_title(title: str) -> None:
    if not 1 <= len(title) <= _MAX_TITLE:
        raise InvalidInputError("A collection needs a title of 1 to 120 characters.")


def _free_slug(title: str) -> str:
    base = slugify(title)[:60] or "collection"
    slug, number = base, 1
    while Collection.objects.filter(slug=slug).exists():
        number += 1
        slug = f"{base}-{number}"
    return slug


def describe_collection(
    *, user: Member, collection: Collection, title: str, description: str, sensitivity: str = ""
) -> Collection:
    """Change a collection's title, description and sensitivity (empty: as it is); needs the manager role."""
    access.require_role(user=user, collection=collection, role=Role.MANAGER)
    _check_title(title.strip())
    collection.title, collection.description = title.strip(), description.strip()
    if sensitivity and sensitivity not in Collection.Sensitivity.values:
        raise InvalidInputError("Choose how sensitive the documents are: one of the list.")
    collection.sensitivity = sensitivity or collection.sensitivity
    collection.save(update_fields=["title", "description", "sensitivity"])
    return collection


@transaction.atomic
def set_grant(*, user: Member, collection: Collection, team: Group | None, role: Role | None) -> None:
    """Give a team (None: everyone) a role in a collection, or take it away with None.

    Needs the manager role in the collection, or an admin, who sees nothing by it. The owner team stays
    manager.
    """
    _require_manager_or_admin(user=user, collection=collection)
    team_id = team.pk if team is not None else None
    if team_id == collection.owner_team_id and role != Role.MANAGER:
        raise InvalidInputError(f"{collection.owner_team} owns “{collection.title}” and stays its manager.")
    if team is None and role not in {None, Role.READER}:
        raise InvalidInputError("Everyone can be given the reader role only. Give other roles to teams.")
    grants = Grant.objects.filter(collection=collection, team=team_id)
    if role is None:
        grants.delete()
    elif not grants.update(role=role):
        Grant.objects.create(collection=collection, team_id=team_id, role=role)


def _require_manager_or_admin(*, user: Member, collection: Collection) -> None:
    if not user.is_admin:
        access.require_role(user=user, collection=collection, role=Role.MANAGER)


@transaction.atomic
def delete_collection(*, user: Member, collection: Collection) -> None:
    """Delete a collection with everything in it, for good; needs the manager role in it."""
    access.require_role(user=user, collection=collection, role=Role.MANAGER)
    collection.delete()


@transaction.atomic
def narrow_document(*, user: Member, document: Document, teams: Iterable[Group] | None) -> None:
    """Narrow a document and all below it to some teams, or with None open it to all who see its collection.

    Needs the manager role. The person must stay among those who see it, so that nothing gets out of reach.
    """
    access.require_role(user=user, collection=document.collection, role=Role.MANAGER)
    if document.parent is not None:
        raise InvalidInputError(
            f"“{document.name}” is seen by those who see “{document.parent.name}”, which it is in. "
            "Narrow that."
        )
    chosen = list(teams) if teams is not None else []
    if teams is not None and not is_in_one_of(user, chosen):
        raise InvalidInputError("None of your teams is among the chosen ones: you would lose sight of it.")
    for one in with_all_below(document):
        one.is_narrowed = document.is_narrowed = teams is not None
        one.save(update_fields=["is_narrowed"])
        one.narrowed_to.set([team.pk for team in chosen])
