from collections.abc import Iterator

import pytest

from ingestion import pipeline
from portal.accounts.models import User
from retrieval.generations import ensure_first_generation
from retrieval.models import Chunk, Generation
from tests import factories
from tests.factories import Cast
from tests.fakes.embedding_server import FakeEmbeddings
from tests.web.browser import Reader, text

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "/manage/embedding"


@pytest.fixture
def server() -> Iterator[FakeEmbeddings]:
    with FakeEmbeddings().running() as running:
        yield running


@pytest.fixture
def cast(db: None) -> Cast:
    """With vectors, so that the first generation is complete."""
    return factories.cast(searchable=True)


@pytest.fixture
def admin(cast: Cast) -> User:
    ensure_first_generation()
    return factories.user("admin@example.com", is_admin=True)


def form(server: FakeEmbeddings, **more: str) -> dict[str, str]:
    return {"model": "fake", "base_url": server.base_url, "api_key": "sesame", "max_tokens": "4000"} | more


def test_the_way_of_a_generation(cast: Cast, admin: User, server: FakeEmbeddings) -> None:
    reader = Reader(admin)
    assert "Embedding models</a>" in text(reader.get("/manage/ingestion"))
    page = text(reader.post(ADDRESS, form(server), follow=True))
    assert "fills beside the one that serves" in page
    assert f"0 of {Chunk.objects.count()}" in page
    first, made = Generation.objects.order_by("pk")
    address = f"{ADDRESS}/{made.pk}"
    assert "is paused" in text(reader.post(address, {"action": "pause"}, follow=True))
    assert "from where it stood" in text(reader.post(address, {"action": "resume"}, follow=True))
    refused = text(reader.post(address, {"action": "flip"}, follow=True))
    assert "has no vectors of" in refused
    while pipeline.work_on_next():
        pass
    page = text(reader.get(ADDRESS))
    assert "Ready" in page
    assert f'id="flip-{made.pk}"' in page
    assert 'hx-trigger="every' not in page
    assert "serves from now on" in text(reader.post(address, {"action": "flip"}, follow=True))
    assert "Flip back" in text(reader.get(ADDRESS))
    reader.post(f"{ADDRESS}/{first.pk}", {"action": "flip"})
    assert "Documents" in text(reader.get(f"{address}/drop"))
    assert "was dropped" in text(reader.post(f"{address}/drop", follow=True))
    assert list(Generation.objects.all()) == [first]


def test_a_fill_that_goes_on_is_shown_live(cast: Cast, admin: User, server: FakeEmbeddings) -> None:
    Reader(admin).post(ADDRESS, form(server))
    page = text(Reader(admin).get(ADDRESS))
    assert 'hx-trigger="every' in page
    assert "nothing else to do" in page


def test_mistakes_are_explained_and_the_key_is_never_shown(
    cast: Cast, admin: User, server: FakeEmbeddings
) -> None:
    reader = Reader(admin)
    server.status = 401
    page = text(reader.post(ADDRESS, form(server)), 400)
    assert "status 401" in page
    assert server.base_url in page
    assert "sesame" not in page
    assert "is a number" in text(reader.post(ADDRESS, form(server, max_tokens="many")), 400)
    assert "no generation 99" in text(reader.post(f"{ADDRESS}/99", {"action": "flip"}, follow=True))
    assert "no generation 99" in text(reader.get(f"{ADDRESS}/99/drop", follow=True))
    serving = Generation.objects.get()
    assert "serves" in text(reader.post(f"{ADDRESS}/{serving.pk}/drop", follow=True))
    server.status = 200
    reader.post(ADDRESS, form(server))
    assert Generation.objects.latest("pk").secret not in text(reader.get(ADDRESS))


def test_for_all_others_it_does_not_exist(cast: Cast, admin: User, server: FakeEmbeddings) -> None:
    serving = Generation.objects.get()
    for person in (cast.alice, cast.bob, cast.charlie):
        reader = Reader(person)
        assert "Embedding models" not in text(reader.get("/manage/ingestion"))
        assert reader.get(ADDRESS).status_code == 404
        assert reader.post(ADDRESS, form(server)).status_code == 404
        for action in ("pause", "resume", "flip"):
            assert reader.post(f"{ADDRESS}/{serving.pk}", {"action": action}).status_code == 404
        assert reader.post(f"{ADDRESS}/{serving.pk}/drop").status_code == 404
    assert list(Generation.objects.values_list("pk", "state")) == [(serving.pk, "serving")]
    assert server.texts == []


def test_names_are_only_text(cast: Cast, admin: User, server: FakeEmbeddings) -> None:
    Reader(admin).post(ADDRESS, form(server, model="<script>x", revision="<b>"))
    page = text(Reader(admin).get(ADDRESS))
    assert "&lt;script&gt;x" in page
