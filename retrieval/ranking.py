"""Candidates become a list: fused, reranked, lifted, pinned, and laid out for whom it is for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.conf import settings

from retrieval._candidates import Candidate
from retrieval._lexical import Lexical
from retrieval._passages import Passages
from retrieval._visible import Visible
from retrieval.boosts import boosted
from retrieval.diversity import Arrangement, Place, arrange, as_ranked
from retrieval.document_match import with_documents
from retrieval.fusion import fuse
from retrieval.identifiers import asks_for_identifier
from retrieval.languages import weight_by_language
from retrieval.likeness import with_likeness
from retrieval.models import Generation
from retrieval.pins import pinned_first
from retrieval.query import Query
from retrieval.reranking import rerank
from retrieval.surroundings import with_surroundings


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was understood: what was typed, in words, of whom and where."""

    query: Query
    question: str
    visible: Visible
    languages: Sequence[str]
    generation: Generation
    lexical: Lexical


@dataclass(frozen=True, slots=True)
class Ranking:
    places: Sequence[Place] = ()
    notice: str = ""


def rank(
    candidates: Sequence[Candidate],
    *,
    asked: Asked,
    limit: int,
    arrangement: Arrangement | None,
    passages: Passages,
) -> Ranking:
    """Return the places of the best candidates, `limit` at most, and what readers should know of them."""
    weight = weight_by_language(
        _dense_weight(asked),
        generation=asked.generation,
        languages=asked.languages,
        candidates=candidates,
    )
    fused = fuse(candidates, weight=weight, upper_bound=asked.lexical.upper_bound)
    fitting = with_documents(
        with_surroundings(fused, bm25=asked.lexical.scores),
        question=asked.question,
        languages=asked.languages,
        visible=asked.visible,
        lexical=asked.lexical,
    )
    alike = with_likeness(fitting, weight=weight, generation=asked.generation, passages=passages)
    reranked = rerank(question=asked.question, ranked=alike, passages=passages)
    ranked = pinned_first(boosted(reranked.ranked), asked=asked.query, visible=asked.visible)
    if arrangement is None:
        return Ranking(as_ranked(ranked[:limit]), reranked.notice)
    arrangement = _fitted(arrangement, asked.query)
    return Ranking(arrange(ranked, limit=limit, arrangement=arrangement, passages=passages), reranked.notice)


def _dense_weight(asked: Asked) -> float:
    """Return how much meaning counts: less where somebody asks for an identifier or for exact words."""
    is_exact = any(not part.is_excluded for part in asked.query.parts)
    if is_exact or any(asks_for_identifier(asked.query.text, language) for language in asked.languages):
        return settings.FUSION_DENSE_WEIGHT_EXACT
    return settings.FUSION_DENSE_WEIGHT


def _fitted(arrangement: Arrangement, query: Query) -> Arrangement:
    """Return the arrangement for a question: who searches one document alone gets all of it."""
    is_of_one = any(one.field == "document" and not one.is_excluded for one in query.filters)
    return replace(arrangement, per_document=0) if is_of_one else arrangement
