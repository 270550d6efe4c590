from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts.models import ApiToken
from tests import factories
from tests.api.client import BASE, Api, ok, problem
from tests.factories import Cast

READING = ["/tokens", "/collections", "/collections/blueprints", "/collections/blueprints/documents"]


def _with(secret: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {secret}"})


def test_a_token_lets_in(cast: Cast) -> None:
    _, secret = factories.token(cast.alice, "read")
    assert ok(_with(secret).get(f"{BASE}/me"))["email"] == "alice@example.com"


def test_no_token(cast: Cast) -> None:
    response = Client().get(f"{BASE}/me")
    assert "Authorization" in problem(response, 401)["detail"]
    assert response["WWW-Authenticate"] == 'Bearer realm="Cited API"'


@pytest.mark.parametrize("secret", ["", "cited_wrong", "cited_" + "x" * 5000, "cited_ñ"])
def test_an_unknown_token(cast: Cast, secret: str) -> None:
    response = _with(secret).get(f"{BASE}/me")
    assert "not valid" in problem(response, 401)["detail"]
    assert 'error="invalid_token"' in response["WWW-Authenticate"]


def test_an_expired_token(cast: Cast) -> None:
    token, secret = factories.token(cast.alice)
    ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    problem(_with(secret).get(f"{BASE}/me"), 401)


def test_a_revoked_token(cast: Cast) -> None:
    token, secret = factories.token(cast.alice)
    ok(_with(secret).get(f"{BASE}/me"))
    token.delete()
    problem(_with(secret).get(f"{BASE}/me"), 401)


def test_a_closed_account(cast: Cast) -> None:
    _, secret = factories.token(cast.alice)
    cast.alice.is_active = False
    cast.alice.save()
    problem(_with(secret).get(f"{BASE}/me"), 401)


def test_a_session_does_not_open_the_api(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.alice)
    problem(client.get(f"{BASE}/me"), 401)


@pytest.mark.parametrize("path", READING)
def test_reading_needs_the_scope_read(cast: Cast, path: str) -> None:
    ok(Api(cast.alice, "read").get(path))
    response = Api(cast.alice, "write").get(path)
    assert "“read”" in problem(response, 403)["detail"]
    assert 'scope="read"' in response["WWW-Authenticate"]


def test_writing_needs_the_scope_write(cast: Cast) -> None:
    api = Api(cast.alice, "read")
    for response in (
        api.post("/collections", {"title": "New", "owner_team": "blue"}),
        api.patch("/collections/blueprints", {"title": "New"}),
        api.put("/collections/blueprints/grants/red", {"role": "reader"}),
        api.delete("/collections/blueprints/grants/red"),
        api.upload("blueprints"),
        api.delete(f"/documents/{cast.paper.pk}"),
        api.post(f"/documents/{cast.paper.pk}/retry"),
        api.post("/tokens", {"name": "New", "scopes": ["read"]}),
        api.delete("/tokens/1"),
    ):
        assert "“write”" in problem(response, 403)["detail"]


def test_the_scope_is_checked_before_the_body(cast: Cast) -> None:
    problem(Api(cast.alice, "write").post("/search", {"nonsense": 1}), 403)
