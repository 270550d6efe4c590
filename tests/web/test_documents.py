import io
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from ingestion.documents import add_document
from retrieval.models import Document
from tests import factories
from tests.factories import Cast
from tests.web.browser import Reader, bare, text


def test_text_is_shown_with_the_passage_marked(cast: Cast) -> None:
    page = text(Reader(cast.bob).get(f"/documents/{cast.paper.pk}?start=24&end=32"))
    assert '<mark id="passage">warranty</mark>' in page
    assert "These teams, because the collection is open to them" in page
    assert "Blue" in page


def test_pdf_pages_come_as_images_with_a_box(cast: Cast) -> None:
    paper = factories.document(cast.papers, passages=["One.", "Two is here."])
    assert paper.current_version is not None
    paper.current_version.media_type = "application/pdf"
    paper.current_version.save()
    page = text(Reader(cast.bob).get(f"/documents/{paper.pk}?start=6&end=18"))
    assert f"/documents/{paper.pk}/pages/2.webp" in page
    assert 'loading="lazy"' in page
    assert page.count('id="passage"') == 1
    assert 'aria-label="The cited passage on page 2"' in page
    assert 'x="59.50"' in page


@pytest.mark.parametrize("more", ["", "/file", "/pages/1.webp", "/delete"])
def test_outsiders_cannot_tell_hidden_from_missing(cast: Cast, more: str) -> None:
    outsider = Reader(cast.charlie, headers={"X-Request-ID": "the-same-one"})
    hidden = outsider.get(f"/documents/{cast.paper.pk}{more}")
    missing = outsider.get(f"/documents/00000000-0000-0000-0000-000000000000{more}")
    assert hidden.status_code == missing.status_code == 404
    assert bare(hidden) == bare(missing)
    assert dict(hidden.headers) == dict(missing.headers)


def test_a_narrowed_document_is_missing_for_the_rest(cast: Cast) -> None:
    factories.grant(cast.papers, team=cast.red)
    narrowed = factories.document(cast.papers, title="Salaries", narrowed_to=[cast.blue])
    assert Reader(cast.charlie).get(f"/documents/{cast.paper.pk}").status_code == 200
    assert Reader(cast.charlie).get(f"/documents/{narrowed.pk}").status_code == 404
    assert "Salaries" not in text(Reader(cast.charlie).get("/collections/blueprints"))


def test_download_is_saved_and_never_run(cast: Cast) -> None:
    content = b"<script>alert(1)</script> and some words to keep it a page."
    added = add_document(
        user=cast.alice,
        collection=cast.papers,
        name="Prüfung 1.html",
        content=io.BytesIO(content),
    )
    response = Reader(cast.alice).get(f"/documents/{added.document.pk}/file")
    assert async_to_sync(_read)(response) == content
    assert response.headers["Content-Disposition"].startswith("attachment; filename*=utf-8''Pr%C3%BCfung")
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response.headers["Content-Security-Policy"]


async def _read(response: Any) -> bytes:
    return b"".join([piece async for piece in response.streaming_content])


def test_a_page_is_drawn_once_and_checked_each_time(cast: Cast) -> None:
    added = add_document(
        user=cast.alice,
        collection=cast.papers,
        name="plan.pdf",
        content=io.BytesIO(factories.pdf("Hello")),
    )
    added.version.page_count = 1
    added.version.save()
    Document.objects.filter(pk=added.document.pk).update(current_version=added.version)
    path = f"/documents/{added.document.pk}/pages/1.webp"
    first = Reader(cast.bob).get(path)
    assert first.content[8:12] == b"WEBP"
    assert "no-store" in first.headers["Cache-Control"]
    assert Reader(cast.bob).get(path).content == first.content
    assert Reader(cast.charlie).get(path).status_code == 404
    assert Reader(cast.bob).get(f"/documents/{added.document.pk}/pages/2.webp").status_code == 404


def test_managers_narrow_and_members_do_not(cast: Cast) -> None:
    factories.grant(cast.papers, team=cast.red)
    path = f"/documents/{cast.paper.pk}/narrow"
    choice = {"who": "chosen", "team": cast.blue.pk}
    assert Reader(cast.charlie).post(path, choice).status_code == 403
    Reader(cast.alice).post(path, choice)
    cast.paper.refresh_from_db()
    assert cast.paper.is_narrowed
    assert Reader(cast.charlie).get(f"/documents/{cast.paper.pk}").status_code == 404


def test_nobody_narrows_themselves_out(cast: Cast) -> None:
    factories.grant(cast.papers, team=cast.red)
    response = Reader(cast.alice).post(
        f"/documents/{cast.paper.pk}/narrow", {"who": "chosen", "team": cast.red.pk}
    )
    assert "you would lose sight" in text(response, 400)


def test_delete_asks_first(cast: Cast) -> None:
    reader = Reader(cast.alice)
    assert "Delete “warranty.txt”?" in text(reader.get(f"/documents/{cast.paper.pk}/delete"))
    reader.post(f"/documents/{cast.paper.pk}/delete")
    assert reader.get(f"/documents/{cast.paper.pk}").status_code == 404


def test_readers_change_nothing(cast: Cast) -> None:
    factories.grant(cast.papers, team=cast.red)
    failed = factories.failed_document(cast.papers)
    reader = Reader(cast.charlie)
    for path in (f"/documents/{cast.paper.pk}/delete", f"/documents/{failed.pk}/retry"):
        assert reader.post(path).status_code == 403
    assert "Delete" not in text(reader.get(f"/documents/{cast.paper.pk}"))


def test_retry_queues_again(cast: Cast) -> None:
    failed = factories.failed_document(cast.papers)
    assert "Retry" in text(Reader(cast.alice).get(f"/documents/{failed.pk}"))
    Reader(cast.alice).post(f"/documents/{failed.pk}/retry")
    assert failed.versions.get().jobs.order_by("-created_at").first().state == "queued"  # type: ignore[union-attr]  # there is one


def test_old_versions_are_for_managers(cast: Cast) -> None:
    path = f"/documents/{cast.paper.pk}?version=1"
    Document.objects.filter(pk=cast.paper.pk).update(current_version=None)
    assert "no longer searched" in text(Reader(cast.alice).get(path))
    factories.grant(cast.papers, team=cast.red)
    assert Reader(cast.charlie).get(path).status_code == 404


def test_odd_positions_do_no_harm(cast: Cast) -> None:
    for query in (
        "start=9&end=2",
        "start=x&end=٣",
        "start=99999999&end=999999999",
        "page=0",
        "from=999999999",
    ):
        text(Reader(cast.bob).get(f"/documents/{cast.paper.pk}?{query}"))


def test_cached_images_live_in_the_cache_folder(settings: object) -> None:
    assert Path(settings.CACHE_DIR).name == "cache"  # type: ignore[attr-defined]  # pytest-django's fixture


def test_a_mail_lists_what_is_in_it_and_each_part_names_the_mail(cast: Cast) -> None:
    mail = factories.document(cast.papers, name="budget.eml", title="Re: budget")
    part = factories.document(cast.papers, name="report.pdf")
    Document.objects.filter(pk=part.pk).update(parent=mail, ancestors=[mail.pk])
    alice = Reader(cast.alice)
    shown = text(alice.get(f"/documents/{mail.pk}"))
    assert "Files in it" in shown
    assert f"/documents/{part.pk}" in shown
    inner = text(alice.get(f"/documents/{part.pk}"))
    assert f"/documents/{mail.pk}" in inner
    assert "Narrow it" not in inner
    assert f"/documents/{part.pk}/delete" not in inner
    assert "report.pdf, in budget.eml" in text(alice.get("/collections/blueprints"))
    assert Reader(cast.charlie).get(f"/documents/{part.pk}").status_code == 404
    assert "a part of “budget.eml”" in text(alice.post(f"/documents/{part.pk}/delete"), 400)


def test_managers_vouch_for_what_they_read(cast: Cast) -> None:
    manager, address = Reader(cast.alice), f"/documents/{cast.paper.pk}"
    page = text(manager.post(f"{address}/verify", {"version": 1}, follow=True))
    assert "is verified, until it changes" in page
    assert "by Alice" in text(Reader(cast.bob).get(address))
    assert "has changed since you opened it" in text(manager.post(f"{address}/verify", {"version": 2}), 400)
    page = text(manager.post(f"{address}/verify", {"withdraw": "yes"}, follow=True))
    assert "no longer verified" in page
    assert "Take the word back" not in page


def test_managers_pin_documents_where_the_portal_lets_them(cast: Cast, settings: Any) -> None:
    reader, address = Reader(cast.alice), f"/documents/{cast.paper.pk}"
    assert "Pin it" not in text(reader.get(address))
    settings.SEARCH_PINNED = True
    page = text(reader.post(f"{address}/pins", {"question": "Kettle?"}, follow=True))
    assert "comes first for “Kettle?”" in page
    assert "already" in text(reader.post(f"{address}/pins", {"question": "kettle"}), 400)
    page = text(reader.post(f"{address}/pins", {"remove": cast.paper.pins.get().pk}, follow=True))
    assert "no longer pinned" in page
