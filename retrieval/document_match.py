"""Which document is meant? A passage rarely says whose it is, of which year, or whether it is the latest.

A question's words are looked up in what names a document: its title, its file's name, and its beginning (who
writes, about what, when). So are the periods that the question names, and whether it asks for the latest.
What fits lifts all passages of the document, most where few of the candidates' documents have it.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from django.conf import settings

from retrieval._lexical import Lexical
from retrieval._visible import Visible
from retrieval.analysis import analyse
from retrieval.fusion import Ranked, in_order
from retrieval.periods import Period, periods_in
from retrieval.statements import fetch

_MAX_TERMS = 32
_MOST_DOCUMENTS = 60  # those whose passages fit best, so that a question costs no more in a large library
_MOST_DATED = 30  # of them: each has its first page read
_CHARACTERS = 1_500  # of the first page that are read for a date
_FIRST_PAGE = 2  # passages: as many characters, or more
_BEGINNING = 4  # passages: the first page of a report, all of a memo
_LEAST_SHARE = 0.4  # of what words count, where no candidate stands behind the beginning of its document
_LITTLE = 2.0  # of evidence: with no more than this for the best one, documents count half
_YEAR_DAYS = 365
_ALIKE = 0.8  # of the best match: documents among which the latest is looked for
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d")
_AROUND = 25  # characters: “the second quarter of the fiscal year 2023”
_LATEST = re.compile(
    r"\b(?:latest|newest|most (?:recent|current)|up[- ]to[- ]date)\b"
    r"|\b(?:the|its|their|our) last (?:\w+[- ]){0,2}?(?:reports?|filings?|editions?|versions?|minutes)\b"
    r"|\b(?:neueste|jüngste|aktuellste|letzte)[nrsm]?\b",
    re.IGNORECASE,
)

# What each document is called and begins with.
_CALLED = """
WITH visible AS MATERIALIZED (
    SELECT id, collection_id FROM ({visible}) AS every WHERE id = ANY(%(versions)s::bigint[])
)
SELECT visible.id, document.title, document.name, document.updated_at,
       left((SELECT string_agg(chunk.text, E'\\n' ORDER BY chunk.ordinal)
             FROM retrieval_chunk AS chunk
             WHERE chunk.collection_id = visible.collection_id AND chunk.version_id = visible.id
               AND chunk.ordinal < %(beginning)s), %(characters)s) AS head
FROM visible
JOIN retrieval_documentversion AS version ON version.id = visible.id
JOIN retrieval_document AS document ON document.id = version.document_id
"""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a question says of the document that it means: in which terms, of when, and whether the latest."""

    terms: tuple[str, ...]
    periods: tuple[Period, ...]
    is_latest: bool

    @property
    def needs_periods(self) -> bool:
        return bool(self.periods) or self.is_latest


@dataclass(frozen=True, slots=True)
class _Dated:
    """Of when a document is: the period that it says, and when it was changed."""

    period: Period | None
    updated: date


_Share = Mapping[int, float]  # by version, how far something fits it


def with_documents(
    ranked: list[Ranked], *, question: str, languages: Sequence[str], visible: Visible, lexical: Lexical
) -> list[Ranked]:
    """Return candidates, those of documents that the question means lifted, scores from 0 to 1, best first.

    Only documents of candidates count; those of one passage too, which would fall behind if they were left
    out. Where the question speaks of a time, it costs a statement.
    """
    weight = settings.FUSION_DOCUMENT_WEIGHT
    versions = list(dict.fromkeys(candidate.key[1] for candidate, _ in ranked))[:_MOST_DOCUMENTS]
    if not weight or len(versions) <= 1:
        return ranked
    wanted = _read_wanted(question, languages)
    named = lexical.terms_at_beginning(versions, passages=_BEGINNING)
    dated = _read_dated(versions[:_MOST_DATED], visible) if wanted.needs_periods else {}
    matches = _matches(wanted, named, dated, of_words=_share_of_words(ranked))
    return in_order(
        [(one, (score + weight * matches.get(one.key[1], 0.0)) / (1 + weight)) for one, score in ranked]
    )


def _share_of_words(ranked: Sequence[Ranked]) -> float:
    """Return how much the words count that name a document: more, the more candidates stand behind them.

    In a document that is no longer than its beginning, BM25 has counted the same words already.
    """
    behind = sum(candidate.key[2] >= _BEGINNING for candidate, _ in ranked)
    return _LEAST_SHARE + (1 - _LEAST_SHARE) * behind / len(ranked)


def _read_wanted(question: str, languages: Sequence[str]) -> _Wanted:
    """Read a question; the words of its periods are not looked for as words."""
    mentions = periods_in(question)
    ends = [0, *(bound for one in mentions for bound in (one.start, one.end)), len(question)]
    words = " ".join(question[first:last] for first, last in zip(ends[::2], ends[1::2], strict=True))
    terms = dict.fromkeys(term for language in languages for term in analyse(words, language))
    return _Wanted(
        terms=tuple(terms)[:_MAX_TERMS],
        periods=tuple(one.period for one in mentions),
        is_latest=_LATEST.search(question) is not None,
    )


def _matches(
    wanted: _Wanted, named: Mapping[int, frozenset[str]], dated: Mapping[int, _Dated], *, of_words: float
) -> _Share:
    """Return how far each version is one that is meant, 0 to 1; one that is not named is not among them.

    `of_words` is the share that is left of what words say, not of what times do.
    """
    by_words = dict.fromkeys(named, 0.0)
    for term in wanted.terms:
        _add(by_words, {version: float(term in terms) for version, terms in named.items()})
    evidence = dict(by_words)
    if wanted.periods:
        _add(evidence, _in_period(wanted.periods, dated))
    if wanted.is_latest:
        _add(evidence, _newest(dated, evidence))
    best = max(evidence.values(), default=0.0)
    return {
        version: (weight - (1 - of_words) * by_words[version]) / (best + _LITTLE)
        for version, weight in evidence.items()
    }


def _add(evidence: dict[int, float], share: _Share) -> None:
    """Add what fits, weighed by how few of the documents have it: BM25's inverse document frequency."""
    documents, having = len(evidence), sum(value > 0 for value in share.values())
    weight = math.log(1 + (documents - having + 0.5) / (having + 0.5))
    for version, value in share.items():
        evidence[version] += weight * value


def _in_period(periods: Sequence[Period], dated: Mapping[int, _Dated]) -> _Share:
    return {
        version: max(one.period.share_in(period) for period in periods) if one.period else 0.0
        for version, one in dated.items()
    }


def _newest(dated: Mapping[int, _Dated], evidence: _Share) -> _Share:
    """Return 1 for the newest of the documents that fit best so far, half of it for the next, and so on.

    By the periods that they are of, where one of them has any; by when they were changed otherwise.
    """
    best = max(evidence.values(), default=0.0)
    fitting = {version: one for version, one in dated.items() if evidence[version] >= _ALIKE * best}
    dates = {version: one.period.last for version, one in fitting.items() if one.period}
    dates = dates or {version: one.updated for version, one in fitting.items()}
    newest_first = sorted(set(dates.values()), reverse=True)
    return {version: 0.5 ** newest_first.index(day) for version, day in dates.items()}


def _read_dated(versions: Sequence[int], visible: Visible) -> dict[int, _Dated]:
    """Return of when these versions are, without what the person may not see any more."""
    params = {"versions": list(versions), "beginning": _FIRST_PAGE, "characters": _CHARACTERS}
    _, rows = fetch(_CALLED.format(visible=visible.sql), visible.params | params)
    return {
        version: _Dated(_period_of(title, name, head or ""), updated_at.date())
        for version, title, name, updated_at, head in rows
    }


def _period_of(title: str, name: str, head: str) -> Period | None:
    """Return the period in a document's name, else in its title, else the first date that it begins with.

    Titles hold the day of filing, too; people name files by what is in them. A year alone in the beginning
    of a text says too little of what the text is about.
    """
    for text in (name.rsplit(".", 1)[0], title):
        if called := [one.period for one in periods_in(text)]:
            return min(called, key=lambda period: period.days)
    return _first_date(head)


@lru_cache(maxsize=2_000)  # the same documents are candidates again and again; 3 MB
def _first_date(text: str) -> Period | None:
    """Return the first period of a text that is no year, from around its years: the whole is slow to read."""
    for year in _YEAR.finditer(text):
        for one in periods_in(text[max(0, year.start() - _AROUND) : year.end() + _AROUND]):
            if one.period.days < _YEAR_DAYS:
                return one.period
    return None
