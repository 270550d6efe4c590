"""The board of ingestion: what one looks after, by state; live rows; actions; numbers alone for admins."""

import re

from django.db import connection
from django.test.utils import CaptureQueriesContext

from ingestion.models import IngestionJob
from ingestion.workers import beat
from retrieval.models import Document, Role
from tests import factories
from tests.factories import Cast
from tests.web.browser import Reader, text

PATH = "/manage/ingestion"


def counts(page: str) -> dict[str, int]:
    return {key: int(count) for key, count in re.findall(r'id="count-(\w+)"[^>]*>(\d+)<', page)}


def test_every_document_is_in_one_state_and_the_counts_add_up(cast: Cast) -> None:
    for state in ("queued", "failed", "quarantined", "no_text", "cancelled", "cancelled"):
        factories.waiting_document(cast.papers, job={"state": state})
    told = counts(text(Reader(cast.alice).get(PATH)))
    assert told.pop("all") == sum(told.values()) == 7
    assert (told["indexed"], told["cancelled"], told["stalled"]) == (1, 2, 0)


def test_each_state_has_its_word_and_tone(cast: Cast) -> None:
    words = {
        "queued": ("Waiting", "waiting"),
        "failed": ("Failed", "bad"),
        "quarantined": ("Quarantined", "quarantined"),
        "no_text": ("No text found", "blank"),
        "cancelled": ("Cancelled", "quiet"),
        "indexed": ("Indexed", "good"),
    }
    for state in words:
        factories.waiting_document(cast.papers, job={"state": state})
    working = {"state": "working", "stage": "parsing", "done": 3, "total": 12}
    factories.waiting_document(
        cast.papers,
        job=working | {"lease_expires_at": "2100-01-01T00:00Z", "heartbeat_at": "2100-01-01T00:00Z"},
    )
    factories.waiting_document(cast.papers, job=working | {"lease_expires_at": "2020-01-01T00:00Z"})
    page = text(Reader(cast.alice).get(PATH))
    for word, tone in [*words.values(), ("Working", "working"), ("Stalled", "stalled")]:
        assert re.search(rf'class="state {tone}"><svg.*?</svg>{word}</span>', page), word
    assert "Reading: 3 of 12 pages" in page
    assert "another one takes it over" in page


def test_filters_are_in_the_address(cast: Cast) -> None:
    other = factories.collection("Other", owner=cast.blue)
    factories.failed_document(cast.papers, name="locked.pdf")
    factories.failed_document(other, name="elsewhere.pdf")
    page = text(Reader(cast.alice).get(PATH, {"state": "failed", "collection": "other"}))
    assert "elsewhere.pdf" in page
    assert "locked.pdf" not in page
    assert counts(page)["all"] == 1
    assert "Nothing is in this state" in text(Reader(cast.alice).get(PATH, {"state": "stalled"}))


def test_places_and_whether_anybody_works(cast: Cast) -> None:
    factories.waiting_document(cast.papers)
    assert "No worker is alive" in text(Reader(cast.alice).get(PATH))
    beat(threads=2)
    page = text(Reader(cast.alice).get(PATH))
    assert "1 worker alive" in page
    assert "Number 1 in the queue" in page


def test_rows_are_told_again_each_in_its_place(cast: Cast) -> None:
    waiting = factories.waiting_document(cast.papers)
    shown = text(Reader(cast.alice).get(PATH))
    assert f'name="row" value="{waiting.pk}"' in shown
    assert f'name="row" value="{cast.paper.pk}"' not in shown, "what is done needs no more telling"
    told = text(Reader(cast.alice).get(f"{PATH}/rows", {"row": str(waiting.pk), "known": "2"}))
    for cell in ("state", "when", "actions"):
        assert f'id="{cell}-{waiting.pk}" hx-swap-oob="true"' in told
    assert str(cast.paper.pk) not in told
    assert "The list has changed" not in told
    factories.waiting_document(cast.papers)
    assert "The list has changed" in text(Reader(cast.alice).get(f"{PATH}/rows", {"known": "2"}))


def test_many_are_changed_at_once_and_the_filter_stays(cast: Cast) -> None:
    failed = [factories.failed_document(cast.papers) for _ in range(2)]
    form = {"action": "retry", "document": [one.pk for one in failed], "state": "failed", "page": "2"}
    response = Reader(cast.alice).post(f"{PATH}/act", form)
    assert response["Location"] == f"{PATH}?state=failed&page=2"
    assert IngestionJob.objects.filter(state="queued").count() == 2
    Reader(cast.alice).post(f"{PATH}/act", form | {"action": "cancel"})
    assert IngestionJob.objects.filter(state="cancelled").count() == 2
    factories.failed_document(cast.papers)
    told = Reader(cast.alice).post(f"{PATH}/act", {"action": "retry_failed"}, follow=True)
    assert "1 document queued again" in text(told)


def test_a_button_of_a_row_comes_back_to_the_board(cast: Cast) -> None:
    form = {"back": "board", "state": "indexed", "collection": "blueprints", "page": "1"}
    response = Reader(cast.alice).post(f"/documents/{cast.paper.pk}/reprocess", form)
    assert response["Location"].startswith(f"{PATH}?state=indexed&collection=blueprints")
    assert IngestionJob.objects.get().state == "queued"


def test_readers_find_nothing_and_change_nothing(cast: Cast) -> None:
    failed = factories.failed_document(cast.papers, name="locked.pdf")
    factories.grant(cast.papers, team=cast.red, role=Role.READER)
    reader = Reader(cast.charlie)
    assert "You look after no collection" in text(reader.get(PATH))
    assert "locked.pdf" not in text(reader.get(f"{PATH}/rows", {"row": str(failed.pk)}))
    reader.post(f"{PATH}/act", {"action": "retry", "document": failed.pk})
    assert failed.versions.get().jobs.get().state == "failed"
    assert reader.get(PATH, {"collection": "blueprints"}).status_code == 403


def test_contributors_see_what_they_may_see(cast: Cast) -> None:
    factories.grant(cast.papers, team=cast.red, role=Role.CONTRIBUTOR)
    factories.failed_document(cast.papers, name="locked.pdf")
    hidden = factories.failed_document(cast.papers, name="secret.pdf")
    Document.objects.filter(pk=hidden.pk).update(is_narrowed=True)
    hidden.narrowed_to.set([cast.blue])
    page = text(Reader(cast.charlie).get(PATH))
    assert "locked.pdf" in page
    assert "secret.pdf" not in page
    assert counts(page)["failed"] == 1


def test_outsiders_see_no_trace_of_a_collection(cast: Cast) -> None:
    failed = factories.failed_document(cast.papers, name="locked.pdf")
    reader = Reader(cast.charlie)
    assert reader.get(PATH, {"collection": "blueprints"}).status_code == 404
    assert "locked.pdf" not in text(reader.get(PATH))
    assert "The whole portal" not in text(reader.get(PATH))
    reader.post(f"{PATH}/act", {"action": "retry", "document": failed.pk})
    reader.post(f"{PATH}/act", {"action": "retry_failed"})
    assert failed.versions.get().jobs.get().state == "failed"


def test_admins_see_numbers_of_the_whole_portal_and_no_name(cast: Cast) -> None:
    admin = factories.user(is_admin=True)
    factories.waiting_document(cast.papers, name="locked.pdf")
    beat(threads=2)
    for page in (text(Reader(admin).get(PATH)), text(Reader(admin).get(f"{PATH}/rows"))):
        assert "The whole portal" in page
        assert re.search(r"<dt>Waiting</dt><dd>1</dd>", page)
        assert "2 at once" in page
        for secret in ("locked.pdf", "Blueprints", "warranty"):
            assert secret not in page


def test_a_name_is_text_and_never_markup(cast: Cast) -> None:
    factories.failed_document(cast.papers, name='<img src=x onerror="alert(1)">.pdf')
    assert "<img src=x" not in text(Reader(cast.alice).get(PATH))


def test_a_long_board_asks_the_database_no_more_than_a_short_one(cast: Cast) -> None:
    factories.waiting_document(cast.papers)
    reader = Reader(cast.alice)
    with CaptureQueriesContext(connection) as few:
        reader.get(PATH)
    for _ in range(20):
        factories.waiting_document(cast.papers)
    with CaptureQueriesContext(connection) as many:
        reader.get(PATH)
    assert len(many) == len(few)
