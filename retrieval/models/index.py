"""What is made of the corpus to search it: vectors by generation, posting lists, words to complete with."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from retrieval.models.corpus import Collection, DocumentVersion

MAX_WORD = 40
MAX_PHRASE = 120


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
