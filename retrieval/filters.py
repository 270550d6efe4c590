"""What `field:value` means in the database. A filter only narrows what the access rule has let through.

A value that names something hidden finds nothing, exactly like one that names nothing: values are compared
inside the narrowed query, and never looked up.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from retrieval.analysis import LANGUAGE_CHOICES
from retrieval.authors import part_of_key
from retrieval.errors import InvalidInputError
from retrieval.media_families import FAMILIES, FAMILY_BY_NAME
from retrieval.models import Document
from retrieval.tags import clean_tag

FIELDS = (
    "collection",
    "type",
    "team",
    "language",
    "after",
    "before",
    "title",
    "document",
    "author",
    "tag",
)
_ALL_HOLD = frozenset({"after", "before", "tag", "author"})
_LANGUAGE_NAMES = {name.lower(): code for code, name in LANGUAGE_CHOICES}
_DATE = re.compile(r"(?P<year>(?:19|20|21)[0-9]{2})(?:-(?P<month>[0-9]{1,2})(?:-(?P<day>[0-9]{1,2}))?)?")


@dataclass(frozen=True, slots=True)
class Filter:
    """`field:value` as it was typed at `start:end`, or with a minus its opposite.

    With `is_whole` it was in quotation marks: an author is called exactly so.
    """

    field: str
    value: str
    is_excluded: bool = False
    start: int = 0
    end: int = 0
    is_whole: bool = False


def narrow(documents: QuerySet[Document], filters: Sequence[Filter]) -> QuerySet[Document]:
    """Return those of the documents for which all filters hold; several values of one field are an “or”.

    Two dates are an “and”, and so are tags and authors, of which a document has several. Raises
    InvalidInputError for a value that cannot be one.
    """
    for name in dict.fromkeys(one.field for one in filters):
        of_field = [one for one in filters if one.field == name]
        wanted = [_condition(one) for one in of_field if not one.is_excluded]
        if name in _ALL_HOLD:
            documents = documents.filter(*wanted)
        elif wanted:
            documents = documents.filter(reduce(or_, wanted))
        for unwanted in (_condition(one) for one in of_field if one.is_excluded):
            documents = documents.exclude(unwanted)
    return documents


def check_filters(filters: Iterable[Filter]) -> None:
    """Raise InvalidInputError where a value cannot be one of its field."""
    for one in filters:
        _condition(one)


def _condition(one: Filter) -> Q:
    if one.field == "after":
        return Q(updated_at__gte=_first_moment(one))
    if one.field == "before":
        return Q(updated_at__lt=_first_moment(one))
    if one.field == "author":
        return _author(one.value, is_whole=one.is_whole)
    return _CONDITIONS[one.field](one.value)


def _collection(slug: str) -> Q:
    return Q(collection__slug__iexact=slug)


def _team(value: str) -> Q:
    team = "collection__owner_team__"
    return Q((f"{team}slug__iexact", value)) | Q((f"{team}name__iexact", value))


def _title(words: str) -> Q:
    return Q(title__icontains=words) | Q(name__icontains=words)


def _author(name: str, *, is_whole: bool) -> Q:
    part = part_of_key(name, is_whole=is_whole)
    if not part:
        raise InvalidInputError(
            f"“author:{name[:80]}” names nobody. Write the beginning of a name, such as author:smi, or "
            'all of it in quotation marks: author:"Jane Smith".'
        )
    return Q(author_key__contains=part)


def _tag(value: str) -> Q:
    tag = clean_tag(value)
    if not tag:
        raise InvalidInputError(f"“tag:{value[:80]}” is no tag. Write one as it stands on a document.")
    return Q(tags__contains=[tag])


def _document(value: str) -> Q:
    try:
        return Q(pk=UUID(value))
    except ValueError as error:
        raise InvalidInputError(
            f"“document:{value[:80]}” is no document. Write the id that stands in its address."
        ) from error


def _type(value: str) -> Q:
    family = FAMILY_BY_NAME.get(value.lower().removeprefix("."))
    if family is None:
        known = ", ".join(one.names[0] for one in FAMILIES)
        raise InvalidInputError(
            f"“type:{value[:80]}” is no type that is known. Write one of {known}, or a file's ending."
        )
    return Q(current_version__media_type__in=family.media_types)


def _language(value: str) -> Q:
    code = _LANGUAGE_NAMES.get(value.lower(), value.lower())
    if not re.fullmatch(r"[a-z]{2,3}", code):
        raise InvalidInputError(
            f"“language:{value[:80]}” is no language. Write its code, such as language:en or language:de."
        )
    return Q(collection__language=code)


_CONDITIONS: dict[str, Callable[[str], Q]] = {
    "collection": _collection,
    "team": _team,
    "title": _title,
    "document": _document,
    "type": _type,
    "language": _language,
    "tag": _tag,
}


def _first_moment(one: Filter) -> datetime:
    """Return when a year, month or day begins, by the portal's clock."""
    found = _DATE.fullmatch(one.value)
    try:
        if found is None:
            raise ValueError(one.value)  # noqa: TRY301 - told below, like a month that does not exist
        year, month, day = (int(found[part] or 1) for part in ("year", "month", "day"))
        return timezone.make_aware(datetime(year, month, day))
    except ValueError as error:
        raise InvalidInputError(
            f"“{one.field}:{one.value[:80]}” is no date. Write a year, a month or a day: "
            f"{one.field}:2024, {one.field}:2024-03 or {one.field}:2024-03-15."
        ) from error
