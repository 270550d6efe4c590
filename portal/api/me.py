"""Who the token acts for, and that person's own tokens."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from ninja.responses import Status
from pydantic import Field

from portal.accounts.models import ApiToken
from portal.accounts.tokens import MAX_DAYS, derive_token, list_tokens, revoke_token
from portal.api.auth import any_token, caller, caller_token, reads, writes
from portal.api.fields import RequestBody, Text
from portal.api.paging import PageOut, PagingQuery, page_of

router = Router(tags=["You and your tokens"])


class TeamOut(Schema):
    slug: str
    name: str
    role: str = Field(description="member or manager")


class TokenOut(Schema):
    id: int
    name: str
    prefix: str = Field(description="The token's first characters; the rest is not stored.")
    scopes: list[ApiToken.Scope]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class TokenPage(PageOut):
    items: list[TokenOut]


class NewTokenOut(TokenOut):
    secret: str = Field(description="The token itself. It is shown this once.")


class TokenIn(RequestBody):
    name: Text = Field(description="What uses the token.", examples=["nightly import"])
    scopes: list[ApiToken.Scope] = Field(description="At most those of the token that you send.")
    days: int = Field(default=90, ge=1, le=MAX_DAYS)


class MeOut(Schema):
    email: str
    name: str
    is_admin: bool
    teams: list[TeamOut]
    token: TokenOut


@router.get("/me", auth=any_token, response=MeOut)
def me(request: HttpRequest) -> dict[str, object]:
    """Return whom the token acts for, their teams, and the token's scopes."""
    user = caller(request)
    memberships = user.memberships.select_related("team").order_by("team__name", "pk")
    return {
        "email": user.email,
        "name": user.name,
        "is_admin": user.is_admin,
        "teams": [{"slug": one.team.slug, "name": one.team.name, "role": one.role} for one in memberships],
        "token": caller_token(request),
    }


@router.get("/tokens", auth=reads, response=TokenPage)
def read_tokens(request: HttpRequest, paging: PagingQuery) -> dict[str, object]:
    """List your own tokens, newest first. Their secrets are not stored and cannot be read."""
    return page_of(list_tokens(user=caller(request)), paging, lambda token: token)


@router.post("/tokens", auth=writes, response={201: NewTokenOut})
def make_token(request: HttpRequest, body: TokenIn) -> Status[dict[str, object]]:
    """Make a token that can do no more than the one you send, and ends no later."""
    token, secret = derive_token(
        parent=caller_token(request), name=body.name, scopes=body.scopes, days=body.days
    )
    return Status(201, TokenOut.from_orm(token).dict() | {"secret": secret})


@router.delete("/tokens/{int:token_id}", auth=writes, response={204: None})
def delete_token(request: HttpRequest, token_id: int) -> HttpResponse:
    """Revoke one of your own tokens; it stops working at once."""
    revoke_token(user=caller(request), token_id=token_id)
    return HttpResponse(status=204)
