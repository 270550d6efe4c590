from urllib.parse import urlsplit

import pytest

from portal.accounts.models import ApiToken, User
from portal.accounts.services import make_sign_in_link
from portal.accounts.teams import invite
from portal.accounts.tokens import authenticate_token
from tests import factories
from tests.factories import Cast
from tests.web.browser import Reader, text


@pytest.fixture
def dora(db: None) -> User:
    return factories.user("dora@example.com", name="Dora", password=factories.PASSWORD)


def test_sign_in_by_password(dora: User) -> None:
    typed = {"email": "Dora@example.com", "password": factories.PASSWORD, "next": "/history"}
    assert Reader().post("/sign-in", typed).headers["Location"] == "/history"


def test_a_wrong_password_and_an_unknown_address_look_alike(dora: User) -> None:
    pages = []
    for email in ("dora@example.com", "nobody@example.com"):
        reader = Reader(headers={"X-Request-ID": "the-same-one"})
        reader.get("/sign-in")
        page = text(reader.post("/sign-in", {"email": email, "password": "wrong"}), 400)
        pages.append(page.replace(email, "").split("</form>", 1)[1])
    assert "do not go together" in page
    assert pages[0] == pages[1]


def test_guessing_is_slowed_down(dora: User) -> None:
    reader = Reader()
    for _ in range(8):
        reader.post("/sign-in", {"email": "dora@example.com", "password": "wrong"})
    typed = {"email": "dora@example.com", "password": factories.PASSWORD}
    assert "Wait 15 minutes" in text(reader.post("/sign-in", typed), 429)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_signing_in_leads_nowhere_else(dora: User, target: str) -> None:
    typed = {"email": "dora@example.com", "password": factories.PASSWORD, "next": target}
    assert Reader().post("/sign-in", typed).headers["Location"] == "/"


def test_a_link_signs_in_once_and_offers_a_password(cast: Cast) -> None:
    path = urlsplit(make_sign_in_link(user=cast.bob)).path
    reader = Reader()
    assert "Sign in as Bob" in text(reader.get(path))
    assert "Sign in as Bob" in text(reader.get(path)), "looking at it must not use it up"
    assert reader.post(path).headers["Location"] == "/account/password"
    assert "1 document that you can see" in text(reader.get("/"))
    assert "was used already or has expired" in text(Reader().get(path), 410)


def test_sign_out(cast: Cast) -> None:
    reader = Reader(cast.bob)
    assert "You are signed out" in text(reader.post("/sign-out", follow=True))
    assert reader.get("/").status_code == 302
    assert Reader(cast.bob).get("/sign-out").status_code == 405


def test_set_a_password_then_change_it(cast: Cast) -> None:
    reader = Reader(cast.bob)
    assert "at least 12 characters" in text(reader.post("/account/password", {"password": "short"}), 400)
    assert reader.post("/account/password", {"password": factories.PASSWORD}).status_code == 302
    assert reader.get("/").status_code == 200, "the session survives"
    wrong = {"current": "guess", "password": "another long password"}
    assert "is not right" in text(reader.post("/account/password", wrong), 400)


def test_an_invitation_makes_an_account(cast: Cast) -> None:
    path = urlsplit(invite(user=cast.alice, team=cast.blue, email="eve@example.com")).path
    reader = Reader()
    assert "Alice invites" in text(reader.get(path))
    typed = {"name": "Eve", "password": "short"}
    page = text(reader.post(path, typed), 400)
    assert 'value="Eve"' in page
    assert not User.objects.filter(email="eve@example.com").exists()
    reader.post(path, typed | {"password": factories.PASSWORD})
    assert "1 document that you can see" in text(reader.get("/"))
    assert Reader().get(path).status_code == 410


def test_an_invitation_is_for_its_address_alone(cast: Cast) -> None:
    path = urlsplit(invite(user=cast.alice, team=cast.blue, email="charlie@example.com")).path
    assert "has an account" in text(Reader().get(path))
    assert Reader(factories.user()).post(path).status_code == 403
    assert Reader(cast.charlie).post(path).status_code == 302
    assert cast.blue.memberships.filter(user=cast.charlie).exists()


def test_a_token_is_shown_once(cast: Cast) -> None:
    reader = Reader(cast.bob)
    typed = {"name": "Report", "scope": "read", "days": "30"}
    page = text(reader.post("/account/tokens", typed))
    secret = page.split('value="cited_')[1].split('"')[0]
    token = authenticate_token(secret=f"cited_{secret}")
    assert token is not None
    assert token.user == cast.bob
    assert secret not in text(reader.get("/account/tokens"))


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"scope": "root"}, {"days": "0"}, {"days": "9" * 30}, {"days": "x"}]
)
def test_a_bad_token_is_explained(cast: Cast, wrong: dict[str, str]) -> None:
    typed = {"name": "Report", "scope": "read", "days": "30"} | wrong
    assert "There is a problem" in text(Reader(cast.bob).post("/account/tokens", typed), 400)
    assert not ApiToken.objects.exists()


def test_only_ones_own_tokens(cast: Cast) -> None:
    token, _ = factories.token(cast.alice)
    assert Reader(cast.bob).post(f"/account/tokens/{token.pk}/revoke").status_code == 404
    assert token.prefix not in text(Reader(cast.bob).get("/account/tokens"))
    Reader(cast.alice).post(f"/account/tokens/{token.pk}/revoke")
    assert not ApiToken.objects.exists()
