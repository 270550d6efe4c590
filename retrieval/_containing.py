"""Which passages hold a phrase, or a word with a beginning: asked of the postings, checked in the text.

Postings know which words a passage has, not in which order, and they know the words' stems. So they name the
passages that may hold what is wanted, and the text of those decides.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import connection

from retrieval.analysis import analyse, fold
from retrieval.errors import InvalidInputError
from retrieval.postings import ORDINALS
from retrieval.query import Part
from retrieval.scope import Listed

MOST_READ = 100_000
_MOST_TERMS = 32
_SHORTEST_STEM = 2
_WORD = re.compile(r"[^\W_]+")
_WHOLE = re.compile(r"[^\W_]+|\d+(?:\.\d+)+")
_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
# Where a word begins and ends; Chinese, Japanese and Korean are written without gaps.
_BEGINS, _ENDS = rf"(?<![^\W_{_CJK}])", rf"(?![^\W_{_CJK}])"

Key = tuple[int, int]  # version and ordinal of a passage

_READABLE = "visible AS MATERIALIZED ({visible}),\nreadable AS ({readable})"
_TEXT = """
JOIN retrieval_chunk AS chunk
  ON chunk.collection_id = held.collection_id AND chunk.version_id = held.version_id
 AND chunk.ordinal = held.ordinal
LIMIT %(most)s
"""
_ALL_TERMS = f"""
WITH {_READABLE},
held AS (
    SELECT block.collection_id, block.version_id, entry.ordinal
    FROM readable
    JOIN unnest(%(terms)s::text[], %(languages)s::text[], %(needed)s::int[]) AS asked (term, language, needed)
      ON asked.language = readable.language
    JOIN retrieval_postingblock AS block
      ON block.collection_id = readable.collection_id AND block.term = asked.term
    CROSS JOIN LATERAL {ORDINALS} AS entry (ordinal)
    WHERE (block.version_id IN (SELECT id FROM visible)) IS TRUE
    GROUP BY block.collection_id, block.version_id, entry.ordinal
    HAVING count(*) = max(needed)
    UNION ALL
    SELECT chunk.collection_id, chunk.version_id, chunk.ordinal
    FROM visible
    JOIN readable ON readable.collection_id = visible.collection_id
    JOIN retrieval_chunk AS chunk
      ON chunk.collection_id = visible.collection_id AND chunk.version_id = visible.id
    WHERE readable.language = ANY(%(bare)s)
)
SELECT held.version_id, held.ordinal, chunk.text, NULL FROM held {_TEXT}
"""  # noqa: S608 - constants
_SOME_TERM = f"""
WITH {_READABLE},
held AS (
    SELECT block.collection_id, block.version_id, entry.ordinal,
           array_agg(block.term) AS terms, bool_or(starts_with(block.term, %(beginning)s)) AS is_sure
    FROM readable
    JOIN retrieval_postingblock AS block ON block.collection_id = readable.collection_id
     AND (block.term >= %(beginning)s AND block.term < %(end)s OR block.term = ANY(%(stems)s))
    CROSS JOIN LATERAL {ORDINALS} AS entry (ordinal)
    WHERE (block.version_id IN (SELECT id FROM visible)) IS TRUE
    GROUP BY block.collection_id, block.version_id, entry.ordinal
)
SELECT held.version_id, held.ordinal, CASE WHEN is_sure THEN NULL ELSE chunk.text END, terms FROM held {_TEXT}
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Containing:
    """Passages that may be found, or None for all, those that may not, and terms of what was looked for."""

    allowed: frozenset[Key] | None
    barred: frozenset[Key]
    terms: tuple[str, ...]


def passages_containing(listed: Listed, languages: Sequence[str], parts: Sequence[Part]) -> Containing:
    """Return which visible passages hold all the wanted parts, and which hold an unwanted one.

    One statement for each part. Raises InvalidInputError where more than MOST_READ passages would be read.
    """
    allowed: frozenset[Key] | None = None
    barred: frozenset[Key] = frozenset()
    terms: Counter[str] = Counter()
    for part in parts:
        found: Counter[str] = Counter()
        keys = frozenset(_holding(listed, languages, part, found))
        if part.is_excluded:
            barred |= keys
        else:
            allowed = keys if allowed is None else allowed & keys
            terms += found
    if allowed is not None:
        allowed -= barred
    return Containing(allowed, barred, tuple(term for term, _ in terms.most_common(_MOST_TERMS)))


def _holding(listed: Listed, languages: Sequence[str], part: Part, terms: Counter[str]) -> Iterator[Key]:
    """Yield the passages that hold the part, and count its terms in them."""
    statement, params, pattern = _asked(languages, part)
    read = 0
    with connection.cursor() as planner, connection.chunked_cursor() as cursor:
        planner.execute("SET LOCAL cursor_tuple_fraction = 1")  # all rows are read, not the first few
        statement = statement.format(visible=listed.sql, readable=listed.readable)
        cursor.execute(statement, listed.params | params | {"most": MOST_READ})
        for rows in iter(partial(cursor.fetchmany, 2_000), []):
            read += len(rows)
            for version, ordinal, text, found in rows:
                if text is None or pattern.search(fold(text)):
                    terms.update(found or ())
                    yield version, ordinal
    if read == MOST_READ:
        raise InvalidInputError(
            f"Too many passages may hold “{part.text[:80]}” to look into each. Add a rarer word or more "
            "letters, or narrow the search to a collection."
        )


def _asked(languages: Sequence[str], part: Part) -> tuple[str, dict[str, Any], re.Pattern[str]]:
    words = r"[\W_]+".join(_spaced(fold(part.text)))
    if part.kind == "phrase":
        return _ALL_TERMS, _terms_of_phrase(part.text, languages), re.compile(f"{_BEGINS}{words}{_ENDS}")
    beginning = fold(part.text)
    stems = {beginning[:length] for length in range(_SHORTEST_STEM, len(beginning))}
    stems |= {term for language in languages for term in analyse(part.text, language)[-1:]}
    params = {
        "beginning": beginning,
        "end": beginning + "\U0010ffff",
        "stems": sorted(stems - {beginning}),
    }
    return _SOME_TERM, params, re.compile(_BEGINS + words)


def _spaced(folded: str) -> list[str]:
    """Return the words of a phrase as patterns."""
    return [re.escape(word) for word in _WORD.findall(folded)]


def _terms_of_phrase(phrase: str, languages: Sequence[str]) -> dict[str, Any]:
    """Return the terms that every passage with the phrase has, by language, and languages that know none.

    Identifiers count in parts: the phrase “ISO 9001” stands in a text with ISO-9001, and the other way round.
    """
    by_language = {
        language: {term for term in analyse(phrase, language) if _WHOLE.fullmatch(term) and not _is_cut(term)}
        for language in languages
    }
    rows = [(term, language, len(terms)) for language, terms in by_language.items() for term in terms]
    return {
        "terms": [row[0] for row in rows],
        "languages": [row[1] for row in rows],
        "needed": [row[2] for row in rows],
        "bare": [language for language, terms in by_language.items() if not terms],
    }


def _is_cut(term: str) -> bool:
    """Return whether a term is one character of a writing that is indexed in pairs of them."""
    return len(term) == 1 and re.match(f"[{_CJK}]", term) is not None
