import pytest
from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.test import Client, RequestFactory

from portal import errors
from portal.web import health
from tests.factories import Cast
from tests.web.browser import Reader, text


def test_missing_pages_have_a_request_id(cast: Cast) -> None:
    response = Reader(cast.bob).get("/no/such/page")
    assert response.headers["X-Request-ID"] in text(response, 404)


def test_a_proxys_request_id_is_kept_and_a_strange_one_is_not(db: None) -> None:
    kept = Client(headers={"X-Request-ID": "abc-12345678"}).get("/livez")
    assert kept.headers["X-Request-ID"] == "abc-12345678"
    strange = Client(headers={"X-Request-ID": "<script>alert(1)"}).get("/livez")
    assert len(strange.headers["X-Request-ID"]) == 32


def test_a_fault_tells_its_number_and_nothing_else(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("portal.web.ask.visible_counts", broken)
    response = Reader(cast.bob).get("/")
    page = text(response, 500)
    assert response.headers["X-Request-ID"] in page
    assert "secret detail" not in page


def test_an_old_form_is_explained(cast: Cast) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.bob)
    assert "open for too long" in text(strict.post("/ask", {"q": "x"}), 403)


def test_too_much_is_413() -> None:
    request = RequestFactory().post("/ask")
    told = errors.describe(RequestDataTooBig())
    assert told == errors.TOO_LARGE
    assert told is not None
    assert told.status == 413
    assert errors.describe(RuntimeError()) is None
    assert request.path == "/ask"


def test_every_page_has_a_strict_policy(cast: Cast) -> None:
    for response in (Reader(cast.bob).get("/"), Reader().get("/sign-in"), Reader(cast.bob).get("/nowhere")):
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["X-Frame-Options"] == "DENY"


def test_livez_touches_nothing() -> None:
    # no database mark: any query would fail this test
    response = Client().get("/livez")
    assert response.status_code == 200
    assert response.content == b"ok"


def test_readyz_names_what_is_missing(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health._Known, "model", "is being loaded")
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert response.json()["ready"] is False
    assert response.json()["parts"]["model"] == "is being loaded"
    assert response.json()["parts"]["database"] == "ready"


def test_readyz_when_all_is_there(searchable_cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health._Known, "model", "ready")
    response = Client().get("/readyz")
    assert response.json() == {"ready": True, "parts": dict.fromkeys(health._CHECKS, "ready")}


def test_readyz_without_a_database(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> str:
        raise OperationalError("password=secret")

    monkeypatch.setitem(health._CHECKS, "database", away)
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert response.json()["parts"]["database"] == "cannot be reached"
    assert "secret" not in response.content.decode()
