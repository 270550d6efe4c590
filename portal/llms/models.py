"""Language models and what is decided about them: approval, routes, prompts, quotas, and what was used.

A model is named by a *key* wherever a choice of models is kept: the number of its row, or `ENVIRONMENT` for
the one that LLM_BASE_URL and LLM_MODEL name, which has no row.
"""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

ENVIRONMENT = "env"
KEY_LENGTH = 20


class Level(models.TextChoices):
    """How sensitive what a model is sent may be at most; the values are those of collections."""

    PUBLIC = "public", "Public"
    INTERNAL = "internal", "Internal"
    CONFIDENTIAL = "confidential", "Confidential"
    LOCAL_ONLY = "local_only", "Local only"


class Revision(models.Model):
    """One row whose stamp every change renews, so that processes see it with one small look."""

    ONLY = 1

    stamp = models.UUIDField(default=uuid.uuid4)
    outbound = models.JSONField(default=dict, help_text="Kind of find: mask, block or off.")
    outbound_words = models.TextField(blank=True, help_text="One word or phrase a line.")
    judge = models.CharField(
        max_length=KEY_LENGTH, blank=True, help_text="Key of the model that says how hard a question is."
    )

    def __str__(self) -> str:
        return f"Revision {self.stamp}"


class LanguageModel(models.Model):
    """A model behind an OpenAI-compatible server. Only an approved one is ever sent a question."""

    class Runs(models.TextChoices):
        LOCAL = "local", "On our own machines"
        EXTERNAL = "external", "Elsewhere"

    class State(models.TextChoices):
        DRAFT = "draft", "Not approved yet"
        APPROVED = "approved", "Approved"
        WITHDRAWN = "withdrawn", "Withdrawn"

    name = models.CharField(max_length=120, unique=True)
    preset = models.CharField(max_length=20)
    base_url = models.CharField(max_length=500)
    secret = models.TextField(blank=True, help_text="The server's key, encrypted.")
    model = models.CharField(max_length=300)
    revision = models.CharField(max_length=100, blank=True)
    licence = models.CharField(max_length=100, blank=True)
    context_tokens = models.PositiveIntegerField(default=8192)
    max_output_tokens = models.PositiveIntegerField(default=700)
    quantisation = models.CharField(max_length=60, blank=True)
    price_in = models.DecimalField(
        max_digits=12, decimal_places=4, default=0, help_text="Per million tokens."
    )
    price_out = models.DecimalField(
        max_digits=12, decimal_places=4, default=0, help_text="Per million tokens."
    )
    runs = models.CharField(max_length=10, choices=Runs)
    sees = models.CharField(max_length=12, choices=Level, default=Level.INTERNAL)
    risk_notes = models.TextField(blank=True, max_length=4000)
    by_rule_only = models.BooleanField(default=False)
    position = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    tested_at = models.DateTimeField(null=True)
    test_went_well = models.BooleanField(default=False)
    test_told = models.TextField(blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(runs="local") | ~models.Q(sees="local_only"), name="model_local_only_stays"
            ),
            models.CheckConstraint(
                condition=models.Q(runs__in=["local", "external"]), name="model_runs_known"
            ),
            models.CheckConstraint(condition=models.Q(sees__in=Level.values), name="model_sees_known"),
            models.CheckConstraint(
                condition=models.Q(state__in=["draft", "approved", "withdrawn"]), name="model_state_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> str:
        return str(self.pk)


class RoutingRule(models.Model):
    """Which models are tried, in which order, where all of its conditions hold."""

    class StickyTo(models.TextChoices):
        PERSON = "person", "the same people"
        CONVERSATION = "conversation", "the same conversations"

    class Difficulty(models.TextChoices):
        EASY = "easy", "Easy questions"
        HARD = "hard", "Hard questions"

    name = models.CharField(max_length=120)
    position = models.PositiveIntegerField()
    is_on = models.BooleanField(default=True)
    levels = ArrayField(models.CharField(max_length=12, choices=Level), default=list, blank=True)
    teams = models.ManyToManyField("accounts.Team", related_name="+", blank=True)
    least_characters = models.PositiveIntegerField(default=0)
    most_characters = models.PositiveIntegerField(null=True)
    difficulty = models.CharField(max_length=4, blank=True, choices=Difficulty, help_text="Empty: any.")
    share = models.PositiveSmallIntegerField(default=100)
    sticky_to = models.CharField(max_length=12, choices=StickyTo, default=StickyTo.PERSON)
    engines = ArrayField(models.CharField(max_length=KEY_LENGTH), default=list)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(share__lte=100), name="rule_share_is_percentage"),
            models.CheckConstraint(
                condition=models.Q(difficulty__in=["", "easy", "hard"]), name="rule_difficulty_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PromptVersion(models.Model):
    """A version of the system prompt. The built-in one is number 1 and lives in the code, not here."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        ACTIVE = "active", "Active"
        RETIRED = "retired", "Was active"

    FIRST = 2

    number = models.PositiveIntegerField(unique=True)
    template = models.TextField()
    note = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    activated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    activated_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=models.Q(state="active"), name="prompt_one_active"
            ),
            models.CheckConstraint(condition=models.Q(number__gte=2), name="prompt_one_is_built_in"),
        ]

    def __str__(self) -> str:
        return f"Version {self.number}"


class Quota(models.Model):
    """A limit on tokens, or on money, of a day or a month."""

    class Scope(models.TextChoices):
        EACH = "each", "Each person"
        PERSON = "person", "One person"
        TEAM = "team", "A team together"
        PORTAL = "portal", "The whole portal"

    class Period(models.TextChoices):
        DAY = "day", "day"
        MONTH = "month", "month"

    class WhenReached(models.TextChoices):
        QUOTE = "quote", "Quote from the documents"
        REFUSE = "refuse", "Refuse the question"

    scope = models.CharField(max_length=10, choices=Scope)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    team = models.ForeignKey("accounts.Team", on_delete=models.CASCADE, null=True, related_name="+")
    engine = models.CharField(max_length=KEY_LENGTH, blank=True, help_text="A model's key; empty: all.")
    period = models.CharField(max_length=5, choices=Period)
    tokens = models.BigIntegerField(null=True)
    money = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    when_reached = models.CharField(max_length=6, choices=WhenReached, default=WhenReached.QUOTE)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(scope="person", user__isnull=False, team__isnull=True)
                | models.Q(scope="team", user__isnull=True, team__isnull=False)
                | models.Q(scope__in=["each", "portal"], user__isnull=True, team__isnull=True),
                name="quota_is_of_whom_it_says",
            ),
            models.CheckConstraint(
                condition=models.Q(tokens__isnull=False, money__isnull=True)
                | models.Q(tokens__isnull=True, money__isnull=False),
                name="quota_limits_one_thing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_scope_display()} a {self.period}"


class Use(models.Model):
    """What one person used of one model on one day."""

    day = models.DateField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    engine = models.CharField(max_length=KEY_LENGTH)
    requests = models.PositiveIntegerField(default=0)
    prompt_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    estimated_tokens = models.BigIntegerField(default=0, help_text="Of both: not counted by the server.")
    cost = models.DecimalField(max_digits=16, decimal_places=6, default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "user", "engine"], name="use_once_a_day")]

    def __str__(self) -> str:
        return f"{self.day}: {self.prompt_tokens + self.output_tokens} tokens"


class OutboundCount(models.Model):
    """How often something was masked or held back on one day; what it was is kept nowhere."""

    day = models.DateField()
    engine = models.CharField(max_length=KEY_LENGTH)
    kind = models.CharField(max_length=10)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "engine", "kind"], name="outbound_once_a_day")]

    def __str__(self) -> str:
        return f"{self.day}: {self.count} of {self.kind}"
