"""What admins do with the rules that choose models: add, change, order, turn off, delete.

Whoever calls these has made sure that the person is an admin: `retrieval.access.require_admin`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Max

from llm.routing import LEVELS, Level, may_see
from portal.accounts.models import Team
from portal.llms.models import RoutingRule
from portal.llms.registry import move_in
from portal.llms.setup import changed, current_setup
from retrieval.errors import InvalidInputError

MOST_RULES = 50
MOST_ENGINES = 4
_MOST_NAME = 120
_MOST_SHARE = 100
_MOST_CHARACTERS = 1_000_000


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """What an admin says about a rule. `engines` are keys of models, `teams` names; empty means any."""

    name: str
    engines: Sequence[str]
    levels: Sequence[str] = ()
    teams: Sequence[str] = ()
    least_characters: int = 0
    most_characters: int | None = None
    difficulty: str = ""
    share: int = 100
    sticky_to: str = RoutingRule.StickyTo.PERSON


def list_rules() -> list[RoutingRule]:
    """Return the rules in the order in which they are asked."""
    return list(RoutingRule.objects.order_by("position", "pk").prefetch_related("teams"))


def get_rule(number: int) -> RoutingRule:
    """Return a rule. Raises InvalidInputError."""
    found = RoutingRule.objects.filter(pk=number).first()
    if found is None:
        raise InvalidInputError("There is no such rule any more. The list shows which there are.")
    return found


@transaction.atomic
def add_rule(*, draft: RuleDraft) -> RoutingRule:
    """Add a rule as the last one; it holds from the next question on. Raises InvalidInputError."""
    if RoutingRule.objects.count() >= MOST_RULES:
        raise InvalidInputError(f"There are {MOST_RULES} rules. Delete one that is not needed.")
    rule = RoutingRule(position=(RoutingRule.objects.aggregate(last=Max("position"))["last"] or 0) + 1)
    return _write(rule, draft)


@transaction.atomic
def change_rule(*, rule: RoutingRule, draft: RuleDraft) -> RoutingRule:
    """Change a rule in its place. Raises InvalidInputError."""
    return _write(RoutingRule.objects.select_for_update().get(pk=rule.pk), draft)


def _write(rule: RoutingRule, draft: RuleDraft) -> RoutingRule:
    _check(draft)
    teams = [_team(name) for name in dict.fromkeys(draft.teams)]
    rule.name = draft.name.strip()
    rule.engines = list(dict.fromkeys(draft.engines))
    rule.levels = [level for level in LEVELS if level in draft.levels]
    rule.least_characters, rule.most_characters = draft.least_characters, draft.most_characters
    rule.difficulty = draft.difficulty
    rule.share, rule.sticky_to = draft.share, draft.sticky_to
    rule.is_on = True
    rule.save()
    rule.teams.set(teams)
    changed()
    return rule


def _check(draft: RuleDraft) -> None:
    if not 1 <= len(draft.name.strip()) <= _MOST_NAME:
        raise InvalidInputError(f"A rule needs a name of 1 to {_MOST_NAME} characters.")
    known = {engine.key: engine for engine in current_setup().policy.engines}
    if not draft.engines or len(draft.engines) > MOST_ENGINES or not set(draft.engines) <= known.keys():
        raise InvalidInputError(f"Choose 1 to {MOST_ENGINES} models, in the order in which they are tried.")
    if not 1 <= draft.share <= _MOST_SHARE or draft.sticky_to not in RoutingRule.StickyTo.values:
        raise InvalidInputError("The share is a whole number from 1 to 100, of people or of conversations.")
    if draft.most_characters is not None and not (
        draft.least_characters <= draft.most_characters <= _MOST_CHARACTERS
    ):
        raise InvalidInputError("The length of questions ends before it begins. Correct the two numbers.")
    if draft.difficulty not in {"", *RoutingRule.Difficulty.values}:
        raise InvalidInputError("Choose easy questions, hard questions, or any.")
    if not set(draft.levels) <= set(LEVELS):
        raise InvalidInputError("Choose sensitivities of the list.")
    levels = [level for level in LEVELS if level in draft.levels]
    if levels and not any(may_see(known[key], [level]) for key in draft.engines for level in levels):
        raise InvalidInputError(
            "None of these models may see documents of that sensitivity, so the rule would do nothing. "
            "Choose others, or change what a model may see."
        )


def _team(name: str) -> Team:
    found = Team.objects.filter(name__iexact=name.strip()).first()
    if found is None:
        raise InvalidInputError(f"There is no team named “{name[:80]}”. Check the name.")
    return found


@transaction.atomic
def turn(*, rule: RoutingRule, on: bool) -> None:
    """Let a rule hold again, or be passed over and kept."""
    RoutingRule.objects.filter(pk=rule.pk).update(is_on=on)
    changed()


@transaction.atomic
def move_rule(*, rule: RoutingRule, up: bool) -> None:
    """Change the place of a rule with its neighbour's in the order."""
    ordered = list(RoutingRule.objects.select_for_update().order_by("position", "pk"))
    move_in(ordered, rule, up=up)
    for position, one in enumerate(ordered, start=1):
        RoutingRule.objects.filter(pk=one.pk).update(position=position)
    changed()


@transaction.atomic
def delete_rule(*, rule: RoutingRule) -> None:
    RoutingRule.objects.filter(pk=rule.pk).delete()
    changed()


def conditions_of(rule: RoutingRule) -> list[str]:
    """Return when a rule holds, in words; an empty list means always."""
    told = []
    if rule.levels:
        labels = [dict(_LEVEL_NAMES)[level] for level in LEVELS if level in rule.levels]
        told.append(f"the most sensitive document is {' or '.join(labels)}")
    if teams := sorted(team.name for team in rule.teams.all()):
        told.append(f"who asks is in {' or '.join(teams)}")
    if rule.least_characters:
        told.append(f"the question has at least {rule.least_characters:,} characters")
    if rule.most_characters is not None:
        told.append(f"the question has at most {rule.most_characters:,} characters")
    if rule.difficulty:
        told.append(f"the question is {rule.difficulty}")
    if rule.share < _MOST_SHARE:
        told.append(f"for {rule.share} %, always {rule.get_sticky_to_display()}")
    return told


_LEVEL_NAMES: Sequence[tuple[Level, str]] = (
    ("public", "public"),
    ("internal", "internal"),
    ("confidential", "confidential"),
    ("local_only", "local only"),
)
