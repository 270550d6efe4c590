"""What somebody may mean who has typed the beginning of it: words, titles, headings, tags that they may see.

Everything is read from rows of visible documents, found by the beginning of a key, and ranked by visible
documents alone: nothing is counted, looked up or passed over for what is hidden in other collections. The
time is bounded: words come from the newest documents, titles and headings by a few rows of each collection.
See docs/decisions/0023-authors-tags-suggestions.md.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from retrieval._visible import Visible
from retrieval.analysis import fold, is_without_gaps
from retrieval.filters import FIELDS
from retrieval.models import MAX_PHRASE, Phrase
from retrieval.people import Person
from retrieval.query import written
from retrieval.statements import fetch
from retrieval.tags import clean_tag
from retrieval.vocabulary import phrase_key

Kind = Literal["question", "word", "title", "heading", "tag"]

SHORTEST = 2
LONGEST = 200
_NEWEST = 1_000
_OF_COLLECTION = 20
_MOST: dict[Kind, int] = {"word": 4, "title": 4, "heading": 3, "tag": 3}
_LAST = re.compile(
    r"(?P<before>.*?)(?P<sign>[-\"\u201c\u201d\u201e(]*)(?P<word>[^\s\"\u201c\u201d\u201e()-]\S*)?"
)
_AFTER_ALL = "\U0010ffff"

# The newest of what is visible is probed version by version, so a hidden document costs nothing here.
_WORDS = """
SELECT 'word' AS kind, max(CASE word.text WHEN '' THEN word.key ELSE word.text END COLLATE "C") AS text,
       0 AS place, count(*) AS documents, word.key
FROM (SELECT id, collection_id FROM visible ORDER BY id DESC LIMIT %(newest)s) AS newest
JOIN retrieval_word AS word
  ON word.collection_id = newest.collection_id AND word.version_id = newest.id
 AND word.key >= %(word)s::text AND word.key < %(word_end)s::text AND word.key <> %(word)s::text
GROUP BY word.key ORDER BY documents DESC, word.key LIMIT %(words)s
"""
# IS TRUE makes one hash of what is visible, instead of a look-up for each row.
_PHRASES = """
SELECT CASE wanted.kind WHEN 1 THEN 'title' ELSE 'heading' END, found.text, found.place, 0, found.key
FROM (SELECT DISTINCT collection_id FROM visible) AS readable
CROSS JOIN unnest(%(kinds)s::smallint[]) AS wanted (kind)
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (phrase.key, phrase.text COLLATE "C") phrase.key, phrase.text, phrase.place
    FROM retrieval_phrase AS phrase
    WHERE phrase.collection_id = readable.collection_id AND phrase.kind = wanted.kind
      AND phrase.key >= %(phrase)s::text AND phrase.key < %(phrase_end)s::text
      AND (phrase.version_id IN (SELECT id FROM visible)) IS TRUE
    ORDER BY phrase.key, phrase.text COLLATE "C", phrase.place LIMIT %(of_collection)s
) AS found
"""
_TAGS = """
SELECT 'tag', tag, 0, count(*), tag
FROM retrieval_document AS document CROSS JOIN unnest(document.tags) AS tag
WHERE document.collection_id = ANY(ARRAY(SELECT DISTINCT collection_id FROM visible))
  AND NOT (document.tags = '{{}}') AND starts_with(tag, %(tag)s)
  AND (document.current_version_id IN (SELECT id FROM visible)) IS TRUE
GROUP BY tag ORDER BY count(*) DESC, tag COLLATE "C" LIMIT %(tags)s
"""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something to choose: `text` is shown, `query` is what the box holds afterwards."""

    kind: Kind
    text: str
    query: str


@dataclass(frozen=True, slots=True)
class _Typed:
    """What was typed, taken apart: what stands before the last word, and what each part is looked up by."""

    before: str
    last: str
    word: str
    phrase: str
    tag: str


def suggest(*, user: Person, typed: str, collections: Sequence[str] = ()) -> list[Suggestion]:
    """Return at most a dozen suggestions, the likeliest of each kind first; none for less than two letters.

    `collections` are slugs to narrow to, as in a search.
    """
    parts = _take_apart(typed)
    if parts is None or not user.is_authenticated:
        return []
    rows = list(_rows(Visible(user, collections), parts))
    return [
        *_words(rows, parts),
        *_phrases(rows, parts, "title"),
        *_phrases(rows, parts, "heading"),
        *_tags(rows, parts),
    ]


def _take_apart(typed: str) -> _Typed | None:
    """Return what is looked up, or None where nothing is."""
    text = " ".join(typed.replace("\x00", " ").split())
    if not SHORTEST <= len(text) <= LONGEST:
        return None
    last = _LAST.fullmatch(text)
    word = (last["word"] or "") if last and not typed[-1:].isspace() else ""
    before = text[: len(text) - len(word)] if word else f"{text} "
    field, colon, value = word.partition(":")
    if colon and field.lower() in FIELDS:
        tag = clean_tag(value) if field.lower() == "tag" else ""
        return _Typed(before, word, "", "", tag) if tag else None
    phrase = phrase_key(text)[:MAX_PHRASE]
    beginning = fold(word)
    parts = _Typed(
        before,
        word,
        beginning if len(beginning) >= SHORTEST and not is_without_gaps(beginning) else "",
        phrase if len(phrase) >= SHORTEST else "",
        clean_tag(word) if len(word) >= SHORTEST else "",
    )
    return parts if parts.word or parts.phrase or parts.tag else None


def _rows(visible: Visible, parts: _Typed) -> Iterator[tuple[Any, ...]]:
    """Ask for what was typed alone, in one statement: each kind of it is a part of that."""
    asked = {_WORDS: parts.word, _PHRASES: parts.phrase, _TAGS: parts.tag}
    statements = " UNION ALL ".join(f"({part})" for part, beginning in asked.items() if beginning)
    statement = f"WITH visible AS MATERIALIZED ({{visible}}) {statements}".format(visible=visible.sql)
    params = {
        "word": parts.word,
        "word_end": parts.word + _AFTER_ALL,
        "newest": _NEWEST,
        "words": _MOST["word"],
        "phrase": parts.phrase,
        "phrase_end": parts.phrase + _AFTER_ALL,
        "kinds": [int(kind) for kind in Phrase.Kind],
        "of_collection": _OF_COLLECTION,
        "tag": parts.tag,
        "tags": _MOST["tag"],
    }
    yield from fetch(statement, visible.params | params)[1]


def _words(rows: Sequence[tuple[Any, ...]], parts: _Typed) -> Iterator[Suggestion]:
    for kind, text, *_ in sorted(rows, key=lambda row: (-row[3], row[4])):
        if kind == "word":
            whole = parts.before + _gone_on(parts.last, text)
            yield Suggestion("word", whole, whole)


def _gone_on(typed: str, word: str) -> str:
    """Return a word as it goes on from what was typed in small letters: it may begin a sentence elsewhere."""
    length = len(typed)
    is_same = typed == typed.lower() and fold(word[:length]) == fold(typed)
    return typed + word[length:] if is_same else word


def _phrases(rows: Sequence[tuple[Any, ...]], parts: _Typed, kind: Kind) -> list[Suggestion]:
    """Return titles or headings, those that begin with what was typed before those that go on with it."""
    found = sorted((row for row in rows if row[0] == kind), key=lambda row: (row[2] > 0, row[4], row[1]))
    texts = dict.fromkeys(row[1] for row in found)
    return [Suggestion(kind, text, text) for text in texts][: _MOST[kind]]


def _tags(rows: Sequence[tuple[Any, ...]], parts: _Typed) -> Iterator[Suggestion]:
    for kind, text, *_ in sorted(rows, key=lambda row: (-row[3], row[1])):
        if kind == "tag":
            yield Suggestion("tag", text, f"{parts.before}{written('tag', text)} ")
