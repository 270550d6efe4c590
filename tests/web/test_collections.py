import pytest

from ingestion.models import IngestionJob
from retrieval.models import Collection, Document
from tests import factories
from tests.factories import Cast
from tests.web.browser import Reader, bare, text


def test_list_counts_what_is_visible(cast: Cast) -> None:
    factories.grant(cast.papers, team=cast.red)
    factories.document(cast.papers, narrowed_to=[cast.blue])
    assert "2 documents" in text(Reader(cast.bob).get("/collections"))
    assert "1 document" in text(Reader(cast.charlie).get("/collections"))


def test_list_hides_from_outsiders(cast: Cast) -> None:
    assert "Blueprints" not in text(Reader(cast.charlie).get("/collections"))


def test_managers_create(cast: Cast) -> None:
    response = Reader(cast.alice).post("/collections", {"title": "Plans", "team": "blue"}, follow=True)
    assert "Only Blue sees it" in text(response)
    assert Reader(cast.charlie).get("/collections/plans").status_code == 404


def test_members_do_not_create(cast: Cast) -> None:
    assert "Create a collection" not in text(Reader(cast.bob).get("/collections"))
    text(Reader(cast.bob).post("/collections", {"title": "Plans", "team": "blue"}), 400)
    assert Collection.objects.count() == 1


def test_a_bad_title_is_explained_and_the_rest_kept(cast: Cast) -> None:
    typed = {"title": " ", "description": "Kept words", "team": "blue"}
    page = text(Reader(cast.alice).post("/collections", typed), 400)
    assert "needs a title" in page
    assert "Kept words" in page


def test_documents_with_their_state(cast: Cast) -> None:
    factories.failed_document(cast.papers, name="locked.pdf")
    page = text(Reader(cast.alice).get("/collections/blueprints"))
    assert "Indexed" in page
    assert "The file is encrypted." in page
    assert "/retry" in page


def test_readers_get_no_buttons(cast: Cast) -> None:
    factories.grant(cast.papers, team=cast.red)
    factories.failed_document(cast.papers)
    page = text(Reader(cast.charlie).get("/collections/blueprints"))
    for button in ("Upload", "Delete", "Retry", "Settings"):
        assert button not in page


@pytest.mark.parametrize("more", ["", "/rows", "/settings", "/delete"])
def test_outsiders_cannot_tell_hidden_from_missing(cast: Cast, more: str) -> None:
    outsider = Reader(cast.charlie, headers={"X-Request-ID": "the-same-one"})
    hidden, missing = (outsider.get(f"/collections/{slug}{more}") for slug in ("blueprints", "no-such"))
    assert hidden.status_code == missing.status_code == 404
    assert bare(hidden) == bare(missing)


def test_sorting_and_pages(cast: Cast) -> None:
    for number in range(60):
        factories.document(cast.papers, name=f"a{number:02}.txt", passages=["x"])
    first = text(Reader(cast.bob).get("/collections/blueprints"))
    assert first.index("a00.txt") < first.index("a01.txt")
    assert "warranty.txt" not in first
    last = text(Reader(cast.bob).get("/collections/blueprints?sort=-name"))
    assert last.index("warranty.txt") < last.index("a59.txt")
    assert "warranty.txt" in text(Reader(cast.bob).get("/collections/blueprints?page=2"))


def test_rows_poll_only_while_something_happens(cast: Cast) -> None:
    assert "hx-trigger" not in text(Reader(cast.bob).get("/collections/blueprints/rows"))
    waiting = factories.waiting_document(cast.papers)
    page = text(Reader(cast.bob).get("/collections/blueprints/rows"))
    assert 'hx-trigger="every 2s"' in page
    assert f'id="state-{waiting.pk}" hx-swap-oob="true"' in page


def test_upload_by_a_plain_form(cast: Cast) -> None:
    files = [factories.upload("one.txt"), factories.upload("empty.txt", b"")]
    page = text(Reader(cast.alice).post("/collections/blueprints/upload", {"files": files}, follow=True))
    assert "“one.txt” is uploaded" in page
    assert "“empty.txt” is empty" in page
    assert IngestionJob.objects.filter(state="queued").count() == 1


def test_upload_by_script(cast: Cast) -> None:
    reader = Reader(cast.alice, headers={"Accept": "application/json"})
    good = reader.post("/collections/blueprints/upload", {"files": factories.upload("one.txt")})
    assert good.json() == {"ok": True, "message": "“one.txt” is uploaded and waits to be read."}
    bad = reader.post(
        "/collections/blueprints/upload", {"files": factories.upload("film.mp4", bytes(range(256)))}
    )
    assert bad.status_code == 400
    assert "cannot be read" in bad.json()["message"]
    assert reader.post("/collections/blueprints/upload").status_code == 400


def test_names_with_tricks_are_cleaned(cast: Cast) -> None:
    sent = factories.upload("../../etc/pass\u202etxt.exe.txt")
    Reader(cast.alice).post("/collections/blueprints/upload", {"files": sent})
    name = Document.objects.exclude(pk=cast.paper.pk).get().name
    assert "/" not in name
    assert "\u202e" not in name


def test_upload_needs_the_contributor_role(cast: Cast) -> None:
    factories.grant(cast.papers, team=cast.red)
    response = Reader(cast.charlie).post("/collections/blueprints/upload", {"files": factories.upload()})
    assert "contributor role" in text(response, 403)
    assert Document.objects.count() == 1


def test_bulk_delete_asks_first(cast: Cast) -> None:
    other = factories.document(cast.papers, name="other.txt")
    reader, path = Reader(cast.alice), "/collections/blueprints/delete-documents"
    chosen = {"document": [str(cast.paper.pk), str(other.pk), "nonsense"]}
    assert "Delete 2 documents?" in text(reader.post(path, chosen))
    assert Document.objects.filter(deleted_at=None).count() == 2
    text(reader.post(path, chosen | {"confirmed": "yes"}, follow=True))
    assert not Document.objects.filter(deleted_at=None).exists()


def test_bulk_delete_reaches_only_this_collection(cast: Cast) -> None:
    elsewhere = factories.document(factories.collection("Reds", owner=cast.red))
    chosen = {"document": [str(elsewhere.pk)], "confirmed": "yes"}
    Reader(cast.alice).post("/collections/blueprints/delete-documents", chosen)
    elsewhere.refresh_from_db()
    assert elsewhere.deleted_at is None


def test_grants_open_and_close(cast: Cast) -> None:
    reader, path = Reader(cast.alice), "/collections/blueprints/settings"
    reader.post(path, {"form": "grant", "team": "red", "role": "reader"})
    assert "Blueprints" in text(Reader(cast.charlie).get("/collections/blueprints"))
    reader.post(path, {"form": "grant", "team": "Red", "role": ""})
    assert Reader(cast.charlie).get("/collections/blueprints").status_code == 404


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"form": "grant", "team": "Nobody", "role": "reader"}, "There is no team named"),
        ({"form": "grant", "team": "everyone", "role": "manager"}, "reader role only"),
        ({"form": "grant", "team": "Red", "role": "emperor"}, "Choose what they may do"),
        ({"form": "describe", "title": ""}, "needs a title"),
    ],
)
def test_settings_explain_what_is_wrong(cast: Cast, typed: dict[str, str], told: str) -> None:
    assert told in text(Reader(cast.alice).post("/collections/blueprints/settings", typed), 400)


def test_members_do_not_reach_settings(cast: Cast) -> None:
    factories.grant(cast.papers, team=cast.red)
    for path in ("settings", "delete"):
        assert Reader(cast.charlie).get(f"/collections/blueprints/{path}").status_code == 403


def test_delete_needs_the_title_typed(cast: Cast) -> None:
    reader = Reader(cast.alice)
    assert "Type the title" in text(reader.post("/collections/blueprints/delete", {"title": "blue"}), 400)
    reader.post("/collections/blueprints/delete", {"title": "Blueprints"})
    assert not Collection.objects.exists()
