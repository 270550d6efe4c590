import asyncio
import typing
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.test import AsyncClient
from pytest_django import DjangoAssertNumQueries, Settings

from ingestion.models import IngestionJob
from retrieval.models import Document, Role
from tests import factories
from tests.api.client import BASE, Api, assert_hides, ok, problem, same_problem
from tests.factories import RETURNS, WARRANTY, Cast

if TYPE_CHECKING:
    from django.http import StreamingHttpResponse
    from django.test.client import _MonkeyPatchedWSGIResponse as Response


def test_list(cast: Cast) -> None:
    factories.waiting_document(cast.papers, name="a.txt")
    page = ok(Api(cast.bob, "read").get("/collections/blueprints/documents"))
    assert [one["name"] for one in page["items"]] == ["a.txt", "warranty.txt"]
    waiting, indexed = page["items"]
    assert (waiting["state"]["state"], waiting["state"]["is_final"], waiting["version"]) == (
        "queued",
        False,
        None,
    )
    assert (indexed["state"]["state"], indexed["version"]["number"]) == ("indexed", 1)


def test_list_takes_as_many_queries_for_many_as_for_one(
    cast: Cast, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(10):
        factories.document(cast.papers)
    api = Api(cast.bob)
    with django_assert_max_num_queries(8):
        assert ok(api.get("/collections/blueprints/documents"))["count"] == 11


def test_read_one(cast: Cast) -> None:
    shown = ok(Api(cast.bob, "read").get(f"/documents/{cast.paper.pk}"))
    assert (shown["title"], shown["collection_slug"]) == ("Warranty terms", "blueprints")


def test_text(cast: Cast) -> None:
    shown = ok(Api(cast.bob, "read").get(f"/documents/{cast.paper.pk}/text"))
    assert [shown["text"][page["start"] : page["end"]] for page in shown["pages"]] == [WARRANTY, RETURNS]


def test_text_that_is_not_there_yet(cast: Cast) -> None:
    waiting = factories.waiting_document(cast.papers)
    for person in (cast.alice, cast.bob):
        problem(Api(person).get(f"/documents/{waiting.pk}/text"), 409)


def test_upload(cast: Cast) -> None:
    shown = ok(Api(cast.alice, "write").upload("blueprints", "leave.txt", b"Leave is 30 days."), 201)
    assert shown["outcome"] == "created"
    assert shown["document"]["state"]["state"] == "queued"
    job = IngestionJob.objects.get(version__document=shown["document"]["id"])
    assert job.document_version.created_by == cast.alice


def test_upload_again(cast: Cast) -> None:
    api = Api(cast.alice)
    first = ok(api.upload("blueprints", "leave.txt", b"Leave is 30 days."), 201)
    assert ok(api.upload("blueprints", "leave.txt", b"Leave is 30 days."))["outcome"] == "unchanged"
    third = ok(api.upload("blueprints", "leave.txt", b"Leave is 31 days."))
    assert third["outcome"] == "replaced"
    assert third["document"]["id"] == first["document"]["id"]


def test_upload_narrowed(cast: Cast) -> None:
    factories.grant(cast.papers, team=cast.red)
    made = ok(Api(cast.alice).upload("blueprints", teams=["blue"]), 201)["document"]
    assert made["is_narrowed"]
    problem(Api(cast.charlie).get(f"/documents/{made['id']}"), 404)
    ok(Api(cast.bob).get(f"/documents/{made['id']}"))


def test_upload_narrowed_to_a_team_one_is_not_in(cast: Cast) -> None:
    problem(Api(cast.alice).upload("blueprints", teams=["red"]), 422)
    assert Document.objects.count() == 1


def test_readers_do_not_upload(cast: Cast) -> None:
    factories.grant(cast.papers, team=cast.red)
    problem(Api(cast.charlie).upload("blueprints"), 403)
    assert Document.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [("empty.txt", b""), ("program.exe", b"MZ\x90" + bytes(100)), ("x" * 220 + ".txt", b"text")],
)
def test_files_that_cannot_be_used(cast: Cast, name: str, content: bytes) -> None:
    shown = problem(Api(cast.alice).upload("blueprints", name, content), 422)
    assert len(shown["detail"]) > 20
    assert Document.objects.count() == 1


def test_a_file_over_the_limit(cast: Cast, settings: Settings) -> None:
    settings.MAX_UPLOAD_MB = 1
    content = b"word " * (220 * 1024)
    assert "1 MB" in problem(Api(cast.alice).upload("blueprints", "big.txt", content), 413)["detail"]
    assert Document.objects.count() == 1


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.txt", "..\\..\\passwd.txt", "pass\u202ewd.txt", "passwd.txt\x00.exe"]
)
def test_names_with_tricks(cast: Cast, name: str) -> None:
    response = Api(cast.alice).upload("blueprints", name)
    kept = ok(response, 201)["document"]["name"] if response.status_code == 201 else ""
    assert not set("/\\\u202e\x00") & set(kept)


def test_no_file(cast: Cast) -> None:
    response = Api(cast.alice).post("/collections/blueprints/documents")
    assert "file" in problem(response, 422)["detail"]


def test_delete(cast: Cast) -> None:
    ok(Api(cast.alice, "write").delete(f"/documents/{cast.paper.pk}"), 204)
    problem(Api(cast.alice).get(f"/documents/{cast.paper.pk}"), 404)
    assert ok(Api(cast.alice).get("/collections/blueprints/documents"))["count"] == 0


def test_readers_do_not_delete_or_retry(cast: Cast) -> None:
    factories.grant(cast.papers, team=cast.red)
    failed = factories.failed_document(cast.papers)
    problem(Api(cast.charlie).delete(f"/documents/{failed.pk}"), 403)
    problem(Api(cast.charlie).post(f"/documents/{failed.pk}/retry"), 403)
    assert Document.objects.filter(deleted_at__isnull=True).count() == 2


def test_retry(cast: Cast) -> None:
    failed = factories.failed_document(cast.papers)
    shown = ok(Api(cast.alice, "read").get(f"/documents/{failed.pk}"))
    assert (shown["state"]["state"], shown["state"]["can_retry"]) == ("failed", True)
    shown = ok(Api(cast.alice, "write").post(f"/documents/{failed.pk}/retry"), 202)
    assert shown["state"]["state"] == "queued"


def test_retry_what_was_read(cast: Cast) -> None:
    problem(Api(cast.alice).post(f"/documents/{cast.paper.pk}/retry"), 409)


def test_hidden_is_like_missing(cast: Cast) -> None:
    narrowed = factories.document(cast.papers, title="Hidden title", narrowed_to=[cast.blue])
    factories.grant(cast.papers, team=cast.red, role=Role.MANAGER)
    api = Api(cast.charlie)
    acts: list[Callable[[object], Response]] = [
        lambda pk: api.get(f"/documents/{pk}"),
        lambda pk: api.get(f"/documents/{pk}/text"),
        lambda pk: api.get(f"/documents/{pk}/file"),
        lambda pk: api.delete(f"/documents/{pk}"),
        lambda pk: api.post(f"/documents/{pk}/retry"),
    ]
    for act in acts:
        same_problem(act(narrowed.pk), act(uuid.uuid4()), 404)
    assert_hides(api.get("/collections/blueprints/documents"), ["hidden title"])
    assert not Document.objects.filter(deleted_at__isnull=False).exists()


def test_an_outsider_sees_no_document(cast: Cast) -> None:
    same_problem(
        Api(cast.charlie).get(f"/documents/{cast.paper.pk}"),
        Api(cast.charlie).get(f"/documents/{uuid.uuid4()}"),
        404,
    )


async def _download(secret: str, path: str) -> tuple[Any, bytes]:
    response = await AsyncClient().get(BASE + path, headers={"Authorization": f"Bearer {secret}"})
    return response, b"".join([piece async for piece in typing.cast("StreamingHttpResponse", response)])


@pytest.mark.django_db(transaction=True)
def test_file() -> None:
    cast, content = factories.cast(), b"Leave is 30 days.\n" * 10_000
    made = ok(Api(cast.alice).upload("blueprints", "Urlaub für alle.txt", content), 201)["document"]
    response, body = asyncio.run(_download(factories.token(cast.alice)[1], f"/documents/{made['id']}/file"))
    assert body == content
    assert response["Content-Length"] == str(len(content))
    assert response["Content-Disposition"] == "attachment; filename*=UTF-8''Urlaub%20f%C3%BCr%20alle.txt"
    assert response["X-Content-Type-Options"] == "nosniff"


def test_earlier_versions_are_for_managers(cast: Cast) -> None:
    factories.grant(cast.papers, team=cast.red)
    for number in (7, 10**30):
        problem(Api(cast.alice).get(f"/documents/{cast.paper.pk}/text", version=number), 404)
    newer = factories.waiting_document(cast.papers).versions.get()
    newer.document, newer.number = cast.paper, 2
    newer.save()
    problem(Api(cast.alice).get(f"/documents/{cast.paper.pk}/text", version=2), 409)
    problem(Api(cast.charlie).get(f"/documents/{cast.paper.pk}/text", version=2), 404)
    ok(Api(cast.charlie).get(f"/documents/{cast.paper.pk}/text"))


def test_author_and_tags(cast: Cast) -> None:
    address = f"/documents/{cast.paper.pk}"
    shown = ok(Api(cast.alice).patch(address, {"author": "Jane Smith; Bo Ek", "tags": ["New", "a, b"]}))
    assert (shown["author"], shown["tags"]) == ("Jane Smith; Bo Ek", ["a", "b", "new"])
    assert ok(Api(cast.alice).patch(address, {"tags": []}))["tags"] == []
    assert ok(Api(cast.bob, "read").get(address))["author"] == "Jane Smith; Bo Ek"


def test_author_and_tags_are_changed_together_or_not_at_all(cast: Cast) -> None:
    address = f"/documents/{cast.paper.pk}"
    problem(Api(cast.alice).patch(address, {"author": "Jane Smith", "tags": ["x" * 41]}), 422)
    assert ok(Api(cast.alice).get(address))["author"] == ""


def test_who_may_change_author_and_tags(cast: Cast) -> None:
    person, address = factories.user(), f"/documents/{cast.paper.pk}"
    grant = factories.grant(cast.papers, team=factories.team(members=[person]), role=Role.CONTRIBUTOR)
    assert ok(Api(person).patch(address, {"tags": ["a"]}))["tags"] == ["a"]
    problem(Api(person).patch(address, {"author": "Me"}), 403)
    problem(Api(cast.alice, "read").patch(address, {"tags": []}), 403)
    grant.role = Role.READER
    grant.save()
    problem(Api(person).patch(address, {"tags": []}), 403)
    missing = Api(cast.charlie).patch(f"/documents/{uuid.uuid4()}", {"tags": []})
    same_problem(Api(cast.charlie).patch(address, {"tags": []}), missing, 404)


def test_upload_with_tags_and_list_by_tag(cast: Cast) -> None:
    api = Api(cast.alice)
    made = ok(api.upload("blueprints", tags=["Leave", "2024"]), 201)["document"]
    assert made["tags"] == ["2024", "leave"]
    again = ok(api.upload("blueprints", tags=["new"]), 200)
    assert (again["outcome"], again["document"]["tags"]) == ("unchanged", ["2024", "leave", "new"])
    names = [one["name"] for one in ok(api.get("/collections/blueprints/documents", tag="LEAVE"))["items"]]
    assert names == ["note.txt"]
    assert ok(api.get("/collections/blueprints/documents", tag="x"))["count"] == 0
