"""How well does an embedding model know a language? Measured: where it does not, search leans on words.

Each language has twelve questions, with a passage that answers each in other words; the subjects are the same
in all languages. A model that knows the language finds the right one of the twelve. Every process that serves
measures what is missing for the languages of the collections, once for each generation.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from django.db import transaction

from llm.embedding import DEFAULT_MODEL, Embedder
from retrieval._candidates import Candidate
from retrieval.fusion import DenseWeight
from retrieval.generations import embedder_of
from retrieval.models import Collection, Generation

# What `quality` gives for the model that comes with the portal; `python bench/languages.py` prints it.
_OF_THE_DEFAULT = {
    "da": 0.243, "de": 0.226, "en": 1.0, "es": 0.336, "fi": 0.368, "fr": 0.374, "hu": 0.296, "it": 0.324,
    "nl": 0.209, "no": 0.448, "pt": 0.385, "ru": 0.311, "sv": 0.312, "tr": 0.328,
}  # fmt: skip
_WEAK, _GOOD = 0.5, 0.95  # at which meaning counts the least, and in full
_LEAST_SHARE = 0.4  # decision 0016 has the figures
_FILE = Path(__file__).parent / "probes" / "questions.json"


@cache
def _pairs() -> dict[str, list[tuple[str, str]]]:
    read: dict[str, list[list[str]]] = json.loads(_FILE.read_text(encoding="utf-8"))
    return {
        language: [(question, passage) for question, passage in pairs] for language, pairs in read.items()
    }


def quality(model: Embedder, language: str) -> float | None:
    """Return the mean reciprocal rank of the right passage, from 0.26 (by chance) to 1.

    None where there are no questions in the language. Embeds 24 short texts. Raises EmbeddingError.
    """
    pairs = _pairs().get(language)
    if pairs is None:
        return None
    questions = np.stack([model.embed_query(question) for question, _ in pairs])
    passages = model.embed_passages([passage for _, passage in pairs])
    similarity = questions @ passages.T
    ranks = (similarity > np.diagonal(similarity)[:, None]).sum(axis=1) + 1
    return round(float((1 / ranks).mean()), 3)


def known_languages(generation: Generation) -> Mapping[str, float]:
    """Return how well a generation's model knows each language, as far as it was measured."""
    is_default = generation.kind == Generation.Kind.LOCAL and generation.model == DEFAULT_MODEL
    return _OF_THE_DEFAULT if is_default else generation.languages


def strangeness(generation: Generation, language: str) -> float:
    """Return how little a generation's model knows a language: 1 for hardly, 0 for well or not measured."""
    return strangeness_of(known_languages(generation).get(language))


def strangeness_of(known: float | None) -> float:
    """Return the same for what `quality` says."""
    return 0.0 if known is None else 1.0 - _known_share(known)


def measure_languages(generation: Generation) -> None:
    """Measure a generation's model in the languages of the collections that are missing, and keep it.

    Raises ModelError where the model cannot be used.
    """
    used = set(Collection.objects.values_list("language", flat=True).distinct())
    missing = sorted((used & _pairs().keys()) - known_languages(generation).keys())
    if not missing:
        return
    model = embedder_of(generation)
    found = {language: quality(model, language) for language in missing}
    with transaction.atomic():
        for kept in Generation.objects.select_for_update().filter(pk=generation.pk):
            kept.languages = kept.languages | found
            kept.save(update_fields=["languages"])


def weight_by_language(
    weight: float, *, generation: Generation, languages: Sequence[str], candidates: Sequence[Candidate]
) -> DenseWeight:
    """Return how much meaning counts: `weight`, and less in collections whose language the model knows less.

    `languages` are those of all that is searched. Costs a statement only where they differ in this.
    """
    known = known_languages(generation)
    weights = {language: weight * _share(known.get(language)) for language in languages}
    if len(set(weights.values())) <= 1:
        return DenseWeight(next(iter(weights.values()), weight))
    collections = Collection.objects.filter(pk__in={one.key[0] for one in candidates})
    of_language = collections.values_list("pk", "language")
    return DenseWeight(weight, {pk: weights.get(language, weight) for pk, language in of_language})


def _share(known: float | None) -> float:
    """Return 1 for a language that the model knows well, or that nobody measured, and down to the least."""
    if known is None:
        return 1.0
    return _LEAST_SHARE + (1 - _LEAST_SHARE) * _known_share(known)


def _known_share(known: float) -> float:
    return min(1.0, max(0.0, (known - _WEAK) / (_GOOD - _WEAK)))
