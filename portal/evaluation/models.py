"""Evaluations that were run, with what came of each question, so that two of them can be compared."""

from django.db import models
from django.utils import timezone


class EvaluationRun(models.Model):
    """One run over one set: what was searched with, and the figures. `fingerprint` is of the set."""

    name = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)
    model = models.CharField(max_length=300, help_text="What embedded.")
    settings = models.JSONField(default=dict, help_text="The settings of search and answers, by name.")
    config = models.JSONField(default=dict, help_text="Those of them that were given for this run.")
    documents = models.PositiveIntegerField()
    chunks = models.PositiveIntegerField()
    questions = models.PositiveIntegerField()
    not_indexed = models.JSONField(default=dict)
    search = models.JSONField(default=dict, help_text="Figures by ranking.")
    tags = models.JSONField(default=dict, help_text="Figures of the whole ranking by tag of the question.")
    answers = models.JSONField(default=dict)
    timings = models.JSONField(default=dict, help_text="Milliseconds.")
    ingest_seconds = models.FloatField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["-created_at", "-id"], name="evaluation_run_recent")]

    def __str__(self) -> str:
        return f"Run {self.pk} ({self.name})"


class EvaluatedQuestion(models.Model):
    """A question of a run with what was found and answered. Documents go by their ids in the set."""

    run = models.ForeignKey(EvaluationRun, on_delete=models.CASCADE, related_name="results")
    ordinal = models.PositiveIntegerField()
    key = models.TextField()
    question = models.TextField()
    tags = models.JSONField(default=list)
    wanted = models.JSONField(default=dict, help_text="Grades by document.")
    found = models.JSONField(default=list, help_text="The first documents, best first.")
    figures = models.JSONField(default=dict, help_text="Figures by ranking.")
    state = models.CharField(
        max_length=10, blank=True, help_text="Of the answer; empty where none was asked."
    )
    answer = models.TextField(blank=True)
    cited = models.JSONField(default=list, help_text="[document, page] each.")
    is_right = models.BooleanField(null=True, help_text="Has an answer, or was rightly refused.")
    search_ms = models.FloatField()
    answer_ms = models.FloatField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "ordinal"], name="evaluated_question_once")]

    def __str__(self) -> str:
        return f"{self.key} of run {self.run_id}"
