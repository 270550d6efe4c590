from pathlib import Path
from typing import Any

import pytest

from ingestion import pipeline, sources
from ingestion.models import Source
from tests.api.client import Api, ok, problem, same_problem
from tests.factories import Cast

# The heartbeat has a connection of its own, so what a sync works on must be committed.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def source(cast: Cast, tmp_path: Path, settings: Any) -> Source:
    (tmp_path / "rules.txt").write_text("Be kind.")
    (tmp_path / "empty.txt").write_text("")
    settings.SOURCE_FOLDERS = [tmp_path]
    return sources.add_source(
        user=cast.alice,
        collection=cast.papers,
        kind="folder",
        name="Share",
        configuration={"path": str(tmp_path)},
    )


def test_list_sync_and_runs(cast: Cast, source: Source) -> None:
    api = Api(cast.alice)
    listed = ok(api.get("/sources"))
    assert [(one["name"], one["state"], one["last_run"]) for one in listed["items"]] == [
        ("Share", "Waiting", None)
    ]
    assert pipeline.work_on_next()
    shown = ok(api.get(f"/sources/{source.pk}"))
    assert (shown["state"], shown["last_run"]["new"], shown["last_run"]["failed"]) == ("Partly done", 1, 1)
    assert ok(api.get(f"/sources/{source.pk}/runs"))["count"] == 1
    failed = ok(api.get(f"/sources/{source.pk}/failed-items"))["items"]
    assert failed[0]["path"] == "empty.txt"
    assert "is empty" in failed[0]["message"]
    assert ok(api.post(f"/sources/{source.pk}/sync"), 202)["is_open"]


def test_nothing_of_the_configuration_is_told(cast: Cast, source: Source, tmp_path: Path) -> None:
    Source.objects.update(secret="gAAAA")
    body = Api(cast.alice).get(f"/sources/{source.pk}").content.decode()
    assert "gAAAA" not in body
    assert str(tmp_path) not in body


def test_outsiders(cast: Cast, source: Source) -> None:
    api, missing = Api(cast.charlie), "00000000-0000-4000-8000-000000000000"
    assert ok(api.get("/sources"))["count"] == 0
    for path in ("", "/runs", "/failed-items"):
        same_problem(api.get(f"/sources/{source.pk}{path}"), api.get(f"/sources/{missing}{path}"), 404)
    same_problem(api.post(f"/sources/{source.pk}/sync"), api.post(f"/sources/{missing}/sync"), 404)


def test_scopes(cast: Cast, source: Source) -> None:
    problem(Api(cast.alice, "read").post(f"/sources/{source.pk}/sync"), 403)
