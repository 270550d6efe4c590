"""Versions, roll back, moves and restoring over REST."""

import uuid

from ingestion.documents import delete_document
from retrieval.models import Document, DocumentVersion, Role
from tests import factories
from tests.api.client import Api, ok, problem, same_problem
from tests.factories import Cast


def add_version(document: Document) -> None:
    DocumentVersion.objects.create(
        document=document, number=2, sha256="1" * 64, size=20, media_type="text/plain"
    )


def test_versions_and_roll_back(cast: Cast) -> None:
    add_version(cast.paper)
    path = f"/documents/{cast.paper.pk}"
    rows = ok(Api(cast.alice, "read").get(f"{path}/versions"))
    assert [(one["version"]["number"], one["is_searched"]) for one in rows] == [(2, False), (1, True)]
    shown = ok(Api(cast.alice, "write").post(f"{path}/roll-back", {"version": 1}), 202)
    assert shown["state"]["state"] == "queued"
    newest = ok(Api(cast.alice).get(f"{path}/versions"))[0]["version"]
    assert (newest["number"], newest["restored_from"]) == (3, 1)
    problem(Api(cast.alice).post(f"{path}/roll-back", {"version": 3}), 422)
    problem(Api(cast.alice).post(f"{path}/roll-back", {"version": 9}), 404)


def test_history_needs_the_manager_role(cast: Cast) -> None:
    path = f"/documents/{cast.paper.pk}"
    same_problem(
        Api(cast.charlie).get(f"{path}/versions"),
        Api(cast.charlie).get(f"/documents/{uuid.uuid4()}/versions"),
        404,
    )
    factories.grant(cast.papers, team=cast.red, role=Role.CONTRIBUTOR)
    problem(Api(cast.charlie).get(f"{path}/versions"), 403)
    problem(Api(cast.charlie).post(f"{path}/roll-back", {"version": 1}), 403)


def test_move(cast: Cast) -> None:
    archive = factories.collection("Archive", owner=cast.blue)
    factories.grant(archive, team=cast.red)
    path, body = f"/documents/{cast.paper.pk}/move", {"collection": "archive"}
    assert "Red" in problem(Api(cast.alice, "write").post(path, body), 409)["detail"]
    moved = ok(Api(cast.alice, "write").post(path, body | {"allow_wider": True}))
    assert moved["collection_slug"] == "archive"
    problem(Api(cast.alice).post(path, body), 422)


def test_moves_need_both_collections(cast: Cast) -> None:
    factories.collection("Redprints", owner=cast.red)
    path, body = f"/documents/{cast.paper.pk}/move", {"collection": "redprints"}
    same_problem(Api(cast.alice).post(path, body), Api(cast.alice).post(path, {"collection": "nowhere"}), 404)
    problem(Api(cast.charlie).post(path, body), 404)
    factories.grant(cast.papers, team=cast.red, role=Role.READER)
    problem(Api(cast.charlie).post(path, body), 403)
    problem(Api(cast.alice, "read").post(path, body), 403)


def test_deleted_documents_are_listed_and_restored(cast: Cast) -> None:
    path = f"/documents/{cast.paper.pk}/restore"
    problem(Api(cast.alice).post(path), 404)
    delete_document(user=cast.alice, document=cast.paper)
    page = ok(Api(cast.bob, "read").get("/collections/blueprints/deleted"))
    assert [one["name"] for one in page["items"]] == ["warranty.txt"]
    assert page["items"][0]["erased_after"] > page["items"][0]["deleted_at"]
    assert ok(Api(cast.bob, "write").post(path), 202)["state"]["state"] == "queued"


def test_others_restore_nothing(cast: Cast) -> None:
    delete_document(user=cast.alice, document=cast.paper)
    path = f"/documents/{cast.paper.pk}/restore"
    for person in (cast.charlie, factories.user(is_admin=True)):
        same_problem(Api(person).post(path), Api(person).post(f"/documents/{uuid.uuid4()}/restore"), 404)
        same_problem(
            Api(person).get("/collections/blueprints/deleted"),
            Api(person).get("/collections/nowhere/deleted"),
            404,
        )
    factories.grant(cast.papers, team=cast.red, role=Role.READER)
    problem(Api(cast.charlie).get("/collections/blueprints/deleted"), 403)
    problem(Api(cast.charlie).post(path), 404)
