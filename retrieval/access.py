"""The access rule: the only place that decides who sees what.

Everything that shows, counts, searches, cites or changes documents starts from these functions. `user` is
required everywhere; there is no way around the rule, for admins either. A person sees a collection when
one of its grants names one of their teams, or everyone. They see a document when they see its collection,
it is not deleted, and, where it is narrowed, one of their teams is among those it is narrowed to. A document
that came out of another (an attachment, a file in an archive) is seen only by those who see that one too.
Someone who is not signed in, or whose account is closed, sees nothing.

Permissions are subqueries, never lists of ids, so that a revocation holds from the next query on. A search
alone has the list first (`scope.Listed`), looks for candidates in it, and reads what it shows through the
rule again. A rule that comes to depend on another table needs that table's changes noted (`changes`).
"""

from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet

from retrieval.errors import NotAllowedError, NotVisibleError
from retrieval.family import top_of
from retrieval.models import Collection, Document, DocumentVersion, Grant, Role
from retrieval.people import Member, Person

_AT_LEAST = {
    Role.READER: [Role.READER, Role.CONTRIBUTOR, Role.MANAGER],
    Role.CONTRIBUTOR: [Role.CONTRIBUTOR, Role.MANAGER],
    Role.MANAGER: [Role.MANAGER],
}


def require_admin(*, user: Member) -> None:
    """Raise NotVisibleError for everyone who is no admin: what admins alone handle does not exist."""
    if not (_signed_in(user) and user.is_admin):
        raise NotVisibleError


def _signed_in(user: Person) -> bool:
    return user.is_authenticated and user.is_active


def _grants(user: Person, role: Role) -> QuerySet[Grant]:
    """Return the grants that give this person at least `role`."""
    if not _signed_in(user):
        return Grant.objects.none()
    return Grant.objects.filter(Q(team__in=_teams(user)) | Q(team__isnull=True), role__in=_AT_LEAST[role])


def _teams(user: Person) -> QuerySet[Any]:
    """Return the teams of a person: a subquery, as joining members costs grants times members."""
    memberships = apps.get_model("accounts", "Membership").objects
    return memberships.filter(user=user.pk, user__is_active=True).values("team")


def visible_collections(*, user: Person, role: Role = Role.READER) -> QuerySet[Collection]:
    """Return the collections in which the person has at least `role`."""
    return Collection.objects.filter(Exists(_grants(user, role).filter(collection=OuterRef("pk"))))


def visible_documents(*, user: Person, role: Role = Role.READER) -> QuerySet[Document]:
    """Return the documents that the person may see, in collections where they have at least `role`."""
    return _documents(user, role).filter(deleted_at__isnull=True)


def deleted_documents(*, user: Person) -> QuerySet[Document]:
    """Return the deleted documents that the person may restore: contributors, of what they saw before."""
    # What was in a document comes back with it, and what is not in its newest version stays away.
    return _documents(user, Role.CONTRIBUTOR).filter(deleted_at__isnull=False, parent__isnull=True)


def _documents(user: Person, role: Role) -> QuerySet[Document]:
    if not _signed_in(user):
        return Document.objects.none()
    reached = _reached(user)
    return Document.objects.filter(
        reached,
        Q(parent__isnull=True) | ~Exists(_closed_above(reached)),
        collection__in=visible_collections(user=user, role=role),
    )


def _reached(user: Person) -> Q:
    """Return the condition that a document is not narrowed away from the person."""
    narrowed = Document.narrowed_to.through.objects.filter(document_id=OuterRef("pk"), team__in=_teams(user))
    return Q(is_narrowed=False) | Q(Exists(narrowed))


def _closed_above(reached: Q) -> QuerySet[Document]:
    """Return what hides a document that came out of it. Both are in one collection, or it is hidden too."""
    is_above = Func(
        F("pk"),
        OuterRef("ancestors"),
        template="(%(expressions)s))",
        arg_joiner=" = ANY (",
        output_field=BooleanField(),
    )
    closed = Q(deleted_at__isnull=False) | ~reached | ~Q(collection=OuterRef("collection"))
    return Document.objects.filter(is_above, closed)


def searchable_versions(*, user: Person) -> QuerySet[DocumentVersion]:
    """Return the versions that search may use for the person: the current ones of visible documents."""
    return DocumentVersion.objects.filter(
        pk__in=visible_documents(user=user).filter(current_version__isnull=False).values("current_version")
    )


def readable_versions(*, user: Person, document: Document) -> QuerySet[DocumentVersion]:
    """Return the versions of a visible document: the current one; for managers of the collection, all."""
    if visible_documents(user=user, role=Role.MANAGER).filter(pk=document.pk).exists():
        return document.versions.all()
    current = visible_documents(user=user).filter(pk=document.pk).values("current_version")
    return DocumentVersion.objects.filter(pk__in=current)


def get_visible_collection(*, user: Person, slug: str, role: Role = Role.READER) -> Collection:
    """Return a collection by its slug.

    Raises NotVisibleError where it is missing or hidden, NotAllowedError where it is seen with less than
    `role`.
    """
    found = visible_collections(user=user).filter(slug=slug).select_related("owner_team").first()
    if found is None:
        raise NotVisibleError
    if role != Role.READER:
        require_role(user=user, collection=found, role=role)
    return found


def get_visible_document(*, user: Person, document_id: UUID | str, role: Role = Role.READER) -> Document:
    """Return a document by its id.

    Raises NotVisibleError where it is missing, deleted or hidden, NotAllowedError where it is seen with less
    than `role`.
    """
    documents = visible_documents(user=user).select_related(
        "collection", "current_version", "created_by", "parent", "verified_by"
    )
    found = documents.filter(pk=document_id).first()
    if found is None:
        raise NotVisibleError
    if role != Role.READER:
        require_role(user=user, collection=found.collection, role=role)
    return found


def get_deleted_document(*, user: Person, document_id: UUID | str) -> Document:
    """Return a deleted document that the person may restore. Raises NotVisibleError for any other."""
    found = deleted_documents(user=user).select_related("collection").filter(pk=document_id).first()
    if found is None:
        raise NotVisibleError
    return found


def role_in(*, user: Person, collection: Collection) -> Role | None:
    """Return the highest role that the person has in a collection, or None."""
    held = set(_grants(user, Role.READER).filter(collection=collection).values_list("role", flat=True))
    return next((role for role in (Role.MANAGER, Role.CONTRIBUTOR, Role.READER) if role in held), None)


def require_role(*, user: Person, collection: Collection, role: Role) -> None:
    """Raise NotAllowedError unless the person has at least `role` in a collection that they see."""
    if not _grants(user, role).filter(collection=collection).exists():
        raise NotAllowedError(
            f"This needs the {role.label.lower()} role in “{collection.title}”. "
            f"Ask the team {collection.owner_team}, which looks after it."
        )


def who_sees(*, document: Document, collection: Collection | None = None) -> dict[str, Any]:
    """Return why a document is visible: {"everyone": bool, "teams": [names], "narrowed": bool}.

    With `collection`: who would see it there.
    """
    document = top_of(document)  # what is in another document is seen with that one
    grants = (collection or document.collection).grants.select_related("team")
    teams = {grant.team for grant in grants if grant.team is not None}
    everyone = any(grant.team is None for grant in grants)
    if document.is_narrowed:
        chosen = set(document.narrowed_to.all())
        teams, everyone = (chosen if everyone else teams & chosen), False
    return {
        "everyone": everyone,
        "teams": sorted(team.name for team in teams),
        "narrowed": document.is_narrowed,
    }
