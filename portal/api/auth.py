"""Who is asking, by bearer token alone: no cookie opens the API, so no page elsewhere can use one."""

from typing import cast

from django.http import HttpRequest
from ninja.security import HttpBearer

from portal.accounts.models import ApiToken, User
from portal.accounts.tokens import authenticate_token


class InsufficientScopeError(Exception):
    """The token is good and lacks the scope that this operation needs."""

    def __init__(self, scope: str) -> None:
        super().__init__(scope)
        self.scope = scope


class BearerToken(HttpBearer):
    """Lets in whoever sends `Authorization: Bearer cited_…` with the scope; None asks for no scope."""

    def __init__(self, scope: ApiToken.Scope | None) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        found = authenticate_token(secret=token.strip())
        if found and self.scope and self.scope not in found.scopes:
            raise InsufficientScopeError(self.scope)
        return found


any_token = BearerToken(None)
reads = BearerToken(ApiToken.Scope.READ)
writes = BearerToken(ApiToken.Scope.WRITE)


def caller_token(request: HttpRequest) -> ApiToken:
    """Return the token that the request was let in with."""
    return cast("ApiToken", request.auth)  # type: ignore[attr-defined]  # set by ninja after authenticate()


def caller(request: HttpRequest) -> User:
    """Return the person on whose behalf the request acts."""
    return caller_token(request).user
