import io
import json
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command

from ingestion import pipeline
from retrieval.generations import ensure_first_generation
from retrieval.models import Generation
from tests import factories
from tests.fakes.embedding_server import FakeEmbeddings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server() -> Iterator[FakeEmbeddings]:
    ensure_first_generation()
    factories.searchable_document(factories.collection(), passages=[factories.WARRANTY, factories.RETURNS])
    with FakeEmbeddings().running() as running:
        yield running


def told(*arguments: str) -> str:
    out = io.StringIO()
    call_command("generations", *arguments, stdout=out)
    return out.getvalue()


def listed() -> dict[int, dict[str, object]]:
    return {one["id"]: one for one in json.loads(told("list", "--json"))["generations"]}


def test_the_way_of_a_generation(server: FakeEmbeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("sesame\n"))
    added = told("add", "fake", "--base-url", server.base_url, "--max-tokens", "4000", "--api-key-stdin")
    assert "filling is queued" in added
    first, made = Generation.objects.order_by("pk")
    assert server.keys == {"Bearer sesame"}
    one = listed()[made.pk]
    assert (one["state"], one["filled"], one["total"], one["dimension"]) == ("filling", 0, 2, 1024)
    assert "paused" in told("pause", str(made.pk))
    assert "is filling" in told("resume", str(made.pk))
    with pytest.raises(CommandError, match="no vectors of 2 passages"):
        told("flip", str(made.pk))
    assert pipeline.work_on_next()
    assert f"generations flip {first.pk}" in told("flip", str(made.pk))
    assert {key: one["state"] for key, one in listed().items()} == {first.pk: "retired", made.pk: "serving"}
    assert "kept for flipping back" in told()
    told("flip", str(first.pk))
    assert "was dropped" in told("drop", str(made.pk))
    assert list(listed()) == [first.pk]


def test_a_server_that_moved(server: FakeEmbeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    told("add", "fake", "--base-url", server.base_url, "--max-tokens", "4000")
    made = Generation.objects.latest("pk")
    with FakeEmbeddings(seed="other").running() as other, FakeEmbeddings().running() as same:
        with pytest.raises(CommandError, match="another model"):
            told("move", str(made.pk), "--base-url", other.base_url)
        assert Generation.objects.get(pk=made.pk).base_url == server.base_url
        monkeypatch.setattr("sys.stdin", io.StringIO("open\n"))
        assert "is the same" in told("move", str(made.pk), "--base-url", same.base_url, "--api-key-stdin")
        assert Generation.objects.get(pk=made.pk).base_url == same.base_url
        assert pipeline.work_on_next()
        assert same.keys == {"Bearer open"}


def test_mistakes_are_explained_and_no_key_is_told(server: FakeEmbeddings) -> None:
    with pytest.raises(CommandError, match="There is no generation 99"):
        told("flip", "99")
    with pytest.raises(CommandError, match="no folder"):
        told("add", "/nowhere")
    with pytest.raises(CommandError, match="serves"):
        told("drop", str(Generation.objects.get().pk))
    assert "secret" not in told("list", "--json")
