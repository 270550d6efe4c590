"""Words that mean the same: the portal's dictionary, kept by admins, and each collection's, by its managers.

A question that has one of the words is searched for the others too: everywhere for the portal's dictionary,
and in the collection alone for a collection's. Search reads them in the statement that counts what a person
may see (`scope.read_scope`), so that a hidden collection's dictionary is neither applied nor shown.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from retrieval import access
from retrieval.analysis import LANGUAGE_CHOICES, fold, is_stop_word
from retrieval.errors import InvalidInputError, NotAllowedError, NotVisibleError
from retrieval.models import Collection, Role, Synonyms
from retrieval.people import Member

MOST_WORDS = 12
MAX_WORD = 80
_MOST_ENTRIES = 2_000
_MOST_IN_KEY = 6
_MOST_SHOWN = 12
_BETWEEN = re.compile(r"[,;=\n]")
_WORD = re.compile(r"[^\W_]+")

Found = tuple[int | None, list[str]]  # collection and words of an entry


@dataclass(frozen=True, slots=True)
class Expansion:
    """Words that are searched beside the asked ones, in one collection or, with None, in all."""

    words: str
    collection_id: int | None


def synonyms_of(*, collection: Collection | None) -> QuerySet[Synonyms]:
    """Return the entries of a collection's dictionary, or with None the portal's, by their first word.

    The collection is one that the caller got from the access rule.
    """
    return Synonyms.objects.filter(collection=collection).order_by("keys", "pk")


def add_synonyms(*, user: Member, collection: Collection | None, words: str) -> Synonyms:
    """Add words that mean the same, separated by commas, to a collection's dictionary or the portal's.

    Needs the manager role in the collection, or an admin for the portal's. Raises InvalidInputError.
    """
    _require_keeper(user, collection)
    distinct = _distinct(words)
    if synonyms_of(collection=collection).count() >= _MOST_ENTRIES:
        raise InvalidInputError(
            f"A dictionary holds {_MOST_ENTRIES:,} entries. Remove one that is not needed."
        )
    entry = Synonyms(
        collection=collection, words=list(distinct.values()), keys=sorted(distinct), created_by_id=user.pk
    )
    try:
        with transaction.atomic():
            entry.save()
    except IntegrityError as error:
        raise InvalidInputError(f"“{entry}” is in the dictionary already.") from error
    return entry


def remove_synonyms(*, user: Member, collection: Collection | None, entry_id: int) -> Synonyms:
    """Remove an entry and return what it was. Raises NotVisibleError where this dictionary has none such."""
    _require_keeper(user, collection)
    entry = synonyms_of(collection=collection).filter(pk=entry_id).first()
    if entry is None:
        raise NotVisibleError
    Synonyms.objects.filter(pk=entry.pk).delete()
    return entry


def _require_keeper(user: Member, collection: Collection | None) -> None:
    if collection is not None:
        access.require_role(user=user, collection=collection, role=Role.MANAGER)
    elif not user.is_admin:
        raise NotAllowedError("The portal's dictionary is kept by its admins. Ask one of them.")


def _distinct(words: str) -> dict[str, str]:
    """Return the words by their keys."""
    typed = [" ".join(word.split()) for word in _BETWEEN.split(words.replace("\x00", " "))]
    distinct: dict[str, str] = {}
    for word in filter(None, typed):
        distinct.setdefault(_key(word), word)
    if not 1 < len(distinct) <= MOST_WORDS:
        raise InvalidInputError(
            f"An entry needs 2 to {MOST_WORDS} different words or phrases, separated by commas, "
            "such as “PTO, paid time off”."
        )
    for key, word in distinct.items():
        _check(key, word)
    return distinct


def _check(key: str, word: str) -> None:
    if not key or len(word) > MAX_WORD or len(key.split()) > _MOST_IN_KEY:
        raise InvalidInputError(
            f"“{word[:MAX_WORD]}” cannot be looked up. Use at most {_MOST_IN_KEY} words with letters or "
            f"digits, {MAX_WORD} characters in all."
        )
    if key == fold(word) and _is_common(key):
        raise InvalidInputError(
            f"“{word}” stands in almost every question. Write an abbreviation in capitals, or leave it out."
        )


def _is_common(word: str) -> bool:
    return any(is_stop_word(word, language) for language, _ in LANGUAGE_CHOICES)


def _key(word: str) -> str:
    """Return how a word is looked up: folded, but IT stays apart from “it”."""
    bare = word.strip()
    if _WORD.fullmatch(bare) and bare.isupper() and _is_common(bare):
        return bare
    return " ".join(_WORD.findall(fold(word)))


def keys_in(text: str) -> list[str]:
    """Return all keys that a question may hold: its words, and up to six of them in a row."""
    words = _WORD.findall(fold(text))
    rows = (
        " ".join(words[start : start + length])
        for length in range(1, _MOST_IN_KEY + 1)
        for start in range(len(words) - length + 1)
    )
    capitals = (word for word in _WORD.findall(text) if word.isupper())
    return list(dict.fromkeys([*rows, *capitals]))


def expand(found: Sequence[Found], keys: Sequence[str]) -> list[Expansion]:
    """Return what else is searched, given the entries that were found for these keys, without repeats.

    What the portal's dictionary gives comes first, and is not repeated for a collection.
    """
    asked = frozenset(keys)
    seen: set[tuple[str, int | None]] = set()
    expansions = []
    for collection_id, word, key in sorted(_pairs(found), key=lambda pair: pair[0] is not None):
        if key not in asked and (key, None) not in seen and (key, collection_id) not in seen:
            seen.add((key, collection_id))
            expansions.append(Expansion(word, collection_id))
    return expansions[:_MOST_SHOWN]


def _pairs(found: Sequence[Found]) -> Iterator[tuple[int | None, str, str]]:
    for collection_id, words in found:
        yield from ((collection_id, word, _key(word)) for word in words)
