"""Codes of vectors: hints that follow what is published, and point to nothing that is not listed."""

from collections.abc import Sequence

import numpy as np
import pytest
from django.db import connection

from portal.accounts.models import User
from retrieval import _codes
from retrieval._codes import Codes, codes_of
from retrieval._places import Key
from retrieval._visible import Visible
from retrieval.generations import embedder, serving_generation
from retrieval.indexing import publish_version
from retrieval.models import Collection, DocumentVersion
from retrieval.query import parse_query
from retrieval.scope import Listed, read_scope
from tests import factories

pytestmark = pytest.mark.django_db

PASSAGES = ["The staff handbook is for everybody.", "It has two passages."]
TEXTS = [
    "Kettles are descaled with vinegar.",
    "Leave is thirty days.",
    "Trains before flights.",
    "Tea at four.",
]
QUESTION = "How do I descale my kettle with vinegar?"


@pytest.fixture(autouse=True)
def forgotten() -> None:
    _codes._KEPT.clear()


def listed(person: User) -> Listed:
    return read_scope(Visible(person), parse_query("anything")).listed


def nearest(person: User, question: str = QUESTION) -> list[Key] | None:
    return codes_of(serving_generation()).nearest(listed(person), embedder().embed_query(question))


def paper(collection: Collection, passages: Sequence[str] = TEXTS, name: str = "paper.md") -> DocumentVersion:
    version = factories.searchable_document(collection, name=name, passages=passages).current_version
    assert version is not None
    return version


def test_the_nearest_differ_in_the_fewest_bits(
    people: tuple[User, User], handbook: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = paper(handbook)
    paper(handbook, [f"Rule {number} of the house." for number in range(30)], name="rules.md")
    monkeypatch.setattr(_codes, "_NEAR", 3)
    found = nearest(people[0]) or []
    assert len(found) == 3
    assert (version.pk, 0) in found
    differ = _bits_that_differ()
    others = [bits for key, bits in differ.items() if key not in found]
    # The database rounds the mean to half floats: a number right at it may fall on the other side.
    assert max(differ[key] for key in found) <= min(others) + 4


def _bits_that_differ() -> dict[Key, int]:
    """Return in how many bits each passage differs from the question, by numpy."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT version_id, ordinal, embedding::vector::real[] FROM retrieval_vector")
        rows = cursor.fetchall()
    vectors = np.array([row[2] for row in rows], np.float32)
    mean = vectors.mean(axis=0)
    differ = ((vectors > mean) != (embedder().embed_query(QUESTION) > mean)).sum(axis=1)
    return dict(zip([row[:2] for row in rows], differ.tolist(), strict=True))


def test_what_is_published_anew_is_read_anew(people: tuple[User, User], handbook: Collection) -> None:
    version = paper(handbook)
    nearest(people[0])
    codes = codes_of(serving_generation())
    before = dict(codes._of)
    publish_version(
        version=version, index=factories.index("paper.md", TEXTS[::-1]), generation=serving_generation()
    )
    nearest(people[0])
    (new,) = [code for place, code in codes._of.items() if place not in before]
    size = len(new) // len(TEXTS)
    turned = b"".join(new[first : first + size] for first in range(len(new) - size, -1, -size))
    assert new not in before.values()
    assert turned in before.values()


def test_nobody_is_pointed_to_what_they_do_not_see(people: tuple[User, User], handbook: Collection) -> None:
    alice, charlie = people
    version = paper(handbook)
    assert version.pk in {key[0] for key in nearest(alice) or ()}
    assert nearest(charlie) == []
    version.document.is_narrowed = True
    version.document.save()
    assert version.pk not in {key[0] for key in nearest(alice) or ()}


def test_many_codes_are_read_by_several_searches(
    people: tuple[User, User], handbook: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        paper(handbook, name=f"paper-{number}.md")
    monkeypatch.setattr(_codes, "_READ_AT_ONCE", 1)
    tries = [nearest(people[0]) for _ in range(4)]
    assert tries[0] is None
    assert tries[-1] is not None


def test_codes_are_kept_up_to_a_size(
    people: tuple[User, User], handbook: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    paper(handbook)
    monkeypatch.setattr(_codes, "_MOST_BYTES", 48 * len(TEXTS))
    assert nearest(people[0]) is None  # one of the two versions has to go
    assert len(codes_of(serving_generation())._of) == 1


def test_a_version_that_lacks_a_vector_is_left_to_the_index(
    people: tuple[User, User], handbook: Collection
) -> None:
    version = paper(handbook)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM retrieval_vector WHERE version_id = %s AND ordinal = 2", [version.pk])
    assert nearest(people[0]) is None
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM retrieval_vector")
    assert Codes(serving_generation()).nearest(listed(people[0]), embedder().embed_query(QUESTION)) is None


def test_one_search_reads_codes_at_a_time(people: tuple[User, User], handbook: Collection) -> None:
    codes, vector = Codes(serving_generation()), embedder().embed_query(QUESTION)
    with codes._reading:
        assert codes.nearest(listed(people[0]), vector) is None
    assert codes.nearest(listed(people[0]), vector)


@pytest.mark.parametrize("dimension", [256, 260, 384, 1000, 1024])
def test_differing_bits_are_counted_whatever_the_length(dimension: int) -> None:
    bits = np.random.default_rng(3).random((50, dimension)) < 0.5
    codes = np.packbits(bits, axis=1)
    counted = _codes._differing(codes.tobytes(), codes[7].tobytes())
    assert counted.tolist() == (bits != bits[7]).sum(axis=1).tolist()
