"""Conversations, their questions, the answers they got, and the passages that each sentence rests on."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone


class Conversation(models.Model):
    """Questions of one person that follow each other. `title` is the first one's text."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversations")
    title = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    asked_at = models.DateTimeField(default=timezone.now, help_text="When its last question was asked.")

    class Meta:
        indexes = [
            models.Index(fields=["user", "-asked_at"], name="conversation_user_recent"),
            models.Index(fields=["asked_at"], name="conversation_asked_at"),
        ]

    def __str__(self) -> str:
        return self.title[:80]


class Question(models.Model):
    """A turn of a conversation. What is searched is `asked`: what was typed, or the same standing alone."""

    class Rewriter(models.TextChoices):
        RULES = "rules", "Rules"
        MODEL = "model", "Language model"
        READER = "reader", "Its asker"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="questions")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="questions")
    text = models.TextField()
    searched_for = models.TextField(blank=True, help_text="The question standing alone; empty: as typed.")
    rewritten_by = models.CharField(max_length=6, blank=True, choices=Rewriter)
    leans_on = models.JSONField(
        default=list, help_text="Ids of the collections behind the earlier questions that it was made from."
    )
    collections = models.JSONField(default=list, help_text="Slugs that the asker narrowed the search to.")
    stopped_at = models.DateTimeField(null=True, help_text="When its asker stopped the answer.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["user", "-created_at"], name="question_user_recent"),
            models.Index(fields=["conversation", "created_at"], name="question_of_conversation"),
        ]

    def __str__(self) -> str:
        return self.text[:80]

    @property
    def asked(self) -> str:
        return self.searched_for or self.text


class Answer(models.Model):
    """An answer with its provenance. Sentences are kept as they were shown."""

    class State(models.TextChoices):
        ANSWERED = "answered", "Answered"
        REFUSED = "refused", "Not in the documents"
        STOPPED = "stopped", "Stopped by its asker"

    question = models.OneToOneField(Question, on_delete=models.CASCADE, related_name="answer")
    state = models.CharField(max_length=10, choices=State)
    engine = models.CharField(max_length=20)
    model = models.CharField(max_length=300, blank=True)
    notice = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    sentences = models.JSONField(default=list, help_text="{text, citations: [number], support, reason} each.")
    in_play = models.JSONField(
        null=True, help_text="Ids of all collections that went into it; null: not known, so it never leaves."
    )
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


class Watch(models.Model):
    """A refused question whose asker wants to be told when documents that arrive later answer it."""

    question = models.OneToOneField(Question, on_delete=models.CASCADE, related_name="watch")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="watches")
    since = models.DateTimeField(default=timezone.now, help_text="Documents indexed later can answer it.")
    looked_at = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["looked_at"], name="watch_waiting", condition=models.Q(answered_at__isnull=True)
            ),
            models.Index(
                fields=["user"], name="watch_answered", condition=models.Q(answered_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"Watch of {self.question}"
