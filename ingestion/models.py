"""The ledger: one row per unit of ingestion work. Postgres is the truth; the broker only rings the bell."""

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models.functions import MD5, Now
from django.utils import timezone

if TYPE_CHECKING:
    from retrieval.models import DocumentVersion


class IngestionJob(models.Model):
    """What must happen to one version, source or generation, and who is doing it until when."""

    class Kind(models.TextChoices):
        DOCUMENT = "document", "Read a document"
        SOURCE = "source", "Sync a source"
        GENERATION = "generation", "Fill a generation"

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        WORKING = "working", "Working"
        INDEXED = "indexed", "Indexed"
        SYNCED = "synced", "Synced"
        FILLED = "filled", "Filled"
        NO_TEXT = "no_text", "No text found"
        FAILED = "failed", "Failed"
        QUARANTINED = "quarantined", "Quarantined"
        CANCELLED = "cancelled", "Cancelled"

    class Stage(models.TextChoices):
        WAITING = "waiting", "Waiting"
        PARSING = "parsing", "Reading"
        CHUNKING = "chunking", "Cutting into passages"
        EMBEDDING = "embedding", "Embedding"
        PUBLISHING = "publishing", "Publishing"
        SYNCING = "syncing", "Syncing"
        FILLING = "filling", "Filling"
        DONE = "done", "Done"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(
        "retrieval.DocumentVersion", on_delete=models.CASCADE, null=True, related_name="jobs"
    )
    source = models.ForeignKey("Source", on_delete=models.CASCADE, null=True, related_name="jobs")
    generation = models.ForeignKey(
        "retrieval.Generation", on_delete=models.CASCADE, null=True, related_name="jobs"
    )
    state = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    stage = models.CharField(max_length=12, choices=Stage, default=Stage.WAITING)
    stage_began_at = models.DateTimeField(null=True)
    stage_seconds = models.JSONField(default=dict, help_text="Seconds that each stage of this attempt took.")
    done = models.PositiveIntegerField(default=0, help_text="Pages read, then chunks embedded.")
    total = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0, help_text="Counted before the work starts.")
    losses = models.PositiveIntegerField(default=0, help_text="Attempts that ended because the worker died.")
    fence = models.BigIntegerField(
        default=0, help_text="Grows with every claim; an older one may not publish."
    )
    lease_expires_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(db_default=Now())
    worker = models.CharField(max_length=120, blank=True)
    reason = models.CharField(max_length=30, blank=True)
    message = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version"],
                condition=models.Q(state__in=["queued", "working"]),
                name="job_one_open_per_version",
            ),
            models.UniqueConstraint(
                fields=["source"],
                condition=models.Q(state__in=["queued", "working"]),
                name="job_one_open_per_source",
            ),
            models.UniqueConstraint(
                fields=["generation"],
                condition=models.Q(state__in=["queued", "working"]),
                name="job_one_open_per_generation",
            ),
            models.CheckConstraint(
                condition=models.Q(version__isnull=False, source__isnull=True, generation__isnull=True)
                | models.Q(version__isnull=True, source__isnull=False, generation__isnull=True)
                | models.Q(version__isnull=True, source__isnull=True, generation__isnull=False),
                name="job_about_one_thing",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    state__in=[
                        "queued",
                        "working",
                        "indexed",
                        "synced",
                        "filled",
                        "no_text",
                        "failed",
                        "quarantined",
                        "cancelled",
                    ]
                ),
                name="job_state_known",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="working") | models.Q(lease_expires_at__isnull=False),
                name="job_working_has_lease",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"], condition=models.Q(state__in=["queued", "working"]), name="job_due"
            ),
        ]

    def __str__(self) -> str:
        return f"Job {self.id} ({self.state})"

    @property
    def kind(self) -> Kind:
        """What is to be done, told by what the job is about."""
        if self.generation_id is not None:
            return self.Kind.GENERATION
        return self.Kind.DOCUMENT if self.source_id is None else self.Kind.SOURCE

    @property
    def document_version(self) -> "DocumentVersion":
        """What a job that reads a document is about. Raises ValueError for a job of another kind."""
        if self.version is None:
            raise ValueError(f"Job {self.pk} is about no document.")
        return self.version


class WorkerPulse(models.Model):
    """A worker process and when it last gave a sign of life, whether it has work or not."""

    name = models.CharField(primary_key=True, max_length=120, help_text="Host and process id.")
    threads = models.PositiveIntegerField(help_text="How many jobs it does at once.")
    started_at = models.DateTimeField(default=timezone.now)
    beat_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name


class Source(models.Model):
    """Where documents of a collection come from by themselves, and what was kept of the last look there."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    collection = models.ForeignKey("retrieval.Collection", on_delete=models.CASCADE, related_name="sources")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=20)
    configuration = models.JSONField(default=dict)
    secret = models.TextField(blank=True, help_text="Encrypted; see retrieval/secrets.py.")
    every_minutes = models.PositiveIntegerField(default=60, help_text="0: only when somebody asks.")
    is_enabled = models.BooleanField(default=True)
    cursor = models.TextField(blank=True)
    next_run_at = models.DateTimeField(null=True)
    acts_for = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="Whose rights documents are added and deleted with: who saved it last.",
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collection", "name"], name="source_name_once"),
        ]
        indexes = [
            models.Index(fields=["next_run_at"], condition=models.Q(is_enabled=True), name="source_due"),
        ]

    def __str__(self) -> str:
        return self.name


class SyncRun(models.Model):
    """One look at a source, from its begin to its end, however many workers it took."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        PARTLY = "partly", "Partly done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="runs")
    job = models.ForeignKey(IngestionJob, on_delete=models.SET_NULL, null=True, related_name="runs")
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    message = models.TextField(blank=True)
    new = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source"], condition=models.Q(state="running"), name="run_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["running", "done", "partly", "failed", "cancelled"]),
                name="run_state_known",
            ),
        ]
        indexes = [models.Index(fields=["source", "-started_at"], name="run_newest")]

    def __str__(self) -> str:
        return f"Run {self.id} ({self.state})"


class SourceItem(models.Model):
    """An item of a source: what was taken in of it, which document it became, and how it fared last."""

    class Outcome(models.TextChoices):
        NEW = "new", "New"
        CHANGED = "changed", "Changed"
        UNCHANGED = "unchanged", "Unchanged"
        REMOVED = "removed", "Removed"
        LEFT_OUT = "left_out", "Left out"
        DELETED = "deleted", "Deleted here"
        FAILED = "failed", "Failed"

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="items")
    key = models.TextField()
    path = models.TextField(help_text="Where a person finds it in the source.")
    fingerprint = models.TextField(blank=True, help_text="Empty: not taken in, or not in its last state.")
    memo = models.TextField(blank=True)
    document = models.ForeignKey(
        "retrieval.Document", on_delete=models.SET_NULL, null=True, related_name="source_items"
    )
    outcome = models.CharField(max_length=10, choices=Outcome)
    message = models.TextField(blank=True)
    run = models.ForeignKey(SyncRun, on_delete=models.SET_NULL, null=True, related_name="items")

    class Meta:
        constraints = [
            models.UniqueConstraint("source", MD5("key"), name="item_key_once"),
            models.CheckConstraint(
                condition=models.Q(
                    outcome__in=["new", "changed", "unchanged", "removed", "left_out", "deleted", "failed"]
                ),
                name="item_outcome_known",
            ),
        ]

    def __str__(self) -> str:
        return self.path
