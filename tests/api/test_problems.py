import uuid
from unittest.mock import patch

import pytest
from django.test import Client
from ninja.errors import Throttled

from llm.errors import EmbeddingError
from tests import factories
from tests.api.client import BASE, Api, problem, same_problem
from tests.factories import Cast


@pytest.mark.parametrize("path", ["/", "/nothing", "/documents", "/documents/", "/collections/a/b/c", "/%00"])
def test_an_unknown_path(cast: Cast, path: str) -> None:
    api = Api(cast.alice)
    same_problem(api.get(path), api.get(f"/documents/{uuid.uuid4()}"), 404)


def test_an_unknown_path_without_a_token(db: None) -> None:
    problem(Client().get(f"{BASE}/nothing"), 404)


@pytest.mark.parametrize("bad", ["1", "not-a-uuid", "0" * 500, "../me", "%2e%2e", "'--"])
def test_an_id_of_the_wrong_form_is_like_a_missing_one(cast: Cast, bad: str) -> None:
    api = Api(cast.alice)
    for path in ("/documents/{}", "/documents/{}/text", "/documents/{}/file", "/answers/{}"):
        same_problem(api.get(path.format(bad)), api.get(path.format(uuid.uuid4())), 404)


def test_a_method_that_is_not_possible(cast: Cast) -> None:
    response = Api(cast.alice).delete("/search")
    assert "POST" in problem(response, 405)["detail"]
    assert response["Allow"] == "POST"


def test_a_body_that_is_not_json(cast: Cast) -> None:
    client = Client(headers=factories.bearer(cast.alice))
    response = client.post(f"{BASE}/search", "{query:", content_type="application/json")
    problem(response, 400)


def test_fields_that_are_wrong_are_pointed_at(cast: Cast) -> None:
    shown = problem(Api(cast.alice).post("/search", {"limit": 0, "colections": []}), 422)
    assert {error["pointer"] for error in shown["errors"]} == {"/query", "/limit", "/colections"}


def test_a_wrong_parameter_is_named(cast: Cast) -> None:
    shown = problem(Api(cast.alice).get("/collections", page_size=101), 422)
    assert [error["pointer"] for error in shown["errors"]] == ["page_size"]


def test_a_nul_character_cannot_be_stored(cast: Cast) -> None:
    shown = problem(Api(cast.alice).patch("/collections/blueprints", {"title": "a\x00b"}), 422)
    assert "NUL" in shown["errors"][0]["detail"]


def test_wrong_input_is_not_sent_back(cast: Cast) -> None:
    response = Api(cast.alice).post("/search", {"query": ["<script>"], "limit": "<script>"})
    problem(response, 422)
    assert b"script" not in response.content


def test_a_body_that_is_too_large(cast: Cast) -> None:
    problem(Api(cast.alice).post("/search", {"query": "x" * 6_000_000}), 413)


def test_an_upload_that_announces_too_much_is_refused_unread(cast: Cast) -> None:
    client = Client(headers=factories.bearer(cast.alice))
    response = client.generic(
        "POST",
        f"{BASE}/collections/blueprints/documents",
        b"x",
        "multipart/form-data",
        CONTENT_LENGTH=str(10**12),
    )
    assert "100 MB" in problem(response, 413)["detail"]


def test_what_nobody_expected(cast: Cast, caplog: pytest.LogCaptureFixture) -> None:
    with patch("portal.api.search.search", side_effect=RuntimeError("secret detail")):
        response = Api(cast.alice).post("/search", {"query": "x"})
    problem(response, 500)
    assert b"secret" not in response.content
    assert "secret detail" in caplog.text


def test_a_model_that_does_not_answer(cast: Cast) -> None:
    with patch("portal.api.search.search", side_effect=EmbeddingError("secret detail", permanent=False)):
        response = Api(cast.alice).post("/search", {"query": "x"})
    problem(response, 503)
    assert response["Retry-After"] == "60"
    assert b"secret" not in response.content


def test_too_many_requests(cast: Cast) -> None:
    with patch("portal.api.search.search", side_effect=Throttled(wait=7)):
        response = Api(cast.alice).post("/search", {"query": "x"})
    problem(response, 429)
    assert response["Retry-After"] == "7"


def test_nothing_is_cached(cast: Cast) -> None:
    assert Api(cast.alice).get("/me")["Cache-Control"] == "no-store"
    assert Api(cast.alice).get("/nothing")["Cache-Control"] == "no-store"
