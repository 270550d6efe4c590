"""Questions, the answers they got, and the passages that each sentence rests on."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone


class Question(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="questions")
    text = models.TextField()
    collections = models.JSONField(default=list, help_text="Slugs that the asker narrowed the search to.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["user", "-created_at"], name="question_user_recent")]

    def __str__(self) -> str:
        return self.text[:80]


class Answer(models.Model):
    """An answer with its provenance. Sentences are kept as they were shown."""

    class State(models.TextChoices):
        ANSWERED = "answered", "Answered"
        REFUSED = "refused", "Not in the documents"

    question = models.OneToOneField(Question, on_delete=models.CASCADE, related_name="answer")
    state = models.CharField(max_length=10, choices=State)
    engine = models.CharField(max_length=20)
    model = models.CharField(max_length=300, blank=True)
    notice = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    sentences = models.JSONField(default=list, help_text="{text, citations: [number], support, reason} each.")
    generation = models.BigIntegerField(null=True)
    prompt_version = models.CharField(max_length=60, blank=True)
    route = models.JSONField(default=dict, help_text="The rule, the models that were asked, and how it went.")
    timings = models.JSONField(default=dict, help_text="Milliseconds by step.")
    usage = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"Answer to {self.question}"


class Citation(models.Model):
    """A numbered source of an answer: the exact span of an exact version."""

    answer = models.ForeignKey(Answer, on_delete=models.CASCADE, related_name="citations")
    number = models.PositiveIntegerField()
    document = models.ForeignKey("retrieval.Document", on_delete=models.CASCADE, related_name="+")
    version_id = models.BigIntegerField()
    ordinal = models.PositiveIntegerField()
    is_nearest = models.BooleanField(default=False, help_text="Shown beside a refusal, not cited.")
    start = models.PositiveIntegerField(help_text="Span in the version's stored text.")
    end = models.PositiveIntegerField()
    page = models.PositiveIntegerField(null=True)
    quote = models.TextField()
    quote_sha256 = models.CharField(max_length=64)
    score = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["answer", "number", "is_nearest"], name="citation_number_once")
        ]

    def __str__(self) -> str:
        return f"[{self.number}] {self.quote[:60]}"
