"""Random teams, grants, narrowed documents and changes to them, against an oracle that knows no SQL.

Every search is compared: which passages, both scores of each (so that neither list, nor any statistic, knows
of what is hidden), counts, facets, filters, other words and snippets, and what is suggested; with the vectors
compared one by one, by codes and through the index; before and after each change. Who sees the same after a
change as before is answered the same.

`PERMISSION_SCENARIOS` says how many scenarios; `make torture` runs 2,000.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from django.db import transaction
from django.test import Client, override_settings
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ingestion.documents import delete_document
from ingestion.moving import move_document
from portal.accounts.models import Membership, User
from retrieval import _candidates, access
from retrieval.analysis import analyse
from retrieval.authors import set_author
from retrieval.collections import narrow_document, set_grant
from retrieval.models import Document, Role
from retrieval.search import SearchResults, search
from retrieval.segments import merge_segments
from retrieval.suggestions import Suggestion, suggest
from retrieval.tags import change_tags
from tests import factories
from tests.fakes.hash_embedder import serve_hashes
from tests.retrieval.oracle import (
    AUTHORS,
    DIMENSION,
    LANGUAGES,
    PEOPLE,
    TAGS,
    TEAMS,
    WORDS,
    Asked,
    Paper,
    Sign,
    World,
    expect,
    expect_suggestions,
)
from tests.retrieval.portal import Portal

SCENARIOS = int(os.environ.get("PERMISSION_SCENARIOS", "100"))
pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.timeout(120 + 2 * SCENARIOS)]

_words = st.sampled_from(WORDS)
_person, _team, _where = (st.integers(0, most - 1) for most in (PEOPLE, TEAMS, len(LANGUAGES)))
_teams = st.sets(_team, max_size=TEAMS)
_some_teams = st.sets(_team, min_size=1, max_size=2)
_passages = st.lists(st.lists(_words, min_size=2, max_size=5).map(tuple), min_size=1, max_size=2).map(tuple)
_narrowed = st.none() | st.none() | _some_teams.map(frozenset) | _teams.map(frozenset)
_phrases = st.lists(_words, min_size=1, max_size=3, unique=True).map(tuple)
_headings = st.lists(_phrases, max_size=2, unique=True).map(tuple)
_author = st.sampled_from(AUTHORS)
_tags = st.sets(st.sampled_from(TAGS), max_size=2).map(frozenset)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    papers: list[Paper] = []
    for number in range(draw(st.integers(1, 5))):
        parent = draw(st.none() | st.none() | st.integers(0, number - 1)) if number else None
        collection = draw(_where) if parent is None else papers[parent].collection
        is_deleted = draw(st.integers(0, 7)) == 0
        papers.append(
            Paper(
                collection,
                narrowed=draw(_narrowed),
                passages=draw(_passages),
                is_deleted=is_deleted,
                parent=parent,
                title=draw(_phrases),
                headings=draw(_headings),
                author=draw(_author),
                tags=draw(_tags),
            )
        )
    pairs = st.lists(_words, min_size=2, max_size=2, unique=True)
    return World(
        members=draw(st.lists(_some_teams | _teams, min_size=PEOPLE, max_size=PEOPLE)),
        grants=draw(st.lists(_some_teams, min_size=len(LANGUAGES), max_size=len(LANGUAGES))),
        everyone=draw(st.sets(_where, max_size=1)),
        papers=papers,
        synonyms=[(draw(_where), draw(pairs))] if draw(st.booleans()) else [],
    )


@st.composite
def questions(draw: st.DrawFn) -> Asked:
    words = tuple(draw(st.lists(_words, min_size=1, max_size=3, unique=True)))
    signs: list[Sign] = ["plain", "plain", "phrase", "prefix", "without", "collection", "tag", "author"]
    sign: Sign = draw(st.sampled_from(signs))
    match sign:
        case "phrase":
            return Asked(words, "phrase", pair=(draw(_words), draw(_words)))
        case "prefix":
            return Asked(words, "prefix", draw(_words)[:3])
        case "without":
            return Asked(words, "without", draw(_words))
        case "collection":
            return Asked(words, "collection", collection=draw(_where))
    values = {"tag": TAGS, "author": ("Ada Roe", "Bo Ek", "Ada*", "Ro*", "E*")}
    return Asked(words, sign, draw(st.sampled_from(values[sign])) if sign in values else "")


@dataclass(frozen=True)
class Step:
    """A change by name, with numbers that it takes what it needs from."""

    name: str
    first: int
    second: int
    teams: frozenset[int]
    passages: tuple[tuple[str, ...], ...]
    author: str
    tags: frozenset[str]


def apply(step: Step, portal: Portal, world: World) -> None:
    """Make a change in both: to people and grants, to a paper, or by a new one."""
    person, team, where = step.first % PEOPLE, step.second % TEAMS, step.first % len(LANGUAGES)
    match step.name:
        case "leave":
            Membership.objects.filter(user=portal.people[person], team=portal.teams[team]).delete()
            world.members[person].discard(team)
        case "join":
            Membership.objects.get_or_create(user=portal.people[person], team=portal.teams[team])
            world.members[person].add(team)
        case "close":
            User.objects.filter(pk=portal.people[person].pk).update(is_active=False)
            world.closed.add(person)
        case "revoke" | "grant":
            role = Role.READER if step.name == "grant" else None
            (world.grants[where].add if role else world.grants[where].discard)(team)
            set_grant(
                user=portal.keeper, collection=portal.collections[where], team=portal.teams[team], role=role
            )
        case "open" | "shut":
            role = Role.READER if step.name == "open" else None
            (world.everyone.add if role else world.everyone.discard)(where)
            set_grant(user=portal.keeper, collection=portal.collections[where], team=None, role=role)
        case "merge":
            merge_segments(seconds=60)
        case "add":
            paper = Paper(where, step.teams, step.passages, author=step.author, tags=step.tags)
            world.papers.append(paper)
            portal.add(world.papers[-1])
        case _:
            _apply_to_paper(step, portal, world)


def _apply_to_paper(step: Step, portal: Portal, world: World) -> None:
    number = step.first % len(world.papers)
    paper = world.papers[number]
    if paper.is_deleted or (paper.parent is not None and step.name not in _OF_ONE):
        return  # what is in another goes where that one goes
    document = portal.document(number)
    match step.name:
        case "delete":
            delete_document(user=portal.keeper, document=document)
            for one in world.family(number):
                world.papers[one].is_deleted = True
        case "narrow" | "widen":
            teams = (step.teams or {0}) if step.name == "narrow" else None
            chosen = None if teams is None else [portal.teams[team] for team in teams]
            narrow_document(user=portal.keeper, document=document, teams=chosen)
            for one in world.family(number):
                world.papers[one].narrowed = None if teams is None else frozenset(teams)
        case "move":
            _move(portal, world, number, document, step.second % len(LANGUAGES))
        case "replace":
            paper.passages, paper.version = step.passages, paper.version + 1
            portal.publish(document, paper.version, paper)
        case "tag":
            change_tags(
                user=portal.keeper,
                documents=[document],
                add=sorted(step.tags),
                remove=sorted(paper.tags - step.tags),
            )
            paper.tags = step.tags
        case "author":
            set_author(user=portal.keeper, document=document, author=step.author)
            paper.author = step.author


def _move(portal: Portal, world: World, number: int, document: Document, where: int) -> None:
    if where == world.papers[number].collection:
        return
    move_document(user=portal.keeper, document=document, target=portal.collections[where], allow_wider=True)
    for one in world.family(number):
        if not world.papers[one].is_deleted:
            world.papers[one].collection = where


_KINDS = ["leave", "join", "close", "revoke", "grant", "open", "shut", "add", "merge"]
_OF_ONE = ("replace", "tag", "author")
_KINDS += ["delete", "narrow", "widen", "move", *_OF_ONE]
_steps = st.builds(
    Step,
    name=st.sampled_from(_KINDS),
    first=st.integers(0, 59),
    second=st.integers(0, 59),
    teams=_teams.map(frozenset),
    passages=_passages,
    author=_author,
    tags=_tags,
)
_beginnings = st.builds(
    lambda before, word, length: " ".join([*before, word[:length]]),
    st.lists(_words, max_size=1),
    _words | st.just("new"),
    st.integers(2, 5),
)


def test_words_are_their_own_stems() -> None:
    """Else the oracle would have to know about stems."""
    for language in LANGUAGES:
        assert analyse(" ".join(WORDS), language) == list(WORDS)


WAYS = {
    "exact": {"SEARCH_EXACT_LIMIT": 25_000},
    "codes": {"SEARCH_EXACT_LIMIT": 0},
    "index": {"SEARCH_EXACT_LIMIT": 0, "SEARCH_CODES_LIMIT": 0},
}


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    serve_hashes(monkeypatch, dimension=DIMENSION)
    monkeypatch.setattr(_candidates, "FEWEST_BITS", 1)


@settings(
    max_examples=SCENARIOS,
    deadline=None,
    database=None,
    phases=[Phase.generate],  # a world is small enough to be read as it is, and to shrink it takes minutes
    suppress_health_check=list(HealthCheck),
)
@given(
    world=worlds(),
    asked=questions(),
    typed=_beginnings,
    steps=st.lists(_steps, min_size=1, max_size=2),
    way=st.sampled_from(sorted(WAYS)),
    is_merged=st.booleans(),
)
def test_everyone_finds_what_they_may_see_and_nothing_else(
    hashes: None,
    world: World,
    asked: Asked,
    typed: str,
    steps: list[Step],
    way: str,
    is_merged: bool,
) -> None:
    with transaction.atomic(), override_settings(**WAYS[way]):
        portal = Portal(world)
        if is_merged:
            merge_segments(seconds=60)
        everyone = range(PEOPLE)
        before = [answers_to(portal, world, person, asked, typed) for person in everyone]
        for step in steps:
            views = [world.view(person) for person in everyone]
            apply(step, portal, world)
            after = [answers_to(portal, world, person, asked, typed) for person in everyone]
            for person in everyone:
                if world.view(person) == views[person]:
                    assert after[person] == before[person], step
            before = after
        check_requests(portal, world, asked, typed, steps[0].first % PEOPLE)
        transaction.set_rollback(True)


def answers_to(
    portal: Portal, world: World, person: int, asked: Asked, typed: str
) -> tuple[SearchResults, list[Suggestion]]:
    """Search as a person, have something suggested to them, and compare both with the oracle."""
    suggested = suggest(user=portal.person(person), typed=typed)
    assert [(one.kind, one.text) for one in suggested] == expect_suggestions(world, person, typed)
    return found_by(portal, world, person, asked), suggested


def found_by(portal: Portal, world: World, person: int, asked: Asked) -> SearchResults:
    """Search as a person, check everything that is returned against the oracle, and return it."""
    user, query = portal.person(person), asked.typed(portal.slugs)
    numbers = {document.pk: number for number, document in enumerate(portal.papers)}
    seen = world.visible_papers(person)
    assert {numbers[pk] for pk in access.visible_documents(user=user).values_list("pk", flat=True)} == seen
    expected = expect(world, person, asked)
    found = search(user=user, query=query, limit=200, with_facets=True)
    hits = {(numbers[hit.document_id], hit.ordinal): hit for hit in found.hits}
    assert hits.keys() == expected.hits.keys()
    for key, (bm25, similarity) in expected.hits.items():
        assert hits[key].bm25 == pytest.approx(bm25, abs=1e-3), key
        assert hits[key].similarity == pytest.approx(similarity, abs=5e-3), key
        check_snippet(hits[key].text, hits[key].snippet, expected.marked)
        paper = world.papers[key[0]]
        assert (hits[key].author, hits[key].tags) == (paper.author, tuple(sorted(paper.tags)))
    assert [hit.score for hit in found.hits] == sorted((hit.score for hit in found.hits), reverse=True)
    assert (found.documents, found.chunks) == (expected.papers, expected.passages)
    assert found.collections == len(expected.by_collection)
    assert found.also_searched_for == expected.also
    assert facets(found) == {
        "collection": {portal.slugs[one]: count for one, count in expected.by_collection.items()},
        "language": _sums((LANGUAGES[one], count) for one, count in expected.by_collection.items()),
        "author": expected.by_author,
        "tag": expected.by_tag,
    }
    return replace(found, timings={})


def check_snippet(text: str, snippet: tuple[Any, ...], marked: frozenset[str]) -> None:
    assert "".join(part.text for part in snippet) == text  # they are shorter than a snippet
    assert [part.text for part in snippet if part.marked] == [w for w in text.split() if w in marked]


def facets(found: SearchResults) -> dict[str, dict[str, int]]:
    counted = {facet.field: {one.value: one.documents for one in facet.values} for facet in found.facets}
    total = sum(counted.get("collection", {}).values())
    for of_all in ("type", "year"):  # all papers are of one type and year
        assert sum(counted.get(of_all, {}).values()) == total
    return {name: counted.get(name, {}) for name in ("collection", "language", "author", "tag")}


def _sums(pairs: Iterator[tuple[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for name, count in pairs:
        sums[name] = sums.get(name, 0) + count
    return sums


def check_requests(portal: Portal, world: World, asked: Asked, typed: str, person: int) -> None:
    """Ask over HTTP what the services were asked: the very next requests know of every change."""
    user, seen = portal.person(person), world.visible_papers(person)
    api = Client(headers=factories.bearer(user), raise_request_exception=False)
    if person in world.closed:
        assert api.get("/api/v1/me").status_code == 401
        return
    body = json.dumps({"query": asked.typed(portal.slugs), "limit": 50})
    found = api.post("/api/v1/search", body, content_type="application/json").json()
    names = {portal.papers[number].name for number, _ in expect(world, person, asked).hits}
    listed = {hit["name"] for hit in found["hits"]}
    assert listed <= names
    assert bool(listed) == bool(names)
    told = api.get("/api/v1/suggestions", {"q": typed}).json()["suggestions"]
    assert [(one["kind"], one["text"]) for one in told] == expect_suggestions(world, person, typed)
    for number in [*sorted(seen)[-1:], *sorted(set(range(len(portal.papers))) - seen)[-1:]]:
        status = api.get(f"/api/v1/documents/{portal.papers[number].pk}").status_code
        assert status == (200 if number in seen else 404), number
    shown = {one["slug"] for one in api.get("/api/v1/collections").json()["items"]}
    assert shown == {portal.slugs[one] for one in world.visible_collections(person)}
