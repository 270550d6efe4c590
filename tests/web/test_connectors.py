from pathlib import Path
from typing import Any

import pytest

from ingestion import pipeline, sources
from ingestion.models import IngestionJob, Source
from retrieval.models import Document, Role
from tests import factories
from tests.factories import Cast
from tests.web.browser import Reader, text

# The heartbeat has a connection of its own, so what a sync works on must be committed.
pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "swordfish-7"


@pytest.fixture
def shared(tmp_path: Path, settings: Any) -> Path:
    (tmp_path / "rules.txt").write_text("Be kind.")
    (tmp_path / "empty.txt").write_text("")
    settings.SOURCE_FOLDERS = [tmp_path]
    return tmp_path


def form(folder: Path, **more: str) -> dict[str, str]:
    given = {"name": "Share", "collection": "blueprints", "field-path": str(folder), "every": "60"}
    return given | more


def add(cast: Cast, shared: Path) -> Source:
    Reader(cast.alice).post("/manage/connectors/add/folder", form(shared))
    return Source.objects.get()


def test_adding_and_syncing(cast: Cast, shared: Path) -> None:
    reader = Reader(cast.alice)
    assert "Folder on the server" in text(reader.get("/manage/connectors"))
    page = text(reader.post("/manage/connectors/add/folder", form(shared), follow=True))
    assert "first sync is queued" in page
    assert "Waiting" in page
    assert pipeline.work_on_next()
    source = Source.objects.get()
    page = text(reader.get(f"/manage/connectors/{source.pk}"))
    assert "Partly done" in page
    assert "empty.txt" in page
    assert "is empty" in page
    assert "1 new" in text(reader.get("/manage/connectors"))
    IngestionJob.objects.filter(version__isnull=False).delete()
    assert "queued" in text(reader.post(f"/manage/connectors/{source.pk}/sync", follow=True))
    assert source.jobs.filter(state="queued").count() == 1


def test_outsiders_and_contributors_find_nothing(cast: Cast, shared: Path) -> None:
    source = add(cast, shared)
    factories.grant(cast.papers, team=cast.red, role=Role.CONTRIBUTOR)
    outsider = Reader(cast.charlie)
    assert "Share" not in text(outsider.get("/manage/connectors"))
    assert outsider.get(f"/manage/connectors/{source.pk}").status_code == 404
    assert outsider.post(f"/manage/connectors/{source.pk}/delete", {"documents": "delete"}).status_code == 404
    assert Source.objects.exists()
    assert outsider.post("/manage/connectors/add/folder", form(shared, name="Mine")).status_code == 403
    assert outsider.get("/manage/connectors/add/nothing").status_code == 404


def test_mistakes_are_explained_and_what_was_typed_is_kept(cast: Cast, shared: Path) -> None:
    page = text(Reader(cast.alice).post("/manage/connectors/add/folder", form(Path("/etc"))), 400)
    assert "SOURCE_FOLDERS" in page
    assert 'value="/etc"' in page


def test_a_secret_is_never_shown(cast: Cast) -> None:
    reader = Reader(cast.alice)
    filled = {"name": "Mail", "collection": "blueprints", "every": "1440", "secret": SECRET}
    filled |= {"field-host": "mail.invalid", "field-username": "team", "field-security": "tls"}
    pages = [text(reader.post("/manage/connectors/add/imap", filled | {"field-host": ""}), 400)]
    pages.append(text(reader.post("/manage/connectors/add/imap", filled, follow=True)))
    source = Source.objects.get()
    assert pipeline.work_on_next()
    pages += [
        text(reader.get(f"/manage/connectors/{source.pk}{end}")) for end in ("", "/settings", "/delete")
    ]
    assert "Kept encrypted" in pages[2]
    for page in pages:
        assert SECRET not in page
        assert source.secret not in page


def test_settings_keep_the_secret_unless_it_would_go_elsewhere(cast: Cast) -> None:
    source = sources.add_source(
        user=cast.alice,
        collection=cast.papers,
        kind="imap",
        name="Mail",
        configuration={"host": "mail.example.com", "username": "team"},
        secret=SECRET,
    )
    kept, reader = source.secret, Reader(cast.alice)
    filled = {"name": "Post", "every": "0", "secret": "", "field-host": "mail.example.com"}
    filled |= {"field-username": "team", "field-security": "tls", "field-port": "993"}
    assert "were saved" in text(reader.post(f"/manage/connectors/{source.pk}/settings", filled, follow=True))
    source.refresh_from_db()
    assert (source.name, source.every_minutes, source.next_run_at, source.secret) == ("Post", 0, None, kept)
    page = text(
        reader.post(f"/manage/connectors/{source.pk}/settings", filled | {"field-host": "x.example.com"}), 400
    )
    assert "Type its password again" in page


def test_pausing_cancelling_and_deleting(cast: Cast, shared: Path) -> None:
    source, reader = add(cast, shared), Reader(cast.alice)
    address = f"/manage/connectors/{source.pk}"
    assert "is paused" in text(reader.post(f"{address}/pause", {"on": "no"}, follow=True))
    assert "Paused" in text(reader.get("/manage/connectors"))
    assert "goes on" in text(reader.post(f"{address}/pause", {"on": "yes"}, follow=True))
    assert "was cancelled" in text(reader.post(f"{address}/cancel", follow=True))
    assert source.jobs.get().state == "cancelled"
    assert "Choose what happens" in text(reader.post(f"{address}/delete"), 400)
    reader.post(f"{address}/sync")
    assert pipeline.work_on_next()
    assert Document.objects.filter(name="rules.txt", deleted_at__isnull=True).exists()
    assert "was deleted" in text(reader.post(f"{address}/delete", {"documents": "delete"}, follow=True))
    assert not Document.objects.filter(name="rules.txt", deleted_at__isnull=True).exists()


def test_hostile_names_are_only_text(cast: Cast, shared: Path) -> None:
    source = add(cast, shared)
    (shared / "<script>alert(1)<").mkdir()
    (shared / "<script>alert(1)<" / "x.txt").write_text("")
    assert pipeline.work_on_next()
    assert "&lt;script&gt;alert(1)" in text(Reader(cast.alice).get(f"/manage/connectors/{source.pk}"))
