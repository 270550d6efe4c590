"""Moving a document to another collection, with its history and its index."""

from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone

from ingestion.documents import check_is_whole, free_name, live_documents
from retrieval import access
from retrieval.errors import InvalidInputError, NotVisibleError
from retrieval.family import with_all_below
from retrieval.indexing import move_index
from retrieval.models import Collection, Document, Role
from retrieval.people import Member


class WiderAudienceError(InvalidInputError):
    """The move would show the document to more people, which nobody confirmed; the message says to whom."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Who sees a document before and after a move. `new_teams` and `opens_to_everyone` are what it widens."""

    teams: list[str]
    everyone: bool
    new_teams: list[str]
    opens_to_everyone: bool

    @property
    def is_wider(self) -> bool:
        return self.opens_to_everyone or bool(self.new_teams)


def audience_after_move(*, user: Member, document: Document, target: Collection) -> Audience:
    """Return who would see a document in another collection, and who of them does not see it now.

    Where the document is narrowed, it stays narrowed to the same teams.
    """
    _require_both(user, document, target)
    now = access.who_sees(document=document)
    then = access.who_sees(document=document, collection=target)
    opens = then["everyone"] and not now["everyone"]
    new = [] if now["everyone"] else sorted(set(then["teams"]) - set(now["teams"]))
    return Audience(then["teams"], then["everyone"], new, opens)


def _require_both(user: Member, document: Document, target: Collection) -> None:
    access.require_role(user=user, collection=document.collection, role=Role.CONTRIBUTOR)
    access.require_role(user=user, collection=target, role=Role.CONTRIBUTOR)


def move_document(
    *, user: Member, document: Document, target: Collection, allow_wider: bool = False
) -> Document:
    """Move a document and all below it, with every version, into another collection, in one transaction.

    Needs the contributor role in both. Raises WiderAudienceError where more people would see it than do now
    and `allow_wider` is not given, InvalidInputError where the name is taken there.
    """
    check_is_whole(document, "Move that.")
    if document.collection_id == target.pk:
        raise InvalidInputError(f"“{document.name}” is in “{target.title}” already.")
    audience = audience_after_move(user=user, document=document, target=target)
    if audience.is_wider and not allow_wider:
        raise WiderAudienceError(_who_else(document, target, audience))
    taken = live_documents(target).filter(name=document.name)
    if access.visible_documents(user=user).filter(pk__in=taken.values("pk")).exists():
        raise _name_is_taken(document, target)
    try:
        _move_family(user, document, target)
    except IntegrityError as error:
        raise _name_is_taken(document, target) from error
    return Document.objects.select_related("collection", "current_version").get(pk=document.pk)


def _who_else(document: Document, target: Collection, audience: Audience) -> str:
    who = "everyone who is signed in" if audience.opens_to_everyone else ", ".join(audience.new_teams)
    return (
        f"In “{target.title}”, “{document.name}” would also be seen by {who}. "
        "Confirm that it may be seen by more people, or narrow it to some teams first."
    )


def _name_is_taken(document: Document, target: Collection) -> InvalidInputError:
    return InvalidInputError(
        f"“{target.title}” has a document named “{document.name}” already. Delete or move that one first."
    )


@transaction.atomic
def _move_family(user: Member, document: Document, target: Collection) -> None:
    """Lock in the order in which publishing does: documents first."""
    family = with_all_below(document).filter(deleted_at__isnull=True).select_related("collection")
    locked = list(family.select_for_update(of=("self",)).order_by("pk"))
    if not any(one.pk == document.pk and one.collection_id == document.collection_id for one in locked):
        raise NotVisibleError
    for one in locked:
        _move(one, target)


def _move(document: Document, target: Collection) -> None:
    source, version = document.collection, document.current_version
    name = document.name if document.ancestors else free_name(document.name, taken=live_documents(target))
    Document.objects.filter(pk=document.pk).update(collection=target, name=name, updated_at=timezone.now())
    if version is not None:
        move_index(version=version, source=source, target=target)
