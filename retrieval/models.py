"""The corpus: what is stored, in which collection, and who may see it.

`collection_id` is in the primary keys of chunks, vectors and postings, no unique constraint of theirs spans
collections, and joins between them carry it, so they can be distributed by collection.
"""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils import timezone

MAX_TAG = 40
MOST_TAGS = 20
MAX_AUTHOR = 900
MAX_WORD = 40
MAX_PHRASE = 120


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


class Generation(models.Model):
    """An index of vectors made by one embedding model, with all that is needed to embed with it.

    Exactly one serves. The one that served before it is kept complete as retired, to be flipped back to.
    """

    class Kind(models.TextChoices):
        LOCAL = "local", "On this machine"
        OPENAI = "openai", "On an OpenAI-compatible server"

    class State(models.TextChoices):
        FILLING = "filling", "Filling"
        PAUSED = "paused", "Paused"
        READY = "ready", "Ready"
        SERVING = "serving", "Serving"
        RETIRED = "retired", "Kept for flipping back"

    kind = models.CharField(max_length=10, choices=Kind, default=Kind.LOCAL)
    model = models.CharField(max_length=300)
    revision = models.CharField(max_length=100, blank=True)
    base_url = models.CharField(max_length=500, blank=True)
    secret = models.TextField(blank=True, help_text="The server's key, encrypted; see retrieval/secrets.py.")
    max_tokens = models.PositiveIntegerField(
        default=0, help_text="What a server's model reads at once; 0: as the model says."
    )
    chunk_tokens = models.PositiveIntegerField(
        default=0, help_text="The longest chunk while it serves; 0: as much as the model reads."
    )
    dimension = models.PositiveIntegerField()
    metric = models.CharField(max_length=20, default="inner_product")
    probe = ArrayField(
        models.FloatField(), default=list, help_text="The vector of a known text: tells another model."
    )
    languages = models.JSONField(
        default=dict, help_text="How well the model knows languages, by code; see retrieval/languages.py."
    )
    state = models.CharField(max_length=10, choices=State, default=State.FILLING)
    filled = models.PositiveBigIntegerField(default=0, help_text="Chunks that fills have embedded.")
    fill_seconds = models.FloatField(default=0, help_text="How long fills have worked for that.")
    created_at = models.DateTimeField(default=timezone.now)

    vectors_about: float = 0  # as the planner reckons; told with the serving one alone

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=models.Q(state="serving"), name="generation_one_serves"
            ),
            models.UniqueConstraint(
                fields=["state"], condition=models.Q(state="retired"), name="generation_one_is_kept"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["filling", "paused", "ready", "serving", "retired"]),
                name="generation_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="local", base_url="")
                | (models.Q(kind="openai") & ~models.Q(base_url="")),
                name="generation_knows_its_server",
            ),
        ]

    def __str__(self) -> str:
        return f"Generation {self.pk} ({self.model})"


class Segment(models.Model):
    """Posting lists that were written together: of one version, or merged from several of a collection.

    Each passage has a place in it. One that no version refers to any more is skipped, and dropped when the
    segment is merged; see `retrieval/segments.py`.
    """

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="+")
    places = models.PositiveIntegerField(help_text="How many it was written with.")
    written_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"Segment {self.pk} of {self.collection}"


class PostingBlock(models.Model):
    """Passages of a segment with a term, as `retrieval/postings.py` packs them: all that BM25 needs."""

    pk = models.CompositePrimaryKey("term", "collection_id", "segment_id", "first")
    collection = models.ForeignKey(
        Collection, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    term = models.CharField(max_length=64, db_collation="C")
    segment = models.ForeignKey(
        Segment, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    first = models.PositiveIntegerField(help_text="The place of its first passage.")
    entries = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["collection", "segment"], name="postingblock_segment")]

    def __str__(self) -> str:
        return f"{self.term} in segment {self.segment_id} from place {self.first} on"


class Word(models.Model):
    """A word of a version, to complete what somebody types; see `retrieval/vocabulary.py`."""

    pk = models.CompositePrimaryKey("collection_id", "version_id", "key")
    collection = models.ForeignKey(
        Collection, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    version = models.ForeignKey(
        DocumentVersion, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    key = models.CharField(max_length=MAX_WORD, db_collation="C", help_text="As it is looked up.")
    text = models.CharField(
        max_length=MAX_WORD, blank=True, help_text="As it is shown; blank where that is the same."
    )

    def __str__(self) -> str:
        return self.text or self.key


class Phrase(models.Model):
    """A title or heading of a version, from one of its words on; see `retrieval/vocabulary.py`."""

    class Kind(models.IntegerChoices):
        TITLE = 1, "Title"
        HEADING = 2, "Heading"

    pk = models.CompositePrimaryKey("collection_id", "version_id", "kind", "number", "place")
    collection = models.ForeignKey(
        Collection, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    version = models.ForeignKey(
        DocumentVersion, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    kind = models.PositiveSmallIntegerField(choices=Kind)
    number = models.PositiveSmallIntegerField(help_text="Which heading of the version it is, from 0.")
    key = models.CharField(max_length=MAX_PHRASE, db_collation="C", help_text="As it is looked up.")
    place = models.PositiveSmallIntegerField(help_text="Which word of it the key begins with, from 0.")
    text = models.CharField(max_length=MAX_PHRASE, help_text="All of it, as it is shown.")

    class Meta:
        indexes = [
            models.Index(
                fields=["collection", "kind", "key", "version"],
                include=["place", "text"],
                name="phrase_beginning",
            )
        ]

    def __str__(self) -> str:
        return self.text


class Pin(models.Model):
    """A document that comes first when somebody asks this question; see `retrieval/pins.py`."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="pins")
    question = models.CharField(max_length=200, help_text="As it was typed.")
    key = models.CharField(max_length=200, help_text="As it is looked up.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "document"], name="pin_once"),
            models.CheckConstraint(condition=~models.Q(key=""), name="pin_has_words"),
        ]

    def __str__(self) -> str:
        return self.question


class Synonyms(models.Model):
    """Words that mean the same, in the dictionary of a collection or, where that is null, of the portal."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, null=True, related_name="synonyms")
    words = ArrayField(models.CharField(max_length=80), help_text="As they are shown.")
    keys = ArrayField(models.CharField(max_length=200), help_text="As they are looked up, sorted.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["collection", "keys"], name="synonyms_once", nulls_distinct=False
            ),
            models.CheckConstraint(condition=models.Q(keys__len__gt=1), name="synonyms_are_two_or_more"),
        ]
        indexes = [GinIndex(fields=["keys"], name="synonyms_keys")]

    def __str__(self) -> str:
        return ", ".join(self.words)
