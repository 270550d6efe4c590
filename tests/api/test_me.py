from datetime import timedelta

from portal.accounts.models import ApiToken
from tests import factories
from tests.api.client import Api, assert_hides, ok, problem, same_problem
from tests.factories import Cast


def test_me(cast: Cast) -> None:
    shown = ok(Api(cast.bob, "read").get("/me"))
    assert shown["email"] == "bob@example.com"
    assert shown["teams"] == [{"slug": "blue", "name": "Blue", "role": "member"}]
    assert shown["token"]["scopes"] == ["read"]
    assert "secret" not in shown["token"]


def test_tokens_are_ones_own(cast: Cast) -> None:
    factories.token(cast.bob)
    page = ok(Api(cast.alice).get("/tokens"))
    assert page["count"] == len(page["items"]) == 1
    assert_hides(Api(cast.alice).get("/tokens"), ["token_hash", "secret"])


def test_make_use_and_revoke_a_token(cast: Cast) -> None:
    api = Api(cast.alice)
    made = ok(api.post("/tokens", {"name": "import", "scopes": ["read"], "days": 1}), 201)
    assert made["secret"].startswith("cited_")
    assert made["prefix"] == made["secret"][:10]
    assert made["scopes"] == ["read"]
    ok(api.delete(f"/tokens/{made['id']}"), 204)
    assert not ApiToken.objects.filter(pk=made["id"]).exists()


def test_a_token_hands_on_no_more_than_it_has(cast: Cast) -> None:
    api = Api(cast.alice, "write")
    assert "“read”" in problem(api.post("/tokens", {"name": "x", "scopes": ["read"]}), 403)["detail"]
    ok(api.post("/tokens", {"name": "x", "scopes": ["write"]}), 201)


def test_a_token_made_by_a_token_does_not_outlive_it(cast: Cast) -> None:
    ok(Api(cast.alice).post("/tokens", {"name": "long", "scopes": ["read"], "days": 300}), 201)
    child, parent = ApiToken.objects.order_by("-pk")[:2]
    assert child.name == "long"
    assert child.expires_at == parent.expires_at
    assert parent.expires_at < parent.created_at + timedelta(days=2)


def test_bad_input_for_a_token(cast: Cast) -> None:
    api = Api(cast.alice)
    for body in (
        {"name": "", "scopes": ["read"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["root"]},
    ):
        problem(api.post("/tokens", body), 422)
    problem(api.post("/tokens", {"name": "x", "scopes": ["read"], "days": 1000}), 422)


def test_another_persons_token_is_like_a_missing_one(cast: Cast) -> None:
    theirs, _ = factories.token(cast.alice)
    for person in (cast.bob, cast.charlie):
        same_problem(Api(person).delete(f"/tokens/{theirs.pk}"), Api(person).delete("/tokens/999999999"), 404)
    assert ApiToken.objects.filter(pk=theirs.pk).exists()
