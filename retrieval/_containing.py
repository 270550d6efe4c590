"""Which passages hold a phrase, or a word with a beginning: asked of the postings, checked in the text.

Postings know which words a passage has, not in which order, and they know the words' stems. So they name the
passages that may hold what is wanted, and the text of those decides.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval._blocks import Entries, columns, elements
from retrieval._places import Key, Numbers
from retrieval.analysis import analyse, fold
from retrieval.errors import InvalidInputError
from retrieval.query import Part
from retrieval.scope import Listed
from retrieval.statements import array, fetch

MOST_READ = 100_000
_MOST_TERMS = 32
_SHORTEST_STEM = 2
_WORD = re.compile(r"[^\W_]+")
_WHOLE = re.compile(r"[^\W_]+|\d+(?:\.\d+)+")
_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
# Where a word begins and ends; Chinese, Japanese and Korean are written without gaps.
_BEGINS, _ENDS = rf"(?<![^\W_{_CJK}])", rf"(?![^\W_{_CJK}])"

_BATCH = 2_000
_TEXTS = """
SELECT wanted.at, chunk.text
FROM unnest(%(at)s::bigint[], %(collections)s::bigint[], %(versions)s::bigint[], %(ordinals)s::int[])
    AS wanted (at, collection_id, version_id, ordinal)
CROSS JOIN LATERAL (
    SELECT text FROM retrieval_chunk AS one
    WHERE one.collection_id = wanted.collection_id AND one.version_id = wanted.version_id
      AND one.ordinal = wanted.ordinal
    OFFSET 0
) AS chunk
"""
_OF_LANGUAGES = f"""
SELECT listed.id FROM ({Listed.sql}) AS listed
JOIN ({Listed.readable}) AS readable ON readable.collection_id = listed.collection_id
WHERE readable.language = ANY(%(languages)s)
"""  # noqa: S608 - constants
_BLOCKS = f"""
SELECT posting.term, {columns("0")}
FROM (
    SELECT block.* FROM unnest(%(terms)s::text[]) AS asked (term)
    JOIN retrieval_postingblock AS block ON block.term = asked.term
    UNION ALL
    SELECT * FROM retrieval_postingblock WHERE term >= %(beginning)s::text AND term < %(end)s::text
) AS posting
WHERE (posting.segment_id IN (SELECT unnest(%(segments)s::bigint[]))) IS TRUE
  AND (%(language)s::text = '' OR posting.collection_id IN (
          SELECT collection_id FROM ({Listed.readable}) AS readable WHERE language = %(language)s::text))
GROUP BY posting.term
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


@dataclass(frozen=True, slots=True)
class _Sought:
    """What may hold a part: by place, those that surely do and those whose text must be read for a pattern.

    `terms` are what was looked for, each with the places of its passages.
    """

    is_sure: NDArray[np.bool_]
    is_open: NDArray[np.bool_]
    pattern: re.Pattern[str]
    terms: Mapping[str, Numbers]


def _holding(listed: Listed, languages: Sequence[str], part: Part, terms: Counter[str]) -> list[Key]:
    """Return the passages that hold the part, and count its terms in them."""
    sought = (
        _seek_phrase(listed, languages, part)
        if part.kind == "phrase"
        else _seek_word(listed, languages, part)
    )
    opened = np.flatnonzero(sought.is_open)
    if np.count_nonzero(sought.is_sure) + len(opened) >= MOST_READ:
        raise InvalidInputError(
            f"Too many passages may hold “{part.text[:80]}” to look into each. Add a rarer word or more "
            "letters, or narrow the search to a collection."
        )
    is_held = sought.is_sure.copy()
    for place, text in _texts(listed, opened):
        is_held[place] = sought.pattern.search(fold(text)) is not None
    terms.update({term: int(np.count_nonzero(is_held[places])) for term, places in sought.terms.items()})
    return listed.places.keys(np.flatnonzero(is_held))


def _texts(listed: Listed, places: Numbers) -> Iterator[tuple[int, str]]:
    for first in range(0, len(places), _BATCH):
        batch = places[first : first + _BATCH]
        versions, ordinals = listed.places.passages(batch)
        wanted = {"at": batch, "versions": versions, "ordinals": ordinals}
        wanted["collections"] = listed.collections_of(versions)
        yield from fetch(_TEXTS, {name: array(numbers.tolist()) for name, numbers in wanted.items()})[1]


def _seek_phrase(listed: Listed, languages: Sequence[str], part: Part) -> _Sought:
    """A passage with a phrase has all its terms, by the language of its collection."""
    is_open = np.zeros(listed.places.length, np.bool_)
    bare = []
    for language in languages:
        if needed := _terms_of_phrase(part.text, language):
            found = _read(listed, terms=sorted(needed), language=language)
            having = np.concatenate([np.zeros(0, np.int64), *found.values()])
            is_open |= np.bincount(having, minlength=len(is_open)) == len(needed)
        else:
            bare.append(language)
    if bare:
        is_open |= _of_languages(listed, bare)
    words = r"[\W_]+".join(_spaced(fold(part.text)))
    return _Sought(np.zeros_like(is_open), is_open, re.compile(f"{_BEGINS}{words}{_ENDS}"), {})


def _seek_word(listed: Listed, languages: Sequence[str], part: Part) -> _Sought:
    """A passage with a word of this beginning has a term that begins so, or one that a stemmer has cut."""
    beginning = fold(part.text)
    stems = {beginning[:length] for length in range(_SHORTEST_STEM, len(beginning))}
    stems |= {term for language in languages for term in analyse(part.text, language)[-1:]}
    found = _read(listed, terms=sorted(stems - {beginning}), beginning=beginning)
    is_sure = np.zeros(listed.places.length, np.bool_)
    is_open = np.zeros(listed.places.length, np.bool_)
    for term, places in found.items():
        (is_sure if term.startswith(beginning) else is_open)[places] = True
    words = r"[\W_]+".join(_spaced(beginning))
    return _Sought(is_sure, is_open & ~is_sure, re.compile(_BEGINS + words), found)


def _read(
    listed: Listed, *, terms: Sequence[str], language: str = "", beginning: str = ""
) -> dict[str, Numbers]:
    """Return the places of the passages with each of some terms, and of those that begin in some way."""
    params = {
        "terms": list(terms),
        "language": language,
        "beginning": beginning,
        "end": beginning + "\U0010ffff" if beginning else "",
        "segments": array(listed.places.segments.tolist()),
    }
    rows = fetch(_BLOCKS, listed.params | params, binary=True)[1]
    return {term: Entries.read(elements(heads), packed, listed.places).places for term, heads, packed in rows}


def _of_languages(listed: Listed, languages: Sequence[str]) -> NDArray[np.bool_]:
    """Return which places are of passages in these languages."""
    rows = fetch(_OF_LANGUAGES, listed.params | {"languages": list(languages)})[1]
    versions = np.array([version for (version,) in rows], np.int64)
    is_one = listed.places.is_one.copy()
    at = np.flatnonzero(is_one)
    is_one[at] = np.isin(listed.places.passages(at)[0], versions)
    return is_one


def _spaced(folded: str) -> list[str]:
    """Return the words of a phrase as patterns."""
    return [re.escape(word) for word in _WORD.findall(folded)]


def _terms_of_phrase(phrase: str, language: str) -> set[str]:
    """Return the terms that every passage with the phrase has.

    Identifiers count in parts: the phrase “ISO 9001” stands in a text with ISO-9001, and the other way round.
    """
    return {term for term in analyse(phrase, language) if _WHOLE.fullmatch(term) and not _is_cut(term)}


def _is_cut(term: str) -> bool:
    """Return whether a term is one character of a writing that is indexed in pairs of them."""
    return len(term) == 1 and re.match(f"[{_CJK}]", term) is not None
