"""The serving generation: one, made once, and never searched with another model."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import override_settings

from retrieval.generations import NoGenerationError, ensure_first_generation, serving_generation
from retrieval.models import Generation

pytestmark = pytest.mark.django_db


def test_the_first_generation_is_made_once_with_its_partition() -> None:
    made = ensure_first_generation()
    assert ensure_first_generation() == made == serving_generation()
    assert made.dimension == 384
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attstorage FROM pg_attribute WHERE attname = 'embedding' AND attrelid = %s::regclass",
            [f"retrieval_vector_g{made.pk}"],
        )
        assert cursor.fetchone() == ("p",)


def test_without_a_generation_it_is_said_what_to_do() -> None:
    with pytest.raises(NoGenerationError, match="prepare"):
        serving_generation()


def test_another_model_does_not_search_these_vectors() -> None:
    ensure_first_generation()
    with (
        override_settings(EMBEDDING_MODEL="other/model"),
        pytest.raises(NoGenerationError, match="Set EMBEDDING_MODEL="),
    ):
        serving_generation()


def test_only_one_generation_serves() -> None:
    made = ensure_first_generation()
    with pytest.raises(IntegrityError), transaction.atomic():
        Generation.objects.create(model=made.model, dimension=384, state=Generation.State.SERVING)
