"""What managers say about the corpus: pinned results, and words that mean the same."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils import timezone

from retrieval.models.corpus import Collection, Document


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
