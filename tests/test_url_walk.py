"""Every route is in the table below and refuses the wrong person; a route that is missing here fails.

`public` is for anyone. `signed_in` sends strangers to the sign-in page (the API says 401) and shows people
their own things. `team` is about things of the team Blue, which are missing for everyone outside of it, and
`admin` about the portal itself, which is missing for everyone who is no admin.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests import factories
from tests.factories import Cast

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

Access = Literal["public", "signed_in", "team", "admin"]
ACCESS: dict[str, Access] = {
    "home": "signed_in",
    "ask": "signed_in",
    "search": "signed_in",
    "suggestions": "signed_in",
    "history": "signed_in",
    "question": "team",
    "question_stream": "team",
    "question_stop": "team",
    "question_part": "team",
    "question_again": "team",
    "question_edit": "team",
    "question_search_for": "team",
    "question_watch": "team",
    "conversation": "team",
    "conversation_delete": "team",
    "conversations_delete": "signed_in",
    "document": "team",
    "document_page_image": "team",
    "document_file": "team",
    "document_delete": "team",
    "document_retry": "team",
    "document_cancel": "team",
    "document_narrow": "team",
    "document_tags": "team",
    "document_author": "team",
    "document_verify": "team",
    "document_pin": "team",
    "document_reprocess": "team",
    "document_versions": "team",
    "document_roll_back": "team",
    "document_move": "team",
    "document_restore": "team",
    "collections": "signed_in",
    "collection": "team",
    "collection_rows": "team",
    "collection_upload": "team",
    "collection_delete_documents": "team",
    "collection_tag_documents": "team",
    "collection_deleted": "team",
    "collection_settings": "team",
    "collection_delete": "team",
    "collection_dictionary": "team",
    "manage": "signed_in",
    "manage_ingestion": "signed_in",
    "manage_ingestion_rows": "signed_in",
    "manage_ingestion_act": "signed_in",
    "manage_dictionary": "signed_in",
    "connectors": "signed_in",
    "connector_add": "signed_in",
    "connector": "team",
    "connector_settings": "team",
    "connector_sync": "team",
    "connector_cancel": "team",
    "connector_pause": "team",
    "connector_delete": "team",
    "generations": "admin",
    "generation_act": "admin",
    "generation_drop": "admin",
    "llms": "admin",
    "llm": "admin",
    "llm_act": "admin",
    "llm_routes": "admin",
    "llm_route": "admin",
    "llm_route_act": "admin",
    "llm_prompts": "admin",
    "llm_prompt": "admin",
    "llm_prompt_act": "admin",
    "llm_quotas": "admin",
    "llm_outbound": "admin",
    "evaluations": "admin",
    "evaluation": "admin",
    "evaluation_compare": "admin",
    "evaluation_delete": "admin",
    "teams": "signed_in",
    "team": "team",
    "team_invite": "team",
    "team_role": "team",
    "team_remove": "team",
    "password": "signed_in",
    "tokens": "signed_in",
    "token_revoke": "team",
    "sign_in": "public",
    "sign_out": "public",
    "sign_in_link": "public",
    "invitation": "public",
    "livez": "public",
    "readyz": "public",
    "api:openapi-json": "public",
    "api:openapi-view": "public",
    "api:not-found": "public",
    "api:api-root": "public",
    "api:me": "signed_in",
    "api:read_tokens": "signed_in",
    "api:make_token": "signed_in",
    "api:delete_token": "team",
    "api:find": "signed_in",
    "api:read_suggestions": "signed_in",
    "api:make_answer": "signed_in",
    "api:read_answer": "team",
    "api:read_conversations": "signed_in",
    "api:remove_conversations": "signed_in",
    "api:read_conversation": "team",
    "api:remove_conversation": "team",
    "api:read_collections": "signed_in",
    "api:make_collection": "signed_in",
    "api:read_collection": "team",
    "api:change_collection": "team",
    "api:put_grant": "team",
    "api:delete_grant": "team",
    "api:read_documents": "team",
    "api:upload": "team",
    "api:read_document": "team",
    "api:change_document": "team",
    "api:remove_document": "team",
    "api:read_text": "team",
    "api:read_file": "team",
    "api:retry": "team",
    "api:cancel": "team",
    "api:reprocess": "team",
    "api:read_versions": "team",
    "api:bring_back": "team",
    "api:move": "team",
    "api:read_deleted": "team",
    "api:restore": "team",
    "api:read_jobs": "signed_in",
    "api:retry_all": "team",
    "api:read_sources": "signed_in",
    "api:read_source": "team",
    "api:sync_source": "team",
    "api:read_runs": "team",
    "api:read_failed_items": "team",
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# What the API checks before it looks for the thing: a body of the right form.
BODIES: dict[str, Any] = {"api:put_grant": {"role": "reader"}, "api:change_collection": {"title": "Mine"}}
BODIES |= {"api:bring_back": {"version": 1}, "api:move": {"collection": "redprints"}}
BODIES["api:delete_grant"] = BODIES["api:put_grant"]
BODIES["api:read_collection"] = BODIES["api:change_collection"]
SECRETS = ("Blueprints", "Warranty", "warranty", "Falcon", "Alice", "alice@", "Blue")


def routes() -> Iterator[tuple[str, str]]:
    """Yield the name and the pattern of every route."""
    yield from _walk(get_resolver().url_patterns, "", ())


def _walk(
    patterns: list[URLPattern | URLResolver], prefix: str, spaces: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    for one in patterns:
        path = f"{prefix}{one.pattern}"
        if isinstance(one, URLResolver):
            yield from _walk(one.url_patterns, path, (*spaces, one.namespace) if one.namespace else spaces)
        else:
            yield ":".join((*spaces, one.name or path)), path


@pytest.fixture
def cast(db: None) -> Cast:
    return factories.cast()


def paths(cast: Cast) -> Iterator[tuple[str, str]]:
    """Yield each route's name with an address that leads to a thing of Blue's or of Alice's."""
    question = factories.question(cast.alice)
    token, _ = factories.token(cast.alice)
    known = {
        "document_id": cast.paper.pk,
        "question_id": question.pk,
        "answer_id": question.pk,
        "conversation_id": question.conversation_id,
        "number": 1,
        "user_id": cast.bob.pk,
        "token_id": token.pk,
        "secret": "x" * 43,
        "team": "red",
        "source_id": factories.source(cast.papers, acts_for=cast.alice).pk,
        "kind": "folder",
        "generation_id": 1,
        "model_id": 1,
        "rule_id": 1,
        "run_id": factories.evaluation_run().pk,
    }
    for name, pattern in routes():
        wanted = {key: value for key, value in known.items() if f":{key}>" in pattern}
        if ":slug>" in pattern:
            wanted["slug"] = "blue" if pattern.startswith("teams/") else "blueprints"
        yield name, "/api/v1/nowhere" if name == "api:not-found" else reverse(name, kwargs=wanted)


def send(client: Client, method: str, name: str, path: str) -> "Response":
    is_form = not name.startswith("api:") or path.endswith("/documents")
    if is_form and method == "POST":
        return client.post(path, {"file": factories.upload(), "form": "describe", "title": "Mine"})
    if is_form:
        return client.generic(method, path)
    return client.generic(method, path, json.dumps(BODIES.get(name, {})), content_type="application/json")


def answers(client: Client, name: str, path: str) -> Iterator["Response"]:
    """Yield what the route answers to each method that it knows; there must be one."""
    seen = [send(client, method, name, path) for method in METHODS]
    known = [response for response in seen if response.status_code != 405]
    assert known, f"{name} knows no method"
    yield from known


def test_every_route_is_in_the_table() -> None:
    assert {name for name, _ in routes()} == set(ACCESS)


def test_strangers_reach_public_routes_alone(cast: Cast) -> None:
    for name, path in paths(cast):
        for response in answers(Client(raise_request_exception=False), name, path):
            refused = response.status_code == 401 or response.headers.get("Location", "").startswith(
                "/sign-in?"
            )
            assert refused == (ACCESS[name] != "public"), (name, response.status_code)
            assert response.status_code != 500, name
            assert_hides(response, name)


def test_outsiders_find_nothing_of_a_team(cast: Cast) -> None:
    page, api = Client(raise_request_exception=False), Client(headers=factories.bearer(cast.charlie))
    page.force_login(cast.charlie)
    for name, path in paths(cast):
        if ACCESS[name] in {"team", "admin"}:
            for response in answers(api if name.startswith("api:") else page, name, path):
                assert response.status_code == 404, (name, response.status_code, response.content)
                assert_hides(response, name)


def test_members_and_managers_find_nothing_that_is_for_admins(cast: Cast) -> None:
    for person in (cast.alice, cast.bob):
        page = Client(raise_request_exception=False)
        page.force_login(person)
        for name, path in paths(cast):
            if ACCESS[name] == "admin":
                assert {response.status_code for response in answers(page, name, path)} == {404}, name


def test_outsiders_see_nothing_of_a_team_on_their_own_pages(cast: Cast) -> None:
    page, api = Client(raise_request_exception=False), Client(headers=factories.bearer(cast.charlie))
    page.force_login(cast.charlie)
    for name, path in paths(cast):
        if ACCESS[name] == "signed_in":
            client = api if name.startswith("api:") else page
            response = client.get(path)
            assert response.status_code not in {401, 404}, (name, response.status_code)
            assert_hides(response, name)


def test_members_reach_what_outsiders_do_not(cast: Cast) -> None:
    """Else a route that refuses everybody would pass the tests above."""
    page = Client(raise_request_exception=False)
    page.force_login(cast.bob)
    for name in ("document", "collection", "collection_rows", "team"):
        path = dict(paths(cast))[name]
        assert page.get(path).status_code == 200, name


def assert_hides(response: "Response", name: str) -> None:
    if response.streaming or name.startswith("api:openapi"):
        return
    body = response.content.decode()
    assert not [word for word in SECRETS if word in body], name
