"""What managers vouch for: that a document says what is right. It holds for the version that they read."""

from django.utils import timezone

from retrieval import access
from retrieval.errors import InvalidInputError
from retrieval.models import Document, Role
from retrieval.people import Member


def is_verified(document: Document) -> bool:
    """Return whether the version that is searched is the one that somebody vouched for."""
    version = document.current_version
    return version is not None and document.verified_version == version.number


def verify_document(*, user: Member, document: Document, version_number: int) -> None:
    """Call a document's current version right; needs the manager role in its collection.

    `version_number` is what the person has read. Raises InvalidInputError where another is searched by now.
    """
    access.require_role(user=user, collection=document.collection, role=Role.MANAGER)
    current = document.current_version
    if current is None or current.number != version_number:
        raise InvalidInputError(
            f"“{document.name}” has changed since you opened it. Read it again before you call it verified."
        )
    _set(document, version_number, user)


def withdraw_verification(*, user: Member, document: Document) -> None:
    """Take the word back; needs the manager role."""
    access.require_role(user=user, collection=document.collection, role=Role.MANAGER)
    _set(document, None, None)


def _set(document: Document, version_number: int | None, user: Member | None) -> None:
    document.verified_version = version_number
    document.verified_at = timezone.now() if version_number is not None else None
    document.verified_by_id = user.pk if user is not None else None
    document.save(update_fields=["verified_version", "verified_at", "verified_by"])
