"""The harness itself: its database is real and isolated, its network is closed."""

import socket

import pytest
from django.db import connection, connections

from retrieval.generations import create_partition
from retrieval.models import Collection, Generation


@pytest.mark.django_db
def test_the_database_is_postgres_with_pgvector() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT '[1,2]'::halfvec <#> '[3,4]'::halfvec")
        assert cursor.fetchone() == (-11.0,)


@pytest.mark.django_db
def test_owner_sees_what_default_has_not_committed() -> None:
    generation = Generation.objects.create(model="m", dimension=2)
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM retrieval_generation WHERE id = %s", [generation.pk])
        assert cursor.fetchone() == (1,)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_a_flush_takes_vectors_and_their_partitions_along(turn: int) -> None:
    assert not Generation.objects.exists(), f"turn {turn} sees the other turn's rows"
    generation = Generation.objects.create(pk=1, model="m", dimension=2)
    create_partition(generation)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO retrieval_vector VALUES (%s, 1, 1, 0, '[1,2]')", [generation.pk])
        cursor.execute("SELECT count(*) FROM retrieval_vector")
        assert cursor.fetchone() == (1,)


@pytest.mark.django_db
def test_rows_of_another_test_are_gone() -> None:
    assert not Collection.objects.exists()


def test_only_this_machine_is_reachable() -> None:
    with pytest.raises(Exception, match="allowed"), socket.socket() as outside:
        outside.connect(("192.0.2.1", 80))
