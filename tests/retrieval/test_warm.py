"""Models are loaded before anybody asks for them, and let go when nobody needs them."""

from weakref import WeakSet

import pytest

from llm import embedding
from llm.embedding import EmbedderSpec
from retrieval import warm
from retrieval.generations import ensure_first_generation, spec_of
from retrieval.models import Generation
from tests.fakes.embedding_server import FakeEmbeddings

pytestmark = pytest.mark.django_db


def test_the_models_of_live_generations_are_loaded_and_a_fault_of_the_serving_one_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = ensure_first_generation()
    told: list[str] = []
    watch = warm._Watch(told.append)
    with FakeEmbeddings(dimension=3).running() as server:
        second = Generation.objects.create(
            kind="openai", model="fake", base_url=server.base_url, dimension=3, state="filling"
        )
        watch.look()
        assert {spec_of(first), spec_of(second)} <= set(embedding._loaded)
        assert told == [""]
        asked = len(server.texts)
        watch.look()
        assert len(server.texts) == asked
        second.delete()
        watch.look()
    assert EmbedderSpec(kind="openai", model="fake", base_url=server.base_url) not in embedding._loaded
    Generation.objects.update(dimension=7)
    monkeypatch.setattr("retrieval.generations._checked", WeakSet())
    fresh = warm._Watch(told.append)
    fresh.look()
    assert "another model" in told[-1]
    Generation.objects.update(dimension=384)
    fresh.look()
    assert "another model" in told[-1], "it is tried again after a minute"


def test_without_a_generation_nothing_is_let_go() -> None:
    before = set(embedding._loaded)
    warm._Watch(lambda _: None).look()
    assert set(embedding._loaded) == before
