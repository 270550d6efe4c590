"""People who see a share of a grown library, and what search takes and finds for each of them."""

import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from django.db import transaction
from django.test import override_settings
from numpy.typing import NDArray

from bench.tools import figures, growing
from portal.accounts.models import Membership, Team, User
from retrieval._candidates import DEPTH, Key, find_candidates
from retrieval._lexical import Terms, score_passages
from retrieval._visible import Visible
from retrieval.analysis import analyse
from retrieval.generations import embedder_of, serving_generation
from retrieval.models import Collection, Document, Grant, Role
from retrieval.query import parse_query
from retrieval.scope import read_scope
from retrieval.search import search, visible_counts

SHARES = (1.0, 0.1, 0.01, 0.001)
_COMPARED = 10
_WARM_UP = 8
_WORDS = 8
_EVERYTHING = 10**9  # passages: an exact limit that no library reaches


@dataclass(frozen=True, slots=True)
class Share:
    """What search takes one person by step, in this process, and what it finds by meaning.

    `eight_words` is of questions of eight ordinary words, `words` of the others. `recall_at_10` is beside an
    exact scan; `short` counts the questions for which fewer came than there are.
    """

    passages: int
    words: dict[str, float]
    eight_words: dict[str, float]
    vectors: dict[str, float]
    recall_at_10: float
    short: int


def measure(questions: Sequence[str], texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the figures of a person for each share of all passages, which have these texts."""
    shelves = list(Collection.objects.filter(title__startswith=growing.SHELF).order_by("pk"))
    ordinary = _ordinary(texts, len(questions))
    return {
        f"{share:.1%}": asdict(_measure(_reader(share, shelves, len(texts)), questions, ordinary))
        for share in SHARES
    }


def _ordinary(texts: Sequence[str], count: int) -> list[list[str]]:
    """Return the terms of so many questions: eight words that stand together in a passage."""
    rng = random.Random(7)  # noqa: S311 - a seeded choice, not a secret
    found: list[list[str]] = []
    while len(found) < count:
        terms = analyse(rng.choice(texts), "en")
        first = rng.randrange(max(1, len(terms) - _WORDS))
        if len(eight := list(dict.fromkeys(terms[first : first + _WORDS]))) == _WORDS:
            found.append(eight)
    return found


def show(shares: dict[str, dict[str, Any]]) -> None:
    figures.table({f"{name} visible: words": row["words"] for name, row in shares.items()})
    figures.table({f"{name} visible: eight words": row["eight_words"] for name, row in shares.items()})
    figures.table({f"{name} visible: vectors": row["vectors"] for name, row in shares.items()})
    for name, row in shares.items():
        seen = f"{name}: {row['passages']:,} passages"
        figures.say(f"{seen}, recall@10 {row['recall_at_10']}, short {row['short']} times")


@transaction.atomic
def _reader(share: float, shelves: Sequence[Collection], size: int) -> User:
    """Return somebody who sees whole shelves, or of one shelf some documents where a shelf is too much."""
    name = f"{share} of {size} passages"
    team, reader = (
        Team.objects.create(name=name, slug=f"{share}-of-{size}"),
        User.objects.create_user(email=f"{share}-of-{size}@example.com"),
    )
    Membership.objects.create(team=team, user=reader, role=Membership.Role.MEMBER)
    wanted = share * len(shelves)
    granted = shelves[: max(1, round(wanted))]
    Grant.objects.bulk_create(Grant(collection=one, team=team, role=Role.READER) for one in granted)
    if wanted < 1:
        _narrow(granted[0], team, keep=wanted)
    return reader


def _narrow(shelf: Collection, team: Team, *, keep: float) -> None:
    """Hide documents of a shelf from the team, so that it sees this share of it."""
    documents = list(Document.objects.filter(collection=shelf).order_by("pk"))
    hidden = documents[max(1, round(keep * len(documents))) :]
    Document.objects.filter(pk__in=[one.pk for one in hidden]).update(is_narrowed=True)
    for one in hidden:
        one.narrowed_to.set(Team.objects.exclude(pk=team.pk).filter(slug="readers"))


def _measure(reader: User, questions: Sequence[str], ordinary: Sequence[Sequence[str]]) -> Share:
    laps = [search(user=reader, query=question, limit=_COMPARED).timings for question in questions]
    found, _ = _nearest(reader, questions)
    exact, _ = _nearest(reader, questions, SEARCH_EXACT_LIMIT=_EVERYTHING)
    passages = visible_counts(user=reader).chunks
    return Share(
        passages=passages,
        words=figures.spread([lap["words"] for lap in laps[_WARM_UP:]]),
        eight_words=figures.spread(_scored(reader, ordinary)[_WARM_UP:]),
        vectors=figures.spread([lap["vectors"] for lap in laps[_WARM_UP:]]),
        recall_at_10=_recall(found, exact),
        short=sum(len(one) < min(DEPTH, passages) for one in found),
    )


def _scored(reader: User, asked: Sequence[Sequence[str]]) -> list[float]:
    """Return the ms that scoring takes, from the terms to the best passages, once all is listed."""
    scope, times = read_scope(Visible(reader), parse_query("anything")), []
    for terms in asked:
        began = time.perf_counter()
        scored = score_passages(
            listed=scope.listed, terms=Terms(terms), passages=scope.counts.chunks, length=scope.length
        )
        scored.best(DEPTH, among=None)
        times.append((time.perf_counter() - began) * 1000)
    return times


def crossover(reader: User, questions: Sequence[str]) -> dict[str, Any]:
    """Return what comparing all that somebody may see takes, and the index, in ms, and what that finds."""
    found, through_index = _nearest(reader, questions, SEARCH_EXACT_LIMIT=0, SEARCH_CODES_LIMIT=0)
    exact, one_by_one = _nearest(reader, questions, SEARCH_EXACT_LIMIT=_EVERYTHING)
    return {
        "exact": figures.spread(one_by_one[_WARM_UP:]),
        "index": figures.spread(through_index[_WARM_UP:]),
        "recall_at_10": _recall(found, exact),
    }


def _recall(found: Sequence[Sequence[Key]], exact: Sequence[Sequence[Key]]) -> float:
    shares = [
        len(set(ours[:_COMPARED]) & set(all_of[:_COMPARED])) / min(_COMPARED, len(all_of))
        for ours, all_of in zip(found, exact, strict=True)
    ]
    return round(float(np.mean(shares)), 4)


def _nearest(reader: User, questions: Sequence[str], **changed: int) -> tuple[list[list[Key]], list[float]]:
    """Return the passages that are nearest to each question by meaning, nearest first, and the ms taken."""
    scope, generation = read_scope(Visible(reader), parse_query("anything")), serving_generation()
    nothing = score_passages(listed=scope.listed, terms=Terms(()), passages=scope.counts.chunks, length=0)
    ranked, times = [], []
    with transaction.atomic(), override_settings(**changed):
        for question in questions:
            vector: NDArray[np.float32] = embedder_of(generation).embed_query(question)
            began = time.perf_counter()
            candidates = find_candidates(
                listed=scope.listed,
                chunks=scope.counts.chunks,
                generation=generation,
                lexical=nothing,
                allowed=None,
                vector=vector,
            )
            times.append((time.perf_counter() - began) * 1000)
            nearest = sorted(candidates, key=lambda one: (-one.similarity, one.key))
            ranked.append([one.key for one in nearest])
    return ranked, times
