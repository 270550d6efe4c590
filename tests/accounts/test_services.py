"""Signing in and API tokens: secrets work once, in time, and are stored as hashes only."""

from datetime import timedelta

import pytest
from django.http import HttpRequest
from django.utils import timezone

from portal.accounts import services, tokens
from portal.accounts.errors import LinkError, TooManyAttemptsError
from portal.accounts.models import ApiToken, SignInLink, User
from retrieval.errors import InvalidInputError, NotVisibleError
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return factories.user("alice@example.com", password=factories.PASSWORD)


def sign_in(email: str, password: str, address: str = "192.0.2.1") -> User | None:
    return services.check_password_sign_in(
        request=HttpRequest(), email=email, password=password, address=address
    )


def secret_of(url: str) -> str:
    return url.rstrip("/").rpartition("/")[2]


def test_a_link_signs_in_once(alice: User) -> None:
    secret = secret_of(services.make_sign_in_link(user=alice))
    assert services.get_link_user(secret=secret) == alice
    assert services.use_sign_in_link(secret=secret) == alice
    with pytest.raises(LinkError):
        services.use_sign_in_link(secret=secret)


def test_a_link_expires_and_a_new_one_replaces_it(alice: User) -> None:
    first = secret_of(services.make_sign_in_link(user=alice))
    second = secret_of(services.make_sign_in_link(user=alice))
    with pytest.raises(LinkError):
        services.get_link_user(secret=first)
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(LinkError):
        services.get_link_user(secret=second)


def test_a_link_of_a_closed_account_is_dead(alice: User) -> None:
    secret = secret_of(services.make_sign_in_link(user=alice))
    User.objects.update(is_active=False)
    with pytest.raises(LinkError):
        services.use_sign_in_link(secret=secret)


def test_a_password_signs_in_in_any_case_of_the_address(alice: User) -> None:
    assert sign_in("Alice@Example.com", factories.PASSWORD) == alice
    assert sign_in("alice@example.com", "wrong") is None
    assert sign_in("nobody@example.com", "wrong") is None


def test_guessing_is_stopped_for_the_address_that_is_guessed(alice: User) -> None:
    for number in range(services.ATTEMPTS_PER_EMAIL):
        assert sign_in("alice@example.com", f"guess {number}", f"192.0.2.{number}") is None
    with pytest.raises(TooManyAttemptsError, match="15 minutes"):
        sign_in("alice@example.com", factories.PASSWORD)


def test_guessing_is_stopped_for_the_machine_that_guesses(alice: User) -> None:
    for number in range(services.ATTEMPTS_PER_ADDRESS):
        sign_in(f"person{number}@example.com", "guess")
    with pytest.raises(TooManyAttemptsError):
        sign_in("alice@example.com", factories.PASSWORD)
    assert sign_in("alice@example.com", factories.PASSWORD, "192.0.2.99") == alice


@pytest.mark.parametrize("password", ["short", "password1234", "alice@example.com"])
def test_weak_passwords_are_refused_in_words(alice: User, password: str) -> None:
    with pytest.raises(InvalidInputError, match="password"):
        services.set_password(user=alice, password=password)


def test_a_token_is_stored_as_a_hash_and_works_until_it_ends(alice: User) -> None:
    token, secret = tokens.create_token(user=alice, name="script", scopes=["read"], days=30)
    assert secret not in str(list(ApiToken.objects.values()))
    assert secret.startswith(token.prefix)
    found = tokens.authenticate_token(secret=secret)
    assert found is not None
    assert (found.user, found.scopes) == (alice, ["read"])
    ApiToken.objects.update(expires_at=timezone.now())
    assert tokens.authenticate_token(secret=secret) is None


def test_a_token_dies_with_its_owners_account_and_when_revoked(alice: User) -> None:
    token, secret = tokens.create_token(user=alice, name="script", scopes=["read"], days=30)
    User.objects.update(is_active=False)
    assert tokens.authenticate_token(secret=secret) is None
    User.objects.update(is_active=True)
    with pytest.raises(NotVisibleError):
        tokens.revoke_token(user=factories.user(), token_id=token.pk)
    tokens.revoke_token(user=alice, token_id=token.pk)
    assert tokens.authenticate_token(secret=secret) is None


@pytest.mark.parametrize(
    ("name", "scopes", "days"),
    [("", ["read"], 1), ("x", [], 1), ("x", ["root"], 1), ("x", ["read"], 0), ("x", ["read"], 999)],
)
def test_a_token_needs_a_name_scopes_and_an_end(alice: User, name: str, scopes: list[str], days: int) -> None:
    with pytest.raises(InvalidInputError):
        tokens.create_token(user=alice, name=name, scopes=scopes, days=days)
