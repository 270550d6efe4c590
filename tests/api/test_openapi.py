import re
from collections.abc import Iterator
from typing import Any

from django.test import Client

from portal.api.urls import api
from tests.api.client import BASE, ok

_PARAMETER = re.compile(r"{(\w+)}")


def _operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_the_schema_lists_every_operation(db: None) -> None:
    schema = ok(Client().get(f"{BASE}/openapi.json"))
    assert schema["openapi"].startswith("3.1")
    found = {f"{method.upper()} {path.removeprefix(BASE)}" for path, method, _ in _operations(schema)}
    assert found == {
        "GET /me",
        "GET /tokens",
        "POST /tokens",
        "DELETE /tokens/{token_id}",
        "POST /search",
        "GET /suggestions",
        "POST /answers",
        "GET /answers/{answer_id}",
        "GET /conversations",
        "DELETE /conversations",
        "GET /conversations/{conversation_id}",
        "DELETE /conversations/{conversation_id}",
        "GET /collections",
        "POST /collections",
        "GET /collections/{slug}",
        "PATCH /collections/{slug}",
        "PUT /collections/{slug}/grants/{team}",
        "DELETE /collections/{slug}/grants/{team}",
        "GET /collections/{slug}/documents",
        "POST /collections/{slug}/documents",
        "GET /documents/{document_id}",
        "PATCH /documents/{document_id}",
        "DELETE /documents/{document_id}",
        "GET /documents/{document_id}/text",
        "GET /documents/{document_id}/file",
        "POST /documents/{document_id}/cancel",
        "POST /documents/{document_id}/reprocess",
        "GET /documents/{document_id}/versions",
        "POST /documents/{document_id}/roll-back",
        "POST /documents/{document_id}/move",
        "POST /documents/{document_id}/restore",
        "GET /collections/{slug}/deleted",
        "POST /collections/{slug}/retry-failed",
        "GET /jobs",
        "POST /documents/{document_id}/retry",
        "GET /sources",
        "GET /sources/{source_id}",
        "POST /sources/{source_id}/sync",
        "GET /sources/{source_id}/runs",
        "GET /sources/{source_id}/failed-items",
    }


def test_every_operation_is_described_secured_and_may_fail() -> None:
    schema = api.get_openapi_schema(path_prefix="/api/v1/")
    for path, method, operation in _operations(schema):
        name = f"{method} {path}"
        assert operation["description"], name
        assert operation["security"] == [{"BearerToken": []}], name
        assert "application/problem+json" in operation["responses"]["default"]["content"], name
        assert set(_PARAMETER.findall(path)) <= {one["name"] for one in operation["parameters"]}, name


def test_every_reference_leads_somewhere() -> None:
    schema = api.get_openapi_schema(path_prefix="/api/v1/")
    names = set(re.findall(r"'#/components/schemas/([^']+)'", repr(dict(schema))))
    assert "Problem" in names
    assert names <= set(schema["components"]["schemas"])


def test_the_docs_page_loads_nothing_from_elsewhere(db: None) -> None:
    response = Client().get(f"{BASE}/docs")
    assert response.status_code == 200
    page = response.content.decode()
    assert re.findall(r'(?:src|href)="([^"]+)"', page)
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
    assert not re.findall(r"<script(?![^>]*(?:src=|application/json))", page)
    assert "script-src 'self'" in response["Content-Security-Policy"]
