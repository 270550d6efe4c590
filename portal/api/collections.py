"""Collections: what you see, what you may do in them, and who else sees them."""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from ninja.responses import Status
from pydantic import Field

from portal.accounts.models import Team
from portal.accounts.teams import visible_teams
from portal.api.auth import caller, reads, writes
from portal.api.fields import RequestBody, Text
from portal.api.paging import PageOut, PagingQuery, page_of
from retrieval.access import get_visible_collection, role_in, visible_collections, visible_documents
from retrieval.collections import create_collection, describe_collection, set_grant
from retrieval.errors import InvalidInputError
from retrieval.models import Collection, Role

router = Router(tags=["Collections"])

EVERYONE = "everyone"


class GrantOut(Schema):
    team: str = Field(description="A team's slug, or “everyone”.")
    role: Role


class CollectionOut(Schema):
    slug: str
    title: str
    description: str
    language: str
    sensitivity: Collection.Sensitivity = Field(
        description="Which language models may read it; local_only: none that runs elsewhere."
    )
    role: Role | None = Field(description="What you may do in it.")
    documents: int = Field(description="Documents in it that you may see.")
    created_at: datetime


class CollectionPage(PageOut):
    items: list[CollectionOut]


class CollectionDetailOut(CollectionOut):
    grants: list[GrantOut] | None = Field(description="Who sees it; for its managers only, null for others.")


class CollectionIn(RequestBody):
    title: Text
    owner_team: Text = Field(description="Slug of the team that looks after it.")
    description: Text = Field(default="", max_length=2000)
    language: Annotated[Text, Field(pattern=r"^[a-z]{2,3}$", description="Language of its documents.")] = "en"


class CollectionChange(RequestBody):
    title: Text | None = None
    description: Text | None = Field(default=None, max_length=2000)
    sensitivity: Collection.Sensitivity | None = None


class GrantIn(RequestBody):
    role: Role


@router.get("/collections", auth=reads, response=CollectionPage)
def read_collections(request: HttpRequest, paging: PagingQuery) -> dict[str, object]:
    """List the collections that you see, by title."""
    rows = visible_collections(user=caller(request)).order_by("title", "pk")
    return page_of(rows, paging, lambda collection: _shown(request, collection))


@router.post("/collections", auth=writes, response={201: CollectionDetailOut})
def make_collection(request: HttpRequest, body: CollectionIn) -> Status[dict[str, object]]:
    """Make a collection that its owner team alone sees. Team managers do this for their teams."""
    user = caller(request)
    team = visible_teams(user=user).filter(slug=body.owner_team).first()
    if team is None:
        raise InvalidInputError(
            f"You are in no team with the slug “{body.owner_team}”. GET /me lists your teams."
        )
    collection = create_collection(
        user=user, title=body.title, owner_team=team, description=body.description, language=body.language
    )
    return Status(201, _shown_in_detail(request, collection))


@router.get("/collections/{slug:slug}", auth=reads, response=CollectionDetailOut)
def read_collection(request: HttpRequest, slug: str) -> dict[str, object]:
    """Return one collection."""
    return _shown_in_detail(request, get_visible_collection(user=caller(request), slug=slug))


@router.patch("/collections/{slug:slug}", auth=writes, response=CollectionDetailOut)
def change_collection(request: HttpRequest, slug: str, body: CollectionChange) -> dict[str, object]:
    """Change title, description and sensitivity; what you leave out stays. Needs the manager role."""
    collection = get_visible_collection(user=caller(request), slug=slug)
    changed = describe_collection(
        user=caller(request),
        collection=collection,
        title=collection.title if body.title is None else body.title,
        description=collection.description if body.description is None else body.description,
        sensitivity=body.sensitivity or "",
    )
    return _shown_in_detail(request, changed)


@router.put("/collections/{slug:slug}/grants/{slug:team}", auth=writes, response=CollectionDetailOut)
def put_grant(request: HttpRequest, slug: str, team: str, body: GrantIn) -> dict[str, object]:
    """Give a team a role, or everyone the reader role (team “everyone”). Needs the manager role."""
    return _set_grant(request, slug, team, body.role)


@router.delete("/collections/{slug:slug}/grants/{slug:team}", auth=writes, response={204: None})
def delete_grant(request: HttpRequest, slug: str, team: str) -> HttpResponse:
    """Take a team's role away, or everyone's. It holds from the next request on. Needs the manager role."""
    _set_grant(request, slug, team, None)
    return HttpResponse(status=204)


def _set_grant(request: HttpRequest, slug: str, team: str, role: Role | None) -> dict[str, object]:
    user = caller(request)
    collection = get_visible_collection(user=user, slug=slug, role=Role.MANAGER)
    set_grant(user=user, collection=collection, team=_team(team), role=role)
    return _shown_in_detail(request, collection)


def _team(slug: str) -> Team | None:
    """Return a team that a manager names; any team can be given a role, so managers can name any."""
    if slug == EVERYONE:
        return None
    if (team := Team.objects.filter(slug=slug).first()) is None:
        raise InvalidInputError(f"There is no team with the slug “{slug}”. Check it for typing errors.")
    return team


def _shown(request: HttpRequest, collection: Collection) -> dict[str, object]:
    user = caller(request)
    return {
        "slug": collection.slug,
        "title": collection.title,
        "description": collection.description,
        "language": collection.language,
        "sensitivity": collection.sensitivity,
        "role": role_in(user=user, collection=collection),
        "documents": visible_documents(user=user).filter(collection=collection).count(),
        "created_at": collection.created_at,
    }


def _shown_in_detail(request: HttpRequest, collection: Collection) -> dict[str, object]:
    shown = _shown(request, collection)
    grants = _grants(collection) if shown["role"] == Role.MANAGER else None
    return shown | {"grants": grants}


def _grants(collection: Collection) -> list[dict[str, str]]:
    rows = collection.grants.select_related("team").order_by("team__name", "pk")
    return [{"team": row.team.slug if row.team else EVERYONE, "role": row.role} for row in rows]
