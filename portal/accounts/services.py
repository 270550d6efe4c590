"""Signing in: passwords with slowed-down guessing, and one-time links."""

from datetime import timedelta
from urllib.parse import urljoin

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from portal.accounts.errors import LinkError, TooManyAttemptsError
from portal.accounts.models import SignInAttempt, SignInLink, User
from portal.accounts.secrets import hash_secret, new_secret
from retrieval.errors import InvalidInputError

LINK_LIFETIME = timedelta(hours=24)
ATTEMPT_WINDOW = timedelta(minutes=15)
ATTEMPTS_PER_EMAIL = 8
ATTEMPTS_PER_ADDRESS = 40


def make_sign_in_link(*, user: User) -> str:
    """Return the URL of a link that signs `user` in once within a day; earlier links stop working."""
    secret = new_secret()
    with transaction.atomic():
        SignInLink.objects.filter(user=user, used_at__isnull=True).delete()
        SignInLink.objects.create(
            user=user, token_hash=hash_secret(secret), expires_at=timezone.now() + LINK_LIFETIME
        )
    return urljoin(settings.BASE_URL + "/", reverse("sign_in_link", args=[secret]))


def get_link_user(*, secret: str) -> User:
    """Return whom a link would sign in, without using it up. Raises LinkError."""
    link = SignInLink.objects.filter(
        token_hash=hash_secret(secret),
        used_at__isnull=True,
        expires_at__gt=timezone.now(),
        user__is_active=True,
    ).select_related("user")
    if (found := link.first()) is None:
        raise LinkError("This sign-in link was used already or has expired. Ask your admin for a new one.")
    return found.user


@transaction.atomic
def use_sign_in_link(*, secret: str) -> User:
    """Use a link up and return whom it signs in. Raises LinkError."""
    user = get_link_user(secret=secret)
    used = SignInLink.objects.filter(token_hash=hash_secret(secret), used_at__isnull=True)
    if used.update(used_at=timezone.now()) != 1:
        raise LinkError("This sign-in link was used already. Ask your admin for a new one.")
    return user


def check_password_sign_in(*, request: HttpRequest, email: str, password: str, address: str) -> User | None:
    """Return the person whose password this is, or None. Raises TooManyAttemptsError."""
    email = email.strip().lower()[:254]
    recent = SignInAttempt.objects.filter(at__gt=timezone.now() - ATTEMPT_WINDOW)
    if (
        recent.filter(email=email).count() >= ATTEMPTS_PER_EMAIL
        or recent.filter(address=address).count() >= ATTEMPTS_PER_ADDRESS
    ):
        raise TooManyAttemptsError("Too many failed sign-ins. Wait 15 minutes, or ask your admin for a link.")
    user = authenticate(request, username=email, password=password)
    if not isinstance(user, User):
        SignInAttempt.objects.create(email=email, address=address)
        SignInAttempt.objects.filter(at__lt=timezone.now() - 4 * ATTEMPT_WINDOW).delete()
        return None
    SignInAttempt.objects.filter(email=email).delete()
    return user


def set_password(*, user: User, password: str) -> None:
    """Set a password that passes the validators. Raises InvalidInputError with what is wrong with it."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInputError(" ".join(error.messages)) from error
    user.set_password(password)
    user.save(update_fields=["password"])
