"""Tags: words that contributors put on documents, by which people narrow a search.

A tag is kept as it is compared: in small letters, with single spaces. Tags are the document's, not a
version's: they stay when it is replaced, moved or restored, and go when it is erased.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from django.db import transaction

from retrieval import access
from retrieval._plain import plain_line
from retrieval.errors import InvalidInputError
from retrieval.models import MAX_TAG, MOST_TAGS, Document, Role
from retrieval.people import Member

_BETWEEN = re.compile(r"[,;\n]")


def clean_tag(text: str) -> str:
    """Return a tag as it is kept and compared; empty where no letter or digit is in it."""
    tag = plain_line(unicodedata.normalize("NFKC", text).replace(",", " ").replace(";", " ")).lower()
    return tag if any(character.isalnum() for character in tag) else ""


def read_tags(values: Iterable[str]) -> list[str]:
    """Return the tags in some texts, separated by commas, each once.

    Raises InvalidInputError for one that is too long or has neither letter nor digit, and for too many.
    """
    typed = [part.strip() for value in values for part in _BETWEEN.split(value)]
    tags = list(dict.fromkeys(_checked(one) for one in typed if one))
    _check_number(tags)
    return tags


def _checked(typed: str) -> str:
    tag = clean_tag(typed)
    if not tag:
        raise InvalidInputError(f"“{typed[:40]}” is no tag. A tag has letters or digits, such as “invoices”.")
    if len(tag) > MAX_TAG:
        raise InvalidInputError(
            f"The tag “{tag[:40]}…” has {len(tag)} characters; at most {MAX_TAG} are kept. Shorten it."
        )
    return tag


def _check_number(tags: Sequence[str]) -> None:
    if len(tags) > MOST_TAGS:
        raise InvalidInputError(
            f"A document has at most {MOST_TAGS} tags, and this would be {len(tags)}. Remove some first."
        )


@transaction.atomic
def change_tags(
    *, user: Member, documents: Iterable[Document], add: Sequence[str] = (), remove: Sequence[str] = ()
) -> int:
    """Add tags to documents and take others away, all or nothing; return how many documents changed.

    Tags are those of `read_tags`. Needs the contributor role in the collection of each document. Raises
    InvalidInputError where one would have too many.
    """
    changed = 0
    for document in _lock(user=user, documents=documents):
        gone = frozenset(remove)
        kept = [tag for tag in dict.fromkeys([*document.tags, *add]) if tag not in gone]
        changed += _write(document, kept)
    return changed


@transaction.atomic
def set_tags(*, user: Member, document: Document, tags: Sequence[str]) -> None:
    """Let a document have exactly these tags of `read_tags`; needs the contributor role."""
    for locked in _lock(user=user, documents=[document]):
        _write(locked, list(tags))


def _lock(*, user: Member, documents: Iterable[Document]) -> list[Document]:
    """Return the documents as they are now, for change; needs the contributor role for each.

    One that is gone, or that the person does not see any more, is left out.
    """
    visible = access.visible_documents(user=user).filter(pk__in=[one.pk for one in documents])
    rows = visible.select_related("collection__owner_team").select_for_update(of=("self",)).order_by("pk")
    locked = list(rows)
    for collection in {one.collection for one in locked}:
        access.require_role(user=user, collection=collection, role=Role.CONTRIBUTOR)
    return locked


def _write(document: Document, tags: list[str]) -> bool:
    """Write the tags of a locked document, in the order of the alphabet; return whether they are others."""
    _check_number(tags)
    tags = sorted(tags)
    if tags == document.tags:
        return False
    Document.objects.filter(pk=document.pk).update(tags=tags)
    return True
