"""The corpus: what is stored, in which collection, and who may see it."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils import timezone

MAX_TAG = 40
MOST_TAGS = 20
MAX_AUTHOR = 900


class Role(models.TextChoices):
    """What a grant allows; each role includes the ones before it."""

    READER = "reader", "Reader"
    CONTRIBUTOR = "contributor", "Contributor"
    MANAGER = "manager", "Manager"


class Collection(models.Model):
    class Sensitivity(models.TextChoices):
        PUBLIC = "public", "Public"
        INTERNAL = "internal", "Internal"
        CONFIDENTIAL = "confidential", "Confidential"
        LOCAL_ONLY = "local_only", "Local only"

    slug = models.SlugField(unique=True, max_length=80)
    title = models.CharField(max_length=120)
    description = models.TextField(blank=True, max_length=2000)
    language = models.CharField(max_length=12, default="en")
    sensitivity = models.CharField(max_length=12, choices=Sensitivity, default=Sensitivity.INTERNAL)
    owner_team = models.ForeignKey(
        "accounts.Team", on_delete=models.PROTECT, related_name="owned_collections"
    )
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.title


class Grant(models.Model):
    """Opens a collection to one team, or to everyone who is signed in when `team` is null."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="grants")
    team = models.ForeignKey("accounts.Team", on_delete=models.CASCADE, null=True, related_name="grants")
    role = models.CharField(max_length=12, choices=Role, default=Role.READER)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collection", "team"], name="grant_once", nulls_distinct=False),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="grant_role_known"),
            models.CheckConstraint(
                condition=models.Q(team__isnull=False) | models.Q(role="reader"),
                name="grant_everyone_reads_only",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.team or 'Everyone'}: {self.role} of {self.collection}"


class Document(models.Model):
    """A named document in a collection. What is searched is its `current_version`, if it has one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="documents")
    parent = models.ForeignKey(
        "self",
        on_delete=models.CASCADE,
        null=True,
        related_name="children",
        help_text="What it came out of: a mail, an archive. It is seen, deleted and moved with that.",
    )
    ancestors = ArrayField(
        models.UUIDField(),
        default=list,
        blank=True,
        help_text="Its parent and all above that, the upload first. Written once, when it is made.",
    )
    name = models.CharField(max_length=255)
    title = models.CharField(max_length=500)
    author = models.CharField(max_length=MAX_AUTHOR, blank=True, help_text="“One; Other”, as it is shown.")
    author_key = models.CharField(
        max_length=MAX_AUTHOR, blank=True, help_text="“| one | other |”, as it is compared."
    )
    author_is_set = models.BooleanField(default=False, help_text="By a manager: later files say nothing.")
    tags = ArrayField(models.CharField(max_length=MAX_TAG), default=list, blank=True, help_text="Sorted.")
    is_narrowed = models.BooleanField(default=False)
    narrowed_to = models.ManyToManyField("accounts.Team", related_name="narrowed_documents", blank=True)
    current_version = models.OneToOneField(
        "DocumentVersion", on_delete=models.SET_NULL, null=True, related_name="serves"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True, help_text="Can be restored until the retention time ends.")
    deleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    verified_version = models.PositiveIntegerField(
        null=True,
        help_text="The number of the version that a manager called right; another one is not verified.",
    )
    verified_at = models.DateTimeField(null=True)
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(verified_version__isnull=True, verified_at__isnull=True)
                | models.Q(verified_version__isnull=False, verified_at__isnull=False),
                name="document_verified_at_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(tags__len__lte=MOST_TAGS), name="document_has_few_tags"
            ),
            models.UniqueConstraint(
                fields=["collection", "parent", "name"],
                condition=models.Q(deleted_at__isnull=True),
                nulls_distinct=False,
                name="document_name_once",
            ),
            models.CheckConstraint(
                condition=models.Q(parent__isnull=True, ancestors=[])
                | models.Q(parent__isnull=False, ancestors__len__gt=0),
                name="document_knows_its_ancestors",
            ),
        ]
        indexes = [
            GinIndex(
                fields=["ancestors"], condition=models.Q(parent__isnull=False), name="document_ancestors"
            ),
            models.Index(
                fields=["deleted_at"],
                condition=models.Q(deleted_at__isnull=False),
                name="document_deleted",
            ),
            models.Index(fields=["collection"], condition=~models.Q(tags=[]), name="document_tagged"),
        ]

    def __str__(self) -> str:
        return self.title or self.name

    @property
    def shown_name(self) -> str:
        """The name, and where the document is in another, that one's."""
        return f"{self.name}, in {self.parent.name}" if self.parent else self.name


class DocumentVersion(models.Model):
    """The bytes of a document at one time, and what the parser made of them."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    media_type = models.CharField(max_length=120)
    parser = models.CharField(max_length=60, blank=True)
    parser_version = models.CharField(max_length=60, blank=True)
    page_count = models.PositiveIntegerField(default=0)
    chunk_count = models.PositiveIntegerField(default=0)
    term_count = models.BigIntegerField(
        default=0, help_text="Terms in all chunks, for BM25's average length."
    )
    warnings = models.JSONField(default=list)
    metadata = models.JSONField(default=dict)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    indexed_at = models.DateTimeField(null=True)
    restored_from = models.PositiveIntegerField(
        null=True, help_text="The number of the earlier version that this one brings back."
    )
    segment = models.ForeignKey("Segment", on_delete=models.SET_NULL, null=True, related_name="versions")
    first_place = models.PositiveIntegerField(
        default=0, help_text="Of its first passage in the segment; the others follow in their order."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["document", "number"], name="version_number_once")]
        indexes = [
            models.Index(fields=["sha256"], name="version_sha256"),
            models.Index(
                fields=["id"],
                include=["chunk_count", "term_count", "segment", "first_place"],
                name="version_searched",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document}, version {self.number}"


class DocumentText(models.Model):
    """The whole text of a version; chunks, pages and lines are character spans of it."""

    version = models.OneToOneField(
        DocumentVersion, on_delete=models.CASCADE, primary_key=True, related_name="stored_text"
    )
    text = models.TextField()
    blocks = models.JSONField(default=list, help_text="[kind, start, end, level] of each block, in order.")

    def __str__(self) -> str:
        return f"Text of {self.version}"


class Page(models.Model):
    """A page, slide or sheet: its span in the text, and where each line stands on it."""

    pk = models.CompositePrimaryKey("version_id", "number")
    version = models.ForeignKey(DocumentVersion, on_delete=models.CASCADE, related_name="pages")
    number = models.PositiveIntegerField()
    label = models.CharField(max_length=120, blank=True)
    width = models.FloatField(help_text="Points; 0 where unknown.")
    height = models.FloatField(help_text="Points; 0 where unknown.")
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    lines = models.JSONField(default=list, help_text="[start, end, x0, y0, x1, y1], fractions of the page.")

    def __str__(self) -> str:
        return f"Page {self.number} of {self.version}"


class Chunk(models.Model):
    """A passage: `text` is exactly `start:end` of the version's stored text."""

    pk = models.CompositePrimaryKey("collection_id", "version_id", "ordinal")
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="+", db_index=False)
    version = models.ForeignKey(DocumentVersion, on_delete=models.CASCADE, related_name="chunks")
    ordinal = models.PositiveIntegerField()
    text = models.TextField()
    context = models.TextField(blank=True, help_text="Title, headings, table header: indexed, never quoted.")
    heading_path = models.JSONField(default=list)
    page = models.PositiveIntegerField(null=True)
    last_page = models.PositiveIntegerField(null=True)
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    tokens = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"Chunk {self.ordinal} of {self.version}"
