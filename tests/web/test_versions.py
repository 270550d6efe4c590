"""Pages of the history: versions, moves, what was deleted; for whom they are, and for whom not."""

import pytest

from ingestion.documents import delete_document
from retrieval.models import Collection, Document, DocumentVersion, Role
from tests import factories
from tests.factories import Cast
from tests.web.browser import Reader, text


@pytest.fixture
def archive(cast: Cast) -> Collection:
    return factories.collection("Archive", owner=cast.blue)


def add_version(document: Document) -> None:
    DocumentVersion.objects.create(
        document=document, number=2, sha256="1" * 64, size=20, media_type="text/plain"
    )


def delete(cast: Cast) -> None:
    delete_document(user=cast.alice, document=cast.paper)


def test_managers_see_the_history_and_bring_a_version_back(cast: Cast) -> None:
    add_version(cast.paper)
    path = f"/documents/{cast.paper.pk}"
    assert "2 versions" in text(Reader(cast.alice).get(path))
    page = text(Reader(cast.alice).get(f"{path}/versions"))
    assert page.count("Bring back") == 1
    assert "Searched" in page
    told = Reader(cast.alice).post(f"{path}/roll-back", {"version": "1"}, follow=True)
    assert "Version 1 comes back as version 3" in text(told)
    assert "Brings back version 1" in text(told)


def test_the_history_is_for_managers(cast: Cast) -> None:
    add_version(cast.paper)
    factories.grant(cast.papers, team=cast.red, role=Role.CONTRIBUTOR)
    reader, path = Reader(cast.charlie), f"/documents/{cast.paper.pk}"
    assert reader.get(f"{path}/versions").status_code == 403
    assert reader.post(f"{path}/roll-back", {"version": "1"}).status_code == 403
    assert cast.paper.versions.count() == 2


def test_odd_numbers_bring_nothing_back(cast: Cast) -> None:
    for number in ("", "0", "9", "x", "٣", "9" * 30):
        response = Reader(cast.alice).post(f"/documents/{cast.paper.pk}/roll-back", {"version": number})
        assert response.status_code == 404, number


def test_a_document_moves(cast: Cast, archive: Collection) -> None:
    path = f"/documents/{cast.paper.pk}/move"
    page = text(Reader(cast.alice).get(path))
    assert "Archive" in page
    assert '<option value="blueprints">' not in page
    told = Reader(cast.alice).post(path, {"collection": "archive"}, follow=True)
    assert "is in “Archive” now" in text(told)
    assert Document.objects.get().collection == archive


def test_more_people_is_asked_first(cast: Cast, archive: Collection) -> None:
    factories.grant(archive, team=cast.red)
    path = f"/documents/{cast.paper.pk}/move"
    asked = text(Reader(cast.alice).post(path, {"collection": "archive"}))
    assert "More people would see" in asked
    assert "Red" in asked
    assert Document.objects.get().collection == cast.papers
    Reader(cast.alice).post(path, {"collection": "archive", "wider": "yes"})
    assert Document.objects.get().collection == archive


def test_a_hidden_collection_is_no_target(cast: Cast) -> None:
    factories.collection("Redprints", owner=cast.red)
    path = f"/documents/{cast.paper.pk}/move"
    assert "Redprints" not in text(Reader(cast.alice).get(path))
    assert Reader(cast.alice).post(path, {"collection": "redprints"}).status_code == 404
    assert Reader(cast.alice).post(path, {"collection": "nowhere"}).status_code == 404


def test_readers_do_not_move(cast: Cast) -> None:
    factories.collection("Redprints", owner=cast.red)
    factories.grant(cast.papers, team=cast.red, role=Role.READER)
    path = f"/documents/{cast.paper.pk}/move"
    assert Reader(cast.charlie).get(path).status_code == 403
    assert Reader(cast.charlie).post(path, {"collection": "redprints"}).status_code == 403


def test_what_was_deleted_is_listed_and_comes_back(cast: Cast) -> None:
    delete(cast)
    assert "Deleted (1)" in text(Reader(cast.bob).get("/collections/blueprints"))
    page = text(Reader(cast.bob).get("/collections/blueprints/deleted"))
    assert "warranty.txt" in page
    assert "Alice" in page
    told = Reader(cast.bob).post(f"/documents/{cast.paper.pk}/restore", follow=True)
    assert "“warranty.txt” is back" in text(told)
    assert "Nothing to restore" in text(Reader(cast.bob).get("/collections/blueprints/deleted"))


def test_readers_and_outsiders_do_not_see_what_was_deleted(cast: Cast) -> None:
    delete(cast)
    reader = Reader(cast.charlie)
    assert reader.get("/collections/blueprints/deleted").status_code == 404
    assert reader.post(f"/documents/{cast.paper.pk}/restore").status_code == 404
    factories.grant(cast.papers, team=cast.red, role=Role.READER)
    assert reader.get("/collections/blueprints/deleted").status_code == 403
    assert reader.post(f"/documents/{cast.paper.pk}/restore").status_code == 404
    assert "Deleted" not in text(reader.get("/collections/blueprints"))


def test_nothing_of_a_deleted_document_opens(cast: Cast) -> None:
    delete(cast)
    path = f"/documents/{cast.paper.pk}"
    for address in (path, f"{path}?version=1", f"{path}/file", f"{path}/pages/1.webp", f"{path}/versions"):
        assert Reader(cast.alice).get(address).status_code == 404, address
    for address in ("move", "roll-back", "reprocess", "retry", "cancel", "narrow"):
        assert Reader(cast.alice).post(f"{path}/{address}").status_code == 404, address
