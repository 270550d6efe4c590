"""Generations: the first one comes from the settings; from then on each says itself what embeds for it."""

from weakref import WeakSet

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import override_settings

from llm.embedding import load_embedder
from llm.errors import EmbeddingError
from retrieval.generations import (
    NoGenerationError,
    embedder,
    embedder_of,
    ensure_first_generation,
    first_spec,
    live_generations,
    serving_generation,
    spec_of,
)
from retrieval.models import Generation
from retrieval.secrets import encrypt

pytestmark = pytest.mark.django_db
State = Generation.State


def test_the_first_generation_is_made_once_with_its_partition() -> None:
    made = ensure_first_generation()
    assert ensure_first_generation() == made == serving_generation()
    assert made.dimension == len(made.probe) == 384
    assert made.chunk_tokens == 254
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attstorage FROM pg_attribute WHERE attname = 'embedding' AND attrelid = %s::regclass",
            [f"retrieval_vector_g{made.pk}"],
        )
        assert cursor.fetchone() == ("p",)
        cursor.execute(
            "SELECT indexdef FROM pg_indexes WHERE indexname = %s", [f"retrieval_vector_g{made.pk}_hnsw"]
        )
        assert "halfvec(384)" in cursor.fetchone()[0]


def test_without_a_generation_it_is_said_what_to_do() -> None:
    with pytest.raises(NoGenerationError, match="prepare"):
        serving_generation()


def test_after_the_first_start_the_settings_name_no_model() -> None:
    ensure_first_generation()
    own = load_embedder(first_spec())
    with override_settings(EMBEDDING_MODEL="other/model"):
        assert serving_generation().model != "other/model"
        assert embedder() is own


def test_another_model_of_the_same_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = ensure_first_generation()
    monkeypatch.setattr("retrieval.generations._checked", WeakSet())
    assert embedder_of(made).dimension == 384
    monkeypatch.setattr("retrieval.generations._checked", WeakSet())
    made.probe = [0.0] * 383 + [1.0]
    with pytest.raises(EmbeddingError, match="another model"):
        embedder_of(made)


def test_a_key_goes_to_its_own_server_alone() -> None:
    one = Generation(kind="openai", model="m", base_url="http://one/v1", dimension=3)
    with override_settings(EMBEDDING_BASE_URL="http://one/v1", EMBEDDING_API_KEY="of the settings"):
        assert spec_of(one).api_key == "of the settings"
        one.base_url = "http://other/v1"
        assert spec_of(one).api_key == ""
        one.secret = encrypt("its own")
        assert spec_of(one).api_key == "its own"
    with (
        override_settings(SECRET_KEY="changed", SECRET_KEY_FALLBACKS=[]),
        pytest.raises(EmbeddingError, match="SECRET_KEY"),
    ):
        spec_of(one)


def test_live_are_all_but_the_paused_and_the_serving_one_comes_first() -> None:
    for state in (State.FILLING, State.PAUSED, State.READY, State.RETIRED, State.SERVING):
        Generation.objects.create(model=state, dimension=2, state=state)
    assert [one.model for one in live_generations()] == ["serving", "retired", "ready", "filling"]


@pytest.mark.parametrize("state", [State.SERVING, State.RETIRED])
def test_only_one_generation_serves_and_only_one_is_kept(state: Generation.State) -> None:
    Generation.objects.create(model="m", dimension=384, state=state)
    with pytest.raises(IntegrityError), transaction.atomic():
        Generation.objects.create(model="n", dimension=384, state=state)
