"""Who may find what, and with which scores, worked out in plain Python from nothing but the description.

Nothing here asks the database or the access rule. The words are such that stems are the words themselves, in
both languages of the collections, so that terms are words.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from tests.fakes.hash_embedder import word_counts

WORDS = ("kvarn", "kvast", "blom", "brod", "tromf", "plisk", "zurk", "garb")
LANGUAGES = ("en", "en", "de")
PEOPLE, TEAMS = 3, 3
DIMENSION = 8
_K1, _B = 1.2, 0.75

Passage = tuple[str, ...]  # its words
Sign = Literal["plain", "phrase", "prefix", "without", "collection", "tag", "author"]
AUTHORS = ("Ada Roe", "Bo Ek; Ada Roe", "Bo Ek", "")
TAGS = ("kvarn mal", "kvast", "zurk", "new")


@dataclass
class Paper:
    """A document; `narrowed` are teams, or None; `parent` is the number of the one that it came out of.

    `title` and `headings` are words as passages have; the headings stand over all passages.
    """

    collection: int
    narrowed: frozenset[int] | None
    passages: tuple[Passage, ...]
    is_deleted: bool = False
    parent: int | None = None
    title: Passage = ("paper",)
    headings: tuple[Passage, ...] = ()
    author: str = ""
    tags: frozenset[str] = frozenset()
    version: int = 1

    @property
    def names(self) -> list[str]:
        return self.author.split("; ") if self.author else []


@dataclass
class World:
    """Teams by person, teams by collection, papers, and words that mean the same by collection."""

    members: list[set[int]]
    grants: list[set[int]]
    everyone: set[int]
    papers: list[Paper]
    synonyms: list[tuple[int, list[str]]] = field(default_factory=list)
    closed: set[int] = field(default_factory=set)

    def visible_collections(self, person: int) -> set[int]:
        """Return the collections that a person sees."""
        if person in self.closed:
            return set()
        opened = {one for one, teams in enumerate(self.grants) if teams & self.members[person]}
        return opened | self.everyone

    def visible_papers(self, person: int) -> set[int]:
        """Return the papers that a person sees: with all that they came out of."""
        collections = self.visible_collections(person)

        def is_open(paper: Paper) -> bool:
            reached = paper.narrowed is None or bool(paper.narrowed & self.members[person])
            return not paper.is_deleted and paper.collection in collections and reached

        return {
            number for number in range(len(self.papers)) if all(map(is_open, self._with_those_above(number)))
        }

    def _with_those_above(self, number: int) -> Iterator[Paper]:
        at: int | None = number
        while at is not None:
            yield self.papers[at]
            at = self.papers[at].parent

    def family(self, number: int) -> list[int]:
        """Return the number of a paper and of those that came out of it."""
        below = [other for other, paper in enumerate(self.papers) if paper.parent == number]
        return [number, *(one for child in below for one in self.family(child))]

    def view(self, person: int) -> object:
        """Return all that may matter for what a person is answered."""
        collections = self.visible_collections(person)
        papers = [
            (number, one.collection, one.passages, one.title, one.headings, one.author, one.tags, one.version)
            for number in sorted(self.visible_papers(person))
            if (one := self.papers[number])
        ]
        return collections, papers


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: words, and one sign with two words, a beginning, a word, or a filter's value.

    `value` of an author is a whole name, or with a star the beginning of a part of one.
    """

    words: tuple[str, ...]
    sign: Sign
    value: str = ""
    pair: tuple[str, str] = ("", "")
    collection: int = -1

    def typed(self, slugs: Sequence[str]) -> str:
        """Return the question as a person types it."""
        signs = {
            "plain": "",
            "phrase": f' "{" ".join(self.pair)}"',
            "prefix": f" {self.value}*",
            "without": f" -{self.value}",
            "collection": f" collection:{slugs[self.collection]}",
            "tag": f' tag:"{self.value.upper()}"',
            "author": f' author:"{self.value.upper()}"',
        }
        if self.sign == "author" and self.value.endswith("*"):
            signs["author"] = f" author:{self.value[:-1].upper()}"
        return " ".join(self.words) + signs[self.sign]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a search must return: both scores by (paper, passage), counts, other words, words to be marked."""

    hits: dict[tuple[int, int], tuple[float, float]]
    papers: int
    passages: int
    by_collection: dict[int, int]
    by_author: dict[str, int]
    by_tag: dict[str, int]
    also: tuple[str, ...]
    marked: frozenset[str]


def expect(world: World, person: int, asked: Asked) -> Expected:
    """Return what a person's search must find."""
    seen = {number for number in world.visible_papers(person) if _is_searched(world.papers[number], asked)}
    found = {(n, o): words for n in seen for o, words in enumerate(world.papers[n].passages)}
    by_collection = Counter(world.papers[number].collection for number in seen)
    also = list(_synonyms(world, asked, set(by_collection)))
    shown = tuple(dict.fromkeys(word for word, _ in also))
    terms = list(dict.fromkeys([*asked.words, *_more_terms(asked, found)]))
    scoped = {(word, where) for word, where in also if word not in terms}
    bm25 = _bm25(world, found, [*((term, None) for term in terms), *scoped])
    question = " ".join([*asked.words, *_said(asked)]) + (f" ({', '.join(shown)})" if shown else "")
    return Expected(
        hits={
            key: (bm25[key], _cosine(question, " ".join(words)))
            for key, words in found.items()
            if _fits(asked, words)
        },
        papers=len(seen),
        passages=len(found),
        by_collection=dict(by_collection),
        by_author=dict(Counter(name for number in seen for name in world.papers[number].names)),
        by_tag=dict(Counter(tag for number in seen for tag in world.papers[number].tags)),
        also=shown,
        marked=frozenset(terms) | {word for word, _ in scoped},
    )


def _is_searched(paper: Paper, asked: Asked) -> bool:
    match asked.sign:
        case "collection":
            return paper.collection == asked.collection
        case "tag":
            return asked.value in paper.tags
        case "author" if asked.value.endswith("*"):
            parts = [part for name in paper.names for part in name.split()]
            return any(part.startswith(asked.value[:-1]) for part in parts)
        case "author":
            return asked.value in paper.names
    return True


def expect_suggestions(world: World, person: int, typed: str) -> list[tuple[str, str]]:
    """Return what is suggested to a person, in order, as (kind, text)."""
    papers = [world.papers[number] for number in world.visible_papers(person)]
    before, _, last = f" {typed}".rpartition(" ")
    before = f"{before.strip()} ".lstrip()
    words = Counter(word for paper in papers for word in {w for p in paper.passages for w in p})
    tags = Counter(tag for paper in papers for tag in paper.tags)
    titles = {paper.title for paper in papers}
    headings = {heading for paper in papers for heading in paper.headings}
    return [
        *(("word", before + word) for word in _frequent(words, last, 4) if word != last),
        *(("title", text) for text in _going_on(titles, typed, 4)),
        *(("heading", text) for text in _going_on(headings, typed, 3)),
        *(("tag", tag) for tag in _frequent(tags, last, 3)),
    ]


def _frequent(counted: Counter[str], beginning: str, most: int) -> list[str]:
    fitting = [word for word in counted if word.startswith(beginning)]
    return sorted(fitting, key=lambda word: (-counted[word], word))[:most]


def _going_on(phrases: set[Passage], typed: str, most: int) -> list[str]:
    """Return the phrases in which what was typed begins a word: first those that begin with it."""
    found = {}
    for words in phrases:
        rests = [(place > 0, " ".join(words[place:])) for place in range(len(words))]
        if fitting := [(late, rest) for late, rest in rests if rest.startswith(typed)]:
            found[" ".join(words)] = min(fitting)
    return sorted(found, key=lambda text: (found[text], text))[:most]


def _synonyms(world: World, asked: Asked, collections: set[int]) -> Iterator[tuple[str, int]]:
    seen = set()
    for where, words in world.synonyms:
        if where in collections and set(words) & set(asked.words):
            for word in words:
                if word not in asked.words and (word, where) not in seen:
                    seen.add((word, where))
                    yield word, where


def _said(asked: Asked) -> tuple[str, ...]:
    """Return the words that are asked for with a sign."""
    if asked.sign == "phrase":
        return asked.pair
    return (asked.value,) if asked.sign == "prefix" else ()


def _more_terms(asked: Asked, found: dict[tuple[int, int], Passage]) -> list[str]:
    said = list(_said(asked))
    if asked.sign == "prefix":
        said += sorted({w for words in found.values() for w in words if w.startswith(asked.value)})
    return said


def _fits(asked: Asked, words: Passage) -> bool:
    match asked.sign:
        case "phrase":
            return asked.pair in pairwise(words)
        case "prefix":
            return any(word.startswith(asked.value) for word in words)
        case "without":
            return asked.value not in words
    return True


def _bm25(
    world: World, found: dict[tuple[int, int], Passage], terms: Sequence[tuple[str, int | None]]
) -> dict[tuple[int, int], float]:
    """Lucene's form, over what is found and nothing else; a term with a collection counts in that alone."""
    average = max(1.0, sum(map(len, found.values())) / max(1, len(found)))
    scores = dict.fromkeys(found, 0.0)
    by_term: dict[str, list[tuple[int, int]]] = {}
    for term, where in terms:
        for key, words in found.items():
            if term in words and where in {None, world.papers[key[0]].collection}:
                by_term.setdefault(term, []).append(key)
    for term, keys in by_term.items():
        idf = math.log(1 + (len(found) - len(keys) + 0.5) / (len(keys) + 0.5))
        for key in keys:
            often = found[key].count(term)
            length = len(found[key]) / average
            scores[key] += idf * often / (often + _K1 * (1 - _B + _B * length))
    return scores


def _cosine(one: str, other: str) -> float:
    first, second = word_counts(one, DIMENSION), word_counts(other, DIMENSION)
    product = sum(a * b for a, b in zip(first, second, strict=True))
    return product / (math.hypot(*first) * math.hypot(*second))
