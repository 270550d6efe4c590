"""Routes: the rules that choose which language models are tried for a question."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from portal.accounts.models import Team
from portal.llms import judging, registry, routes
from portal.llms.models import RoutingRule
from portal.llms.setup import current_setup
from portal.web.requests import SignedInRequest, signed_in, whole_number
from retrieval import access
from retrieval.errors import InvalidInputError


@signed_in
def index(request: SignedInRequest) -> HttpResponse:
    """List the rules in their order, for admins; POST adds one, chooses the judge, or tries a question."""
    access.require_admin(user=request.user)
    form = request.POST.get("form", "add") if request.method == "POST" else ""
    error, tried = "", None
    try:
        if form == "try":
            tried = _try(request)
        elif form:
            messages.success(request, _judge(request) if form == "judge" else _add(request))
            return redirect("llm_routes")
    except InvalidInputError as refused:
        error = str(refused)
    is_draft = bool(error) and form == "add"
    context = _form(_sent(request) if is_draft else {"share": "100"}, error if is_draft else "")
    context |= _listed() | {
        "tried": tried,
        "asked": request.POST,
        "try_error": error if form == "try" else "",
        "judge_error": error if form == "judge" else "",
    }
    return render(request, "llms/routes.html", context, status=400 if error else 200)


def _add(request: SignedInRequest) -> str:
    rule = routes.add_rule(draft=_draft(request))
    return f"“{rule}” was added as the last rule. It holds from now on."


def _judge(request: SignedInRequest) -> str:
    name = judging.appoint_judge(key=request.POST.get("judge", ""))
    return f"{name or 'Rules alone'} will say how hard a question is, from the next question on."


def _try(request: SignedInRequest) -> judging.Tried:
    return judging.try_question(
        user=request.user,
        text=request.POST.get("q", ""),
        level=request.POST.get("in_play", ""),
        teams=list(request.user.memberships.values_list("team_id", flat=True)),
    )


def _listed() -> dict[str, object]:
    names = registry.model_names()
    rules = [
        {
            "rule": rule,
            "conditions": routes.conditions_of(rule),
            "engines": [names.get(key, "a model that is gone") for key in rule.engines],
        }
        for rule in routes.list_rules()
    ]
    return {"rules": rules, "otherwise": _otherwise(), "judge": current_setup().policy.judge}


def _otherwise() -> list[str]:
    listed = registry.list_models()
    return [one.name for one in listed if one.engine and one.engine.approved and not one.engine.by_rule_only]


def _draft(request: SignedInRequest) -> routes.RuleDraft:
    sent = request.POST
    least = whole_number(sent.get("least_characters", "").strip() or "0")
    longest = sent.get("most_characters", "").strip()
    most = whole_number(longest) if longest else None
    share = whole_number(sent.get("share", "").strip() or "100")
    if least is None or share is None or (longest and most is None):
        raise InvalidInputError("Lengths and the share are whole numbers.")
    return routes.RuleDraft(
        name=sent.get("name", ""),
        engines=[key for key in sent.getlist("engine") if key],
        levels=sent.getlist("level"),
        teams=[name.strip() for name in sent.get("teams", "").split(",") if name.strip()],
        least_characters=least,
        most_characters=most,
        difficulty=sent.get("difficulty", ""),
        share=share,
        sticky_to=sent.get("sticky_to", RoutingRule.StickyTo.PERSON),
    )


def _sent(request: SignedInRequest) -> dict[str, Any]:
    lists = {"engines": request.POST.getlist("engine"), "levels": request.POST.getlist("level")}
    return request.POST.dict() | lists


def _form(typed: dict[str, Any], error: str) -> dict[str, object]:
    chosen = [*typed.get("engines", []), *[""] * routes.MOST_ENGINES][: routes.MOST_ENGINES]
    return {
        "typed": typed,
        "chosen": list(enumerate(chosen, start=1)),
        "names": registry.model_names(),
        "levels": registry.levels(),
        "sticky": RoutingRule.StickyTo.choices,
        "difficulties": RoutingRule.Difficulty.choices,
        "known_teams": Team.objects.order_by("name"),
        "error": error,
        "section": "manage",
    }


@signed_in
def edit(request: SignedInRequest, rule_id: int) -> HttpResponse:
    """One rule, for admins; POST changes it."""
    access.require_admin(user=request.user)
    error = ""
    try:
        rule = routes.get_rule(rule_id)
    except InvalidInputError as gone:
        messages.error(request, str(gone), extra_tags="bad")
        return redirect("llm_routes")
    if request.method == "POST":
        try:
            changed = routes.change_rule(rule=rule, draft=_draft(request))
        except InvalidInputError as refused:
            error = str(refused)
        else:
            messages.success(request, f"“{changed}” was saved. It holds from now on.")
            return redirect("llm_routes")
    context = _form(_sent(request) if error else _typed(rule), error) | {"rule": rule}
    return render(request, "llms/route.html", context, status=400 if error else 200)


def _typed(rule: RoutingRule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "engines": rule.engines,
        "levels": rule.levels,
        "teams": ", ".join(sorted(team.name for team in rule.teams.all())),
        "least_characters": rule.least_characters or "",
        "most_characters": "" if rule.most_characters is None else rule.most_characters,
        "difficulty": rule.difficulty,
        "share": rule.share,
        "sticky_to": rule.sticky_to,
    }


@require_POST
@signed_in
def act(request: SignedInRequest, rule_id: int) -> HttpResponse:
    """Move a rule, turn it on or off, or delete it."""
    access.require_admin(user=request.user)
    action = _ACTIONS.get(request.POST.get("action", ""))
    try:
        rule = routes.get_rule(rule_id)
        if action is not None:
            action(rule)
            messages.success(request, "The rules were changed. They hold from the next question on.")
    except InvalidInputError as error:
        messages.error(request, str(error), extra_tags="bad")
    return redirect("llm_routes")


_ACTIONS: dict[str, Callable[[RoutingRule], None]] = {
    "up": lambda rule: routes.move_rule(rule=rule, up=True),
    "down": lambda rule: routes.move_rule(rule=rule, up=False),
    "on": lambda rule: routes.turn(rule=rule, on=True),
    "off": lambda rule: routes.turn(rule=rule, on=False),
    "delete": lambda rule: routes.delete_rule(rule=rule),
}
