"""Documents that managers put first for a question, where SEARCH_PINNED lets them.

A question is compared by its words, folded: capitals, accents and punctuation make no difference. Pins are
read from what is visible, so nobody notices a document that they may not see.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from retrieval import access
from retrieval._candidates import Candidate
from retrieval._visible import Visible
from retrieval.analysis import fold
from retrieval.errors import InvalidInputError, NotVisibleError
from retrieval.fusion import Ranked
from retrieval.models import Document, Pin, Role
from retrieval.people import Member
from retrieval.query import Query
from retrieval.statements import fetch

MAX_QUESTION = 200
_MOST_OF_DOCUMENT = 20
_MOST_SHOWN = 3
_WORD = re.compile(r"[^\W_]+")

_PINNED = """
WITH visible AS ({visible})
SELECT visible.collection_id, visible.id
FROM retrieval_pin AS pin
JOIN retrieval_document AS document ON document.id = pin.document_id
JOIN visible ON visible.id = document.current_version_id
WHERE pin.key = %(key)s AND visible.chunk_count > 0
ORDER BY pin.id LIMIT %(most)s
"""


def pins_of(*, document: Document) -> QuerySet[Pin]:
    """Return the questions that a document is pinned to. The caller got the document from the access rule."""
    return Pin.objects.filter(document=document).order_by("key", "pk")


def add_pin(*, user: Member, document: Document, question: str) -> Pin:
    """Pin a document to a question; needs the manager role in its collection. Raises InvalidInputError."""
    access.require_role(user=user, collection=document.collection, role=Role.MANAGER)
    typed = " ".join(question.replace("\x00", " ").split())
    key = _key(typed)
    if not key or max(len(typed), len(key)) > MAX_QUESTION:
        raise InvalidInputError(
            f"“{typed[:80]}” cannot be pinned to. Write the question, {MAX_QUESTION} characters at most, "
            "as people type it."
        )
    if pins_of(document=document).count() >= _MOST_OF_DOCUMENT:
        raise InvalidInputError(
            f"A document is pinned to {_MOST_OF_DOCUMENT} questions at most. Remove one that is not needed."
        )
    try:
        with transaction.atomic():
            return Pin.objects.create(document=document, question=typed, key=key, created_by_id=user.pk)
    except IntegrityError as error:
        raise InvalidInputError(f"“{document}” is pinned to “{typed}” already.") from error


def remove_pin(*, user: Member, document: Document, pin_id: int) -> Pin:
    """Remove a pin and return what it was. Raises NotVisibleError where the document has none such."""
    access.require_role(user=user, collection=document.collection, role=Role.MANAGER)
    pin = pins_of(document=document).filter(pk=pin_id).first()
    if pin is None:
        raise NotVisibleError
    Pin.objects.filter(pk=pin.pk).delete()
    return pin


def pinned_first(ranked: list[Ranked], *, asked: Query, visible: Visible) -> list[Ranked]:
    """Return candidates with those of pinned documents before all others: the best of each, or its beginning.

    A question that says exactly which words there must be or not is left as it is.
    """
    if not settings.SEARCH_PINNED or asked.parts or asked.without:
        return ranked
    first = [
        _pinned(ranked, collection_id, version_id) for collection_id, version_id in _read(asked, visible)
    ]
    keys = {one.key for one in first}
    return [*((one, 1.0) for one in first), *(pair for pair in ranked if pair[0].key not in keys)]


def _read(asked: Query, visible: Visible) -> list[tuple[int, int]]:
    params = visible.params | {"key": _key(asked.text), "most": _MOST_SHOWN}
    _, rows = fetch(_PINNED.format(visible=visible.sql), params)
    return [(collection_id, version_id) for collection_id, version_id in rows]


def _pinned(ranked: Sequence[Ranked], collection_id: int, version_id: int) -> Candidate:
    beginning = Candidate((collection_id, version_id, 0), 0.0, 0.0)
    best = next((one for one, _ in ranked if one.key[1] == version_id), beginning)
    return replace(best, is_pinned=True)


def _key(question: str) -> str:
    return " ".join(_WORD.findall(fold(question)))
