"""Search notices which languages an embedding model knows, and leans on words in the others."""

import pytest

from llm.embedding import load_embedder
from portal.accounts.models import User
from retrieval import languages, warm
from retrieval._candidates import Candidate
from retrieval.analysis import LANGUAGE_CHOICES
from retrieval.fusion import DenseWeight
from retrieval.generations import embedder_of, ensure_first_generation, first_spec
from retrieval.languages import (
    known_languages,
    measure_languages,
    quality,
    strangeness,
    weight_by_language,
)
from retrieval.models import Collection, Generation
from retrieval.search import search
from tests.fakes.embedding_server import FakeEmbeddings

pytestmark = pytest.mark.django_db

PASSAGES = ["Annual leave is thirty days.", "The canteen serves soup."]


def test_the_model_of_the_portal_knows_english_and_not_german() -> None:
    model = load_embedder(first_spec())
    for language in ("en", "de"):
        assert quality(model, language) == pytest.approx(languages._OF_THE_DEFAULT[language], abs=0.05)
    assert quality(model, "xx") is None
    assert {language for language, _ in LANGUAGE_CHOICES} == set(languages._OF_THE_DEFAULT)


def test_each_language_has_twelve_questions_and_no_text_twice() -> None:
    for language, pairs in languages._pairs().items():
        assert len(pairs) == 12
        assert len({text for pair in pairs for text in pair}) == 24, language
    assert {language for language, _ in LANGUAGE_CHOICES} == set(languages._pairs())


def weight(*used: str, candidates: tuple[Candidate, ...] = ()) -> DenseWeight:
    serving = ensure_first_generation()
    return weight_by_language(0.5, generation=serving, languages=used, candidates=candidates)


def test_meaning_counts_less_where_the_model_does_not_know_the_language(handbook: Collection) -> None:
    german = Collection.objects.create(
        slug="de", title="Deutsch", language="de", owner_team=handbook.owner_team
    )
    least = 0.5 * languages._LEAST_SHARE
    assert weight("en") == weight("xx") == DenseWeight(0.5)
    assert weight("de") == weight("de", "fr") == DenseWeight(least)
    both = (Candidate((handbook.pk, 1, 0), 1, 1), Candidate((german.pk, 2, 0), 1, 1))
    found = weight("en", "de", candidates=both)
    assert [found.of(one) for one in both] == [0.5, least]


def test_a_german_collection_leans_on_words(people: tuple[User, User], handbook: Collection) -> None:
    alice, _ = people
    before = search(user=alice, query="annual soup").hits
    Collection.objects.update(language="de")
    after = search(user=alice, query="annual soup").hits
    assert {hit.similarity for hit in before} == {hit.similarity for hit in after}
    assert before[1].score < after[1].score, "both passages have one of the words"


def test_another_model_is_measured_once_in_the_languages_of_the_collections(handbook: Collection) -> None:
    ensure_first_generation()
    handbook.language = "fr"
    handbook.save()
    with FakeEmbeddings(dimension=8).running() as server:
        other = Generation.objects.create(
            kind="openai", model="fake", base_url=server.base_url, dimension=8, state="filling"
        )
        watch = warm._Watch(lambda _: None)
        watch.look()
        other.refresh_from_db()
        assert list(other.languages) == ["fr"]
        assert known_languages(other)["fr"] == quality(embedder_of(other), "fr")
        asked = len(server.texts)
        watch.look()
        measure_languages(other)
        assert len(server.texts) == asked
        Collection.objects.update(language="en")
        server.status = 401
        Generation.objects.filter(pk=other.pk).update(model="fake two")
        watch.look()
        other.refresh_from_db()
        assert list(other.languages) == ["fr"], "what cannot be measured counts as known"


def test_a_language_that_was_not_measured_is_not_strange() -> None:
    generation = ensure_first_generation()
    assert strangeness(generation, "en") == 0
    assert strangeness(generation, "de") == 1
    assert strangeness(generation, "zh") == 0
