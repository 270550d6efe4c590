"""Passages like the best ones come before others that fit the question as well."""

import pytest
from django.test import override_settings

from portal.accounts.models import User
from retrieval._candidates import Candidate
from retrieval._passages import Passages
from retrieval._visible import Visible
from retrieval.fusion import DenseWeight, Ranked
from retrieval.generations import serving_generation
from retrieval.likeness import _weights, with_likeness
from retrieval.models import Collection
from retrieval.search import SearchResults, search
from tests import factories

pytestmark = pytest.mark.django_db

FIRST = "Crews on night duty get tired because they sleep badly by day."
ALIKE = "Pilots who rest in the morning are exhausted: daylight spoils their sleep."
OTHER = "Crews on night duty are paid a tenth more."
PASSAGES = [FIRST, OTHER, ALIKE]
QUESTION = "Why are crews on night duty tired?"
HALF = DenseWeight(0.5)


def ranked(handbook: Collection, *scores: float) -> list[Ranked]:
    version = handbook.documents.get().current_version_id
    assert version is not None
    keys = [(handbook.pk, version, ordinal) for ordinal in range(len(scores))]
    return [(Candidate(key, 0.0, 0.0), score) for key, score in zip(keys, scores, strict=True)]


def lifted(user: User, given: list[Ranked], weight: DenseWeight = HALF) -> dict[int, float]:
    found = with_likeness(
        given, weight=weight, generation=serving_generation(), passages=Passages(Visible(user))
    )
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    return {candidate.key[2]: score for candidate, score in found}


def test_a_passage_like_the_best_one_comes_before_another(
    people: tuple[User, User], handbook: Collection
) -> None:
    def texts() -> list[str]:
        return [hit.text for hit in search(user=people[0], query=QUESTION).hits]

    assert texts() == [FIRST, ALIKE, OTHER]
    with override_settings(FUSION_LIKENESS_WEIGHT=0.0):
        assert texts() == [FIRST, OTHER, ALIKE]


def test_it_counts_as_a_share_of_the_weight_of_meaning(
    people: tuple[User, User], handbook: Collection
) -> None:
    given = ranked(handbook, 0.9, 0.5, 0.49)
    assert lifted(people[0], given) == {
        0: pytest.approx((0.9 + 0.4) / 1.4),
        1: pytest.approx(0.5 / 1.4),
        2: pytest.approx((0.49 + 0.4 * 0.3) / 1.4, abs=0.1),
    }
    assert list(lifted(people[0], given)) == [0, 2, 1]
    in_words = DenseWeight(0.5, {handbook.pk: 0.0})
    assert lifted(people[0], given, in_words) == {0: 0.9, 1: 0.5, 2: 0.49}


def test_one_that_stands_out_counts_nearly_alone_and_like_ones_each() -> None:
    assert _weights([0.9, 0.6])[0] > 0.99
    assert _weights([0.9, 0.9]) == [0.5, 0.5]
    assert sum(_weights([0.9, 0.88, 0.85])) == pytest.approx(1.0)


def test_who_may_not_see_them_any_more_has_nothing_lifted(
    people: tuple[User, User], handbook: Collection
) -> None:
    assert lifted(people[1], ranked(handbook, 0.9, 0.5, 0.49)) == pytest.approx(
        {0: 0.9 / 1.4, 1: 0.5 / 1.4, 2: 0.49 / 1.4}
    )


def test_a_hidden_document_moves_nothing(people: tuple[User, User], handbook: Collection) -> None:
    alice, charlie = people

    def seen() -> list[tuple[str, float]]:
        results: SearchResults = search(user=alice, query=QUESTION)
        return [(hit.text, hit.score) for hit in results.hits]

    before = seen()
    hidden = factories.collection("Hidden", owner=charlie.memberships.get().team)
    factories.searchable_document(hidden, passages=[OTHER, QUESTION])
    factories.searchable_document(handbook, name="other.md", passages=[QUESTION, OTHER], narrowed_to=[])
    assert seen() == before


def test_a_single_passage_keeps_its_score(people: tuple[User, User], handbook: Collection) -> None:
    assert lifted(people[0], ranked(handbook, 0.9)) == {0: 0.9}
