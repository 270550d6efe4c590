"""The history of a document: its versions, and bringing an earlier one back."""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from ingestion import ledger
from ingestion.documents import check_is_whole
from ingestion.models import IngestionJob
from retrieval import access
from retrieval.errors import InvalidInputError, NotVisibleError
from retrieval.models import Document, DocumentVersion, Role
from retrieval.people import Member


@dataclass(frozen=True, slots=True)
class VersionInHistory:
    """A version with how its reading ended; `is_searched` is true for the one that answers.

    `took` are the stages of its reading with their seconds.
    """

    version: DocumentVersion
    state: str
    message: str
    is_searched: bool
    can_roll_back: bool
    took: list[tuple[str, float]]


def document_history(*, user: Member, document: Document) -> list[VersionInHistory]:
    """Return the versions of a document, the newest first. Needs the manager role."""
    access.require_role(user=user, collection=document.collection, role=Role.MANAGER)
    versions = access.readable_versions(user=user, document=document).select_related("created_by")
    jobs = {job.version_id: job for job in IngestionJob.objects.filter(version__document=document)}
    rows = list(versions.order_by("-number"))
    return [_in_history(document, one, jobs.get(one.pk), rows[0]) for one in rows]


def _in_history(
    document: Document, version: DocumentVersion, job: IngestionJob | None, newest: DocumentVersion
) -> VersionInHistory:
    return VersionInHistory(
        version=version,
        state=job.get_state_display() if job else "",
        message=job.message if job else "",
        is_searched=version.pk == document.current_version_id,
        can_roll_back=version.pk != newest.pk,
        took=[(ledger.Stage(stage).label, took) for stage, took in job.stage_seconds.items()] if job else [],
    )


@transaction.atomic
def roll_back(*, user: Member, document: Document, number: int) -> DocumentVersion:
    """Bring an earlier version back as the newest one, and return that; nothing of the history is lost.

    Its kept bytes go through the ledger like an upload: what is searched now serves until the version is
    published in one transaction. Needs the manager role. Raises NotVisibleError for a version that does not
    exist, InvalidInputError for the newest.
    """
    access.require_role(user=user, collection=document.collection, role=Role.MANAGER)
    check_is_whole(document, "Bring an earlier version of that back.")
    locked = (
        access.visible_documents(user=user).select_for_update(of=("self",)).filter(pk=document.pk).first()
    )
    if locked is None:
        raise NotVisibleError
    earlier = locked.versions.filter(number=number).first()
    newest = locked.versions.order_by("-number").first()
    if earlier is None or newest is None:
        raise NotVisibleError
    if earlier.pk == newest.pk:
        raise InvalidInputError(f"Version {number} of “{document.name}” is the newest one already.")
    version = DocumentVersion.objects.create(
        document=locked,
        number=newest.number + 1,
        sha256=earlier.sha256,
        size=earlier.size,
        media_type=earlier.media_type,
        restored_from=earlier.number,
        created_by_id=user.pk,
    )
    Document.objects.filter(pk=locked.pk).update(updated_at=timezone.now())
    ledger.open_job(version=version)
    return version
