"""API tokens: shown once, stored as a hash, scoped, and never without an end."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from portal.accounts.models import ApiToken, User
from portal.accounts.secrets import TOKEN_PREFIX, hash_secret, new_secret
from retrieval.errors import InvalidInputError, NotAllowedError, NotVisibleError
from retrieval.statements import columns_of, fetch, instance

MAX_DAYS = 366
_MAX_NAME = 100
_TOUCH_EVERY = timedelta(minutes=1)

# Each request of a program begins with it, so the database plans it once for a connection.
_GOOD = f"""
SELECT {columns_of(ApiToken, "token")}, {columns_of(User, "owner")}
FROM {ApiToken._meta.db_table} AS token JOIN {User._meta.db_table} AS owner ON owner.id = token.user_id
WHERE token.token_hash = %(hash)s AND token.expires_at > %(now)s AND owner.is_active
"""  # noqa: S608 - constants


def list_tokens(*, user: User) -> QuerySet[ApiToken]:
    return ApiToken.objects.filter(user=user).order_by("-created_at", "-pk")


def create_token(*, user: User, name: str, scopes: Sequence[str], days: int) -> tuple[ApiToken, str]:
    """Return a new token and its secret, which cannot be shown again."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= _MAX_NAME:
        raise InvalidInputError("A token needs a name of 1 to 100 characters that tells what uses it.")
    if not scopes or not set(scopes) <= set(ApiToken.Scope.values):
        raise InvalidInputError("Choose at least one scope: read or write.")
    if not 1 <= days <= MAX_DAYS:
        raise InvalidInputError(f"A token lives 1 to {MAX_DAYS} days.")
    secret = new_secret(TOKEN_PREFIX)
    token = ApiToken.objects.create(
        user=user,
        name=name,
        prefix=secret[: len(TOKEN_PREFIX) + 4],
        token_hash=hash_secret(secret),
        scopes=sorted(set(scopes)),
        expires_at=timezone.now() + timedelta(days=days),
    )
    return token, secret


@transaction.atomic
def derive_token(*, parent: ApiToken, name: str, scopes: Sequence[str], days: int) -> tuple[ApiToken, str]:
    """Return a token made by another one: it can do no more than its parent and ends no later.

    So a token that leaks cannot be turned into one that lasts. Raises NotAllowedError, InvalidInputError.
    """
    if missing := sorted(set(scopes) - set(parent.scopes)):
        raise NotAllowedError(
            f"This token has no scope “{missing[0]}” to hand on. Make that token on the tokens page."
        )
    token, secret = create_token(user=parent.user, name=name, scopes=scopes, days=days)
    token.expires_at = min(token.expires_at, parent.expires_at)
    token.save(update_fields=["expires_at"])
    return token, secret


def revoke_token(*, user: User, token_id: int) -> None:
    """Delete one of the person's own tokens. Raises NotVisibleError."""
    deleted, _ = ApiToken.objects.filter(user=user, pk=token_id).delete()
    if not deleted:
        raise NotVisibleError


def authenticate_token(*, secret: str) -> ApiToken | None:
    """Return the token with this secret while it and its owner's account are good, else None."""
    now = timezone.now()
    _, rows = fetch(_GOOD, {"hash": hash_secret(secret), "now": now})
    if not rows:
        return None
    fields = len(ApiToken._meta.concrete_fields)
    token = instance(ApiToken, rows[0][:fields])
    token.user = instance(User, rows[0][fields:])
    if token.last_used_at is None or token.last_used_at < now - _TOUCH_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token
