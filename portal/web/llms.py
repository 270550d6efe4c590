"""Language models: the list in which they are tried, each one's page, approval, and a test."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from llm.trial import Trial
from portal.llms import registry
from portal.llms.models import LanguageModel
from portal.llms.presets import PRESETS
from portal.web.requests import SignedInRequest, decimal_number, signed_in, whole_number
from retrieval import access
from retrieval.errors import InvalidInputError

_WORDS = ("name", "preset", "base_url", "model", "runs", "sees", "revision", "licence", "quantisation")
_NEW = {"preset": "vllm", "runs": "local", "sees": "internal", "price_in": "0", "price_out": "0"}
_NEW |= {"context_tokens": "8192", "max_output_tokens": "700"}


@signed_in
def index(request: SignedInRequest) -> HttpResponse:
    """List the models, for admins; POST adds one, or tests the environment's."""
    access.require_admin(user=request.user)
    if request.method != "POST":
        return _list(request)
    try:
        if request.POST.get("form") == "test":
            _tell(request, registry.try_environment(), settings.LLM_MODEL)
            return redirect("llms")
        key = request.POST.get("api_key", "")
        made = registry.add_model(user=request.user, draft=_draft(request), api_key=key)
    except InvalidInputError as error:
        return _list(request, error=str(error))
    messages.success(request, f"“{made}” was added. Test it, then approve it: until then it serves nobody.")
    return redirect("llm", model_id=made.pk)


def _draft(request: SignedInRequest) -> registry.Draft:
    sent = request.POST
    numbers = {name: whole_number(sent.get(name, "")) for name in ("context_tokens", "max_output_tokens")}
    prices = {name: decimal_number(sent.get(name, "").strip() or "0") for name in ("price_in", "price_out")}
    if None in numbers.values() or None in prices.values():
        raise InvalidInputError(
            "Context length and longest answer are whole numbers, prices are numbers such as 0.25."
        )
    words = {name: sent.get(name, "").strip() for name in (*_WORDS, "risk_notes")}
    given: dict[str, Any] = words | numbers | prices
    return registry.Draft(**given, by_rule_only=bool(sent.get("by_rule_only")))


def _list(request: SignedInRequest, *, error: str = "") -> HttpResponse:
    typed = request.POST.dict() if error else _NEW
    context = _form(typed, error) | {"models": registry.list_models()}
    return render(request, "llms/list.html", context, status=400 if error else 200)


def _form(typed: dict[str, Any], error: str) -> dict[str, object]:
    return {
        "typed": typed,
        "presets": PRESETS,
        "runs": LanguageModel.Runs.choices,
        "levels": registry.levels(),
        "currency": settings.LLM_CURRENCY,
        "error": error,
        "section": "manage",
    }


@signed_in
def show(request: SignedInRequest, model_id: int) -> HttpResponse:
    """One model, for admins; POST changes it."""
    access.require_admin(user=request.user)
    error = ""
    try:
        model = registry.get_model(model_id)
    except InvalidInputError as gone:
        messages.error(request, str(gone), extra_tags="bad")
        return redirect("llms")
    if request.method == "POST":
        try:
            changed = _change(request, model)
        except InvalidInputError as refused:
            error = str(refused)
        else:
            messages.success(request, f"“{changed}” was saved. {_whether_it_serves(changed)}")
            return redirect("llm", model_id=model.pk)
    typed = request.POST.dict() if error else _typed(model)
    context = _form(typed, error) | {"model": model, "has_key": bool(model.secret)}
    return render(request, "llms/show.html", context, status=400 if error else 200)


def _change(request: SignedInRequest, model: LanguageModel) -> LanguageModel:
    return registry.change_model(
        model=model,
        draft=_draft(request),
        api_key=request.POST.get("api_key", ""),
        forget_key=bool(request.POST.get("forget_key")),
    )


def _typed(model: LanguageModel) -> dict[str, Any]:
    names = registry.Draft.__dataclass_fields__
    shown = asdict(registry.Draft(**{name: getattr(model, name) for name in names}))
    return shown | {name: f"{shown[name].normalize():f}" for name in ("price_in", "price_out")}


def _whether_it_serves(model: LanguageModel) -> str:
    if model.state == registry.State.APPROVED:
        return "It serves from the next question on."
    return "It is not approved, so it serves nobody."


@require_POST
@signed_in
def act(request: SignedInRequest, model_id: int) -> HttpResponse:
    """Approve, withdraw, test, move up or delete a model; what cannot be is explained on the list."""
    access.require_admin(user=request.user)
    action = _ACTIONS.get(request.POST.get("action", ""))
    try:
        model = registry.get_model(model_id)
        if action is not None:
            action(request, model)
    except InvalidInputError as error:
        messages.error(request, str(error), extra_tags="bad")
        return redirect("llms")
    if request.POST.get("back") == "model":
        return redirect("llm", model_id=model.pk)
    return redirect("llms")


def _approve(request: SignedInRequest, model: LanguageModel) -> None:
    registry.decide(user=request.user, model=model, approve=True)
    messages.success(request, f"“{model}” is approved and serves from the next question on.")


def _withdraw(request: SignedInRequest, model: LanguageModel) -> None:
    registry.decide(user=request.user, model=model, approve=False)
    messages.success(request, f"“{model}” is withdrawn and serves nobody from the next question on.")


def _test(request: SignedInRequest, model: LanguageModel) -> None:
    _tell(request, registry.try_registered(model=model), model.name)


def _tell(request: SignedInRequest, trial: Trial, name: str) -> None:
    level, tags = (messages.SUCCESS, "good") if trial.went_well else (messages.ERROR, "bad")
    messages.add_message(request, level, f"{name}: {' '.join(trial.told)}", extra_tags=tags)


def _up(request: SignedInRequest, model: LanguageModel) -> None:
    registry.move_model(model=model, up=True)


def _delete(request: SignedInRequest, model: LanguageModel) -> None:
    if not request.POST.get("sure"):
        raise InvalidInputError(f"Tick that “{model}” is to be deleted for good, then delete it.")
    registry.delete_model(model=model)
    messages.success(request, f"“{model}” was deleted.")


_ACTIONS: dict[str, Callable[[SignedInRequest, LanguageModel], None]] = {
    "approve": _approve,
    "withdraw": _withdraw,
    "test": _test,
    "up": _up,
    "delete": _delete,
}
