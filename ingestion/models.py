"""The ledger: one row per unit of ingestion work. Postgres is the truth; the broker only rings the bell."""

import uuid

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone


class IngestionJob(models.Model):
    """What must happen to one version, what has happened, and who is doing it until when."""

    class Kind(models.TextChoices):
        DOCUMENT = "document", "Read a document"

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        WORKING = "working", "Working"
        INDEXED = "indexed", "Indexed"
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
        DONE = "done", "Done"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey("retrieval.DocumentVersion", on_delete=models.CASCADE, related_name="jobs")
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
            models.CheckConstraint(
                condition=models.Q(
                    state__in=[
                        "queued",
                        "working",
                        "indexed",
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
        return self.Kind.DOCUMENT


class WorkerPulse(models.Model):
    """A worker process and when it last gave a sign of life, whether it has work or not."""

    name = models.CharField(primary_key=True, max_length=120, help_text="Host and process id.")
    threads = models.PositiveIntegerField(help_text="How many jobs it does at once.")
    started_at = models.DateTimeField(default=timezone.now)
    beat_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name
