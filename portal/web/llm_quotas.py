"""Quotas with what was used of them, and what may leave for models elsewhere."""

from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from llm.outbound import ACTIONS, KINDS
from portal.llms import outbound, quotas, registry
from portal.llms.models import Quota
from portal.web.requests import SignedInRequest, decimal_number, signed_in, whole_number
from retrieval import access
from retrieval.errors import InvalidInputError

_KIND_NAMES = {
    "secret": "Keys and passwords",
    "email": "E-mail addresses",
    "iban": "Bank account numbers (IBAN)",
    "card": "Card numbers",
    "phone": "Phone numbers",
    "word": "Words of the list below",
}
_ACTION_NAMES = {"mask": "Mask it", "block": "Send nothing", "off": "Let it pass"}
_MOST_DIGITS = 15


@dataclass(frozen=True, slots=True)
class QuotaRow:
    quota: Quota
    whom: str
    model: str
    limit: str
    used: str
    percent: int


@signed_in
def index(request: SignedInRequest) -> HttpResponse:
    """The quotas and the use so far, of today with `?period=day`; POST adds or removes a quota."""
    access.require_admin(user=request.user)
    error = ""
    if request.method == "POST":
        try:
            messages.success(request, _change(request))
        except InvalidInputError as refused:
            error = str(refused)
        else:
            return redirect("llm_quotas")
    period = "day" if request.GET.get("period") == "day" else "month"
    names = registry.model_names()
    context = {
        "rows": [_row(quota, names) for quota in Quota.objects.select_related("user", "team").order_by("pk")],
        "period": period,
        "people": quotas.use_by("user", period=period),
        "teams": quotas.use_by("team", period=period),
        "models": [
            (names.get(row.name, f"Deleted model {row.name}"), row)
            for row in quotas.use_by("engine", period=period)
        ],
        "names": names,
        "scopes": Quota.Scope.choices,
        "periods": Quota.Period.choices,
        "outcomes": Quota.WhenReached.choices,
        "currency": settings.LLM_CURRENCY,
        "typed": request.POST if error else {},
        "error": error,
        "section": "manage",
    }
    return render(request, "llms/quotas.html", context, status=400 if error else 200)


def _change(request: SignedInRequest) -> str:
    sent = request.POST
    if sent.get("form") == "remove":
        quotas.remove_quota(quota_id=whole_number(sent.get("quota", "")) or 0)
        return "The quota was removed."
    amount = sent.get("amount", "").strip().replace(",", "")
    in_tokens = sent.get("unit", "tokens") == "tokens"
    is_whole = amount.isascii() and amount.isdigit() and len(amount) <= _MOST_DIGITS
    tokens = int(amount) if in_tokens and is_whole else None
    money = None if in_tokens else decimal_number(amount)
    if tokens is None and money is None:
        raise InvalidInputError("The limit is a number: whole for tokens, such as 12.50 for money.")
    quotas.add_quota(
        draft=quotas.QuotaDraft(
            scope=sent.get("scope", ""),
            period=sent.get("period", ""),
            whom=sent.get("whom", ""),
            engine=sent.get("engine", ""),
            tokens=tokens,
            money=money,
            when_reached=sent.get("when_reached", Quota.WhenReached.QUOTE),
        )
    )
    return "The quota was added. It holds from the next question on."


def _row(quota: Quota, names: dict[str, str]) -> QuotaRow:
    used = quotas.used_of(quota)
    if quota.tokens is not None:
        limit, so_far = f"{quota.tokens:,} tokens", f"{used.tokens:,}"
        part = used.tokens / quota.tokens if quota.tokens else 1
    else:
        most = quota.money or 0
        limit, so_far = f"{most:,.2f} {settings.LLM_CURRENCY}", f"{used.money:,.2f}"
        part = float(used.money / most) if most else 1
    whom = str(quota.user or quota.team or quota.get_scope_display())
    model = names.get(quota.engine, "a deleted model") if quota.engine else "all models"
    return QuotaRow(quota, whom, model, limit, so_far, min(100, round(part * 100)))


@signed_in
def leaving(request: SignedInRequest) -> HttpResponse:
    """What may leave for models elsewhere, for admins; POST decides."""
    access.require_admin(user=request.user)
    error = ""
    if request.method == "POST":
        actions: dict[str, str] = {kind: request.POST.get(kind, "mask") for kind in KINDS}
        try:
            outbound.set_policy(actions=actions, words=request.POST.get("words", ""))
        except InvalidInputError as refused:
            error = str(refused)
        else:
            messages.success(request, "Saved. It holds from the next question on.")
            return redirect("llm_outbound")
    policy, counts = outbound.current_policy(), outbound.counts_of_month()
    context = {
        "kinds": [(kind, _KIND_NAMES[kind], policy.action(kind), counts.get(kind, 0)) for kind in KINDS],
        "actions": [(action, _ACTION_NAMES[action]) for action in ACTIONS],
        "words": request.POST.get("words", "") if error else "\n".join(policy.words),
        "error": error,
        "section": "manage",
    }
    return render(request, "llms/outbound.html", context, status=400 if error else 200)
