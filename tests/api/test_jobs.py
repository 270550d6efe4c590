"""The ledger over REST: what one looks after, and what can be done about it."""

import uuid

import pytest

from ingestion.models import IngestionJob
from retrieval.models import Document, Role
from tests import factories
from tests.api.client import Api, ok, problem, same_problem
from tests.factories import Cast


def test_jobs_with_counts_that_add_up(cast: Cast) -> None:
    factories.failed_document(cast.papers, name="locked.pdf")
    factories.waiting_document(cast.papers)
    page = ok(Api(cast.alice, "read").get("/jobs"))
    assert page["count"] == sum(page["counts"].values()) == 3
    assert [one["state"]["state"] for one in page["items"]] == ["queued", "failed", "indexed"]
    assert page["items"][0]["state"]["place"] == 1
    assert (page["workers"], page["ready_in"]) == (0, None)


def test_jobs_by_state_and_collection(cast: Cast) -> None:
    factories.failed_document(factories.collection("Other", owner=cast.blue), name="locked.pdf")
    api = Api(cast.alice)
    assert [one["name"] for one in ok(api.get("/jobs", state="failed"))["items"]] == ["locked.pdf"]
    assert ok(api.get("/jobs", state="failed", collection="blueprints"))["count"] == 0
    problem(api.get("/jobs", state="odd"), 422)


def test_jobs_of_others_do_not_exist(cast: Cast) -> None:
    for person in (cast.charlie, factories.user(is_admin=True)):
        assert ok(Api(person).get("/jobs"))["count"] == 0
        same_problem(
            Api(person).get("/jobs", collection="blueprints"),
            Api(person).get("/jobs", collection="nowhere"),
            404,
        )
    factories.grant(cast.papers, team=cast.red, role=Role.READER)
    assert ok(Api(cast.charlie).get("/jobs"))["count"] == 0
    problem(Api(cast.charlie).get("/jobs", collection="blueprints"), 403)


def test_cancel_and_retry_all(cast: Cast) -> None:
    waiting = factories.waiting_document(cast.papers)
    factories.failed_document(cast.papers)
    api = Api(cast.alice, "write")
    assert ok(api.post(f"/documents/{waiting.pk}/cancel"), 202)["state"]["state"] == "cancelled"
    assert ok(api.post("/collections/blueprints/retry-failed"), 202) == {"retried": 1}
    assert IngestionJob.objects.filter(state="queued").count() == 1


def test_reprocess(cast: Cast) -> None:
    api = Api(cast.alice, "write")
    shown = ok(api.post(f"/documents/{cast.paper.pk}/reprocess"), 202)
    assert shown["state"]["state"] == "queued"
    assert shown["version"]["number"] == 1, "what was read before serves"
    problem(api.post(f"/documents/{cast.paper.pk}/reprocess"), 409)


@pytest.mark.parametrize("action", ["cancel", "reprocess"])
def test_actions_need_role_and_scope(cast: Cast, action: str) -> None:
    path = f"/documents/{cast.paper.pk}/{action}"
    problem(Api(cast.alice, "read").post(path), 403)
    same_problem(
        Api(cast.charlie).post(path), Api(cast.charlie).post(f"/documents/{uuid.uuid4()}/{action}"), 404
    )
    factories.grant(cast.papers, team=cast.red, role=Role.READER)
    problem(Api(cast.charlie).post(path), 403)
    problem(Api(cast.charlie).post("/collections/blueprints/retry-failed"), 403)
    assert Document.objects.get().versions.get().jobs.get().state == "indexed"
