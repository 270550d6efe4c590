"""Quotas: what people, teams and the portal may use of models in a day or a month, and what they have used.

Use is written when an answer has ended, so answers that run at the same time can go beyond a quota by what
they use themselves. Days and months are those of TIME_ZONE.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, QuerySet, Sum
from django.utils import timezone
from django.utils.formats import date_format

from llm.events import Attempt
from portal.accounts.models import Team, User
from portal.llms.errors import QuotaReachedError
from portal.llms.models import ENVIRONMENT, LanguageModel, OutboundCount, Quota, Use
from portal.llms.setup import Facts, Setup, changed
from retrieval.errors import InvalidInputError

Scope = Quota.Scope
Period = Quota.Period
WhenReached = Quota.WhenReached

MOST_QUOTAS = 200
_MOST_TOKENS = 10**15
_MOST_MONEY = Decimal(10) ** 9

_ADD_USE = """
INSERT INTO llms_use (day, user_id, engine, requests, prompt_tokens, output_tokens, estimated_tokens, cost)
VALUES (%s, %s, %s, 1, %s, %s, %s, %s)
ON CONFLICT (day, user_id, engine) DO UPDATE SET requests = llms_use.requests + 1,
    prompt_tokens = llms_use.prompt_tokens + excluded.prompt_tokens,
    output_tokens = llms_use.output_tokens + excluded.output_tokens,
    estimated_tokens = llms_use.estimated_tokens + excluded.estimated_tokens,
    cost = llms_use.cost + excluded.cost
"""


@dataclass(frozen=True, slots=True)
class Used:
    tokens: int
    money: Decimal


@dataclass(frozen=True, slots=True)
class Reached:
    """A quota that is used up, in words, until a moment."""

    quota: Quota
    limit: str
    until: datetime

    @property
    def told(self) -> str:
        return f"{self.limit} used up. It begins again on {date_format(self.until, 'j F Y, H:i')}."

    @property
    def retry_after(self) -> int:
        return max(1, round((self.until - timezone.now()).total_seconds()))


def reached_quotas(*, user: User, teams: Iterable[int], setup: Setup) -> list[Reached]:
    """Return the quotas that this person has no more of; one query for each that holds for them."""
    theirs = set(teams)
    today = timezone.localdate()
    found = []
    for quota in setup.quotas:
        holds = quota.user_id in {None, user.pk} and (quota.team_id is None or quota.team_id in theirs)
        if holds and _is_reached(quota, _used(quota, today, user)):
            found.append(Reached(quota, describe(quota), _ends(quota.period, today)))
    return found


def exhausted(reached: Sequence[Reached], engines: Iterable[str]) -> frozenset[str]:
    """Return the keys of the models that these quotas take away."""
    gone = {one.quota.engine for one in reached}
    return frozenset(engines) if "" in gone else frozenset(gone)


def require_question_allowed(reached: Sequence[Reached]) -> None:
    """Raise QuotaReachedError where one of these refuses questions."""
    refusing = [one for one in reached if one.quota.when_reached == WhenReached.REFUSE]
    if refusing:
        last = max(refusing, key=lambda one: one.until)
        raise QuotaReachedError(f"{last.told} Search works on.", retry_after=last.retry_after)


def describe(quota: Quota) -> str:
    """Return a quota as its reader may see it: “Your 100,000 tokens a day are”."""
    if quota.tokens is not None:
        limit = f"{quota.tokens:,} tokens"
    else:
        limit = f"{quota.money:,.2f} {settings.LLM_CURRENCY}"
    whose = {Scope.TEAM: f"The {limit} of the team {quota.team} a", Scope.PORTAL: f"The portal's {limit} a"}
    return f"{whose.get(Scope(quota.scope), f'Your {limit} a')} {quota.period} for language models are"


def _is_reached(quota: Quota, used: Used) -> bool:
    if quota.tokens is not None:
        return used.tokens >= quota.tokens
    return quota.money is not None and used.money >= quota.money


def used_of(quota: Quota) -> Used:
    """Return what was used of a quota so far; of one for each person, what the one with most has used."""
    today = timezone.localdate()
    if quota.scope != Scope.EACH:
        return _used(quota, today, None)
    by_person = _uses(quota, today).values("user").annotate(tokens=_TOKENS, money=Sum("cost"))
    most = by_person.order_by("-tokens" if quota.tokens is not None else "-money").first()
    return Used(most["tokens"] or 0, most["money"] or Decimal(0)) if most else Used(0, Decimal(0))


_TOKENS = Sum(F("prompt_tokens") + F("output_tokens"))


def _used(quota: Quota, today: date, user: User | None) -> Used:
    uses = _uses(quota, today)
    if quota.scope in {Scope.EACH, Scope.PERSON}:
        uses = uses.filter(user=user or quota.user)
    elif quota.scope == Scope.TEAM:
        uses = uses.filter(user__memberships__team=quota.team_id)
    total = uses.aggregate(tokens=_TOKENS, money=Sum("cost"))
    return Used(total["tokens"] or 0, total["money"] or Decimal(0))


def _uses(quota: Quota, today: date) -> QuerySet[Use]:
    uses = Use.objects.filter(day__gte=today if quota.period == Period.DAY else today.replace(day=1))
    return uses.filter(engine=quota.engine) if quota.engine else uses


def _ends(period: str, today: date) -> datetime:
    """Return the beginning of the next day or month."""
    month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    day = today + timedelta(days=1) if period == Period.DAY else month
    return timezone.make_aware(datetime.combine(day, time.min))


def note_use(*, user_id: int, attempts: Sequence[Attempt], facts: dict[str, Facts]) -> None:
    """Count what models were sent and wrote, and how often something was masked or held back."""
    today = timezone.localdate()
    for one in attempts:
        if one.prompt_tokens or one.output_tokens:
            both = one.prompt_tokens + one.output_tokens
            cost = cost_of(one, facts)
            estimated = both if one.estimated else 0
            row = (today, user_id, one.key, one.prompt_tokens, one.output_tokens, estimated, cost)
            with connection.cursor() as cursor:
                cursor.execute(_ADD_USE, row)
        for kind, count in one.masked:
            row_of_day, _ = OutboundCount.objects.get_or_create(day=today, engine=one.key, kind=kind)
            OutboundCount.objects.filter(pk=row_of_day.pk).update(count=F("count") + count)


def cost_of(attempt: Attempt, facts: dict[str, Facts]) -> Decimal:
    known = facts.get(attempt.key)
    return known.cost(attempt.prompt_tokens, attempt.output_tokens) if known else Decimal(0)


@dataclass(frozen=True, slots=True)
class QuotaDraft:
    """What an admin says about a quota. `whom` is an e-mail address or a team's name, where one is needed."""

    scope: str
    period: str
    whom: str = ""
    engine: str = ""
    tokens: int | None = None
    money: Decimal | None = None
    when_reached: str = WhenReached.QUOTE


@transaction.atomic
def add_quota(*, draft: QuotaDraft) -> Quota:
    """Add a quota, which holds from the next question on. Raises InvalidInputError."""
    if draft.scope not in Scope.values or draft.period not in Period.values:
        raise InvalidInputError("Choose whom the quota is for, and for how long.")
    _check_limit(draft)
    if draft.engine and not _is_known(draft.engine):
        raise InvalidInputError("Choose a model of the list, or all models.")
    if draft.when_reached not in WhenReached.values:
        raise InvalidInputError("Choose what happens when the quota is reached.")
    if draft.when_reached == WhenReached.REFUSE and draft.engine:
        raise InvalidInputError("Only a quota for all models can refuse questions: others may still answer.")
    if Quota.objects.count() >= MOST_QUOTAS:
        raise InvalidInputError(f"There are {MOST_QUOTAS} quotas. Remove one that is not needed.")
    quota = Quota(
        scope=draft.scope,
        engine=draft.engine,
        period=draft.period,
        tokens=draft.tokens,
        money=draft.money,
        when_reached=draft.when_reached,
    )
    if draft.scope == Scope.PERSON:
        quota.user = _person(draft.whom)
    elif draft.scope == Scope.TEAM:
        quota.team = _team(draft.whom)
    quota.save()
    changed()
    return quota


def _check_limit(draft: QuotaDraft) -> None:
    if (draft.tokens is None) == (draft.money is None):
        raise InvalidInputError("Give a limit in tokens or one in money; for both, add two quotas.")
    if draft.tokens is not None and not 0 <= draft.tokens <= _MOST_TOKENS:
        raise InvalidInputError("A limit in tokens is a whole number that is not negative.")
    if draft.money is not None and not 0 <= draft.money <= _MOST_MONEY:
        raise InvalidInputError("A limit in money is a number that is not negative.")


def _is_known(key: str) -> bool:
    return key == ENVIRONMENT or (key.isdigit() and LanguageModel.objects.filter(pk=int(key)).exists())


def _person(email: str) -> User:
    found = User.objects.filter(email__iexact=email.strip()).first()
    if found is None:
        raise InvalidInputError(f"There is no person with the address “{email[:80]}”. Check it.")
    return found


def _team(name: str) -> Team:
    found = Team.objects.filter(name__iexact=name.strip()).first()
    if found is None:
        raise InvalidInputError(f"There is no team named “{name[:80]}”. Check the name.")
    return found


@transaction.atomic
def remove_quota(*, quota_id: int) -> None:
    """Remove a quota, where it is still there; what was used stays counted."""
    Quota.objects.filter(pk=quota_id).delete()
    changed()


@dataclass(frozen=True, slots=True)
class UseRow:
    """What somebody or something used in one period."""

    name: str
    requests: int
    tokens: int
    estimated: int
    money: Decimal


_MOST_ROWS = 50


def use_by(group: str, *, period: str) -> list[UseRow]:
    """Return who or what used most today or this month; `group` is "user", "team" or "engine"."""
    field = {"user": "user__email", "team": "user__memberships__team__name", "engine": "engine"}[group]
    today = timezone.localdate()
    uses = Use.objects.filter(day__gte=today if period == Period.DAY else today.replace(day=1))
    sums = {
        "asked": Sum("requests"),
        "used": _TOKENS,
        "guessed": Sum("estimated_tokens"),
        "paid": Sum("cost"),
    }
    rows: list[dict[str, Any]] = list(uses.exclude(**{field: None}).values(field).annotate(**sums))
    rows.sort(key=lambda row: (-row["used"], row[field]))
    return [
        UseRow(row[field], row["asked"], row["used"], row["guessed"], row["paid"])
        for row in rows[:_MOST_ROWS]
    ]
