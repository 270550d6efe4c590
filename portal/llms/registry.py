"""What admins do with language models: add, change, try, approve, withdraw, order, delete.

Whoever calls these has made sure that the person is an admin: `retrieval.access.require_admin`. They tell
of no document.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from llm.breaker import breaker_for
from llm.routing import LEVELS, Engine
from llm.trial import Trial, try_model
from portal.accounts.models import User
from portal.llms import places
from portal.llms.models import ENVIRONMENT, LanguageModel, Level, Quota, Revision, RoutingRule
from portal.llms.presets import BY_SLUG
from portal.llms.setup import changed, engine_of, environment_engine
from retrieval.errors import InvalidInputError
from retrieval.secrets import encrypt

_Row = TypeVar("_Row")
Runs = LanguageModel.Runs
State = LanguageModel.State

MOST_MODELS = 100
_LONGEST = {
    "name": ("name", 120),
    "base_url": ("address", 500),
    "model": ("model's name", 300),
    "revision": ("revision", 100),
    "licence": ("licence", 100),
    "quantisation": ("quantisation", 60),
    "risk_notes": ("risk note", 4000),
}
_LEAST_CONTEXT, _MOST_CONTEXT = 1024, 10_000_000
_MOST_PRICE = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Draft:
    """What an admin says about a model. Prices are for a million tokens, in LLM_CURRENCY."""

    name: str
    preset: str
    base_url: str
    model: str
    runs: str
    sees: str
    revision: str = ""
    licence: str = ""
    context_tokens: int = 8192
    max_output_tokens: int = 700
    quantisation: str = ""
    price_in: Decimal = Decimal(0)
    price_out: Decimal = Decimal(0)
    risk_notes: str = ""
    by_rule_only: bool = False


# Whoever approved a model approved these; another value asks for another approval.
_APPROVED_OF = ("base_url", "model", "revision", "licence", "quantisation", "runs", "sees")


@dataclass(frozen=True, slots=True)
class Listed:
    """A model as the list shows it; the environment's has no `row`. `is_resting` tells of its breaker."""

    key: str
    name: str
    engine: Engine | None
    row: LanguageModel | None
    is_resting: bool

    @property
    def is_approved(self) -> bool:
        return self.engine is not None and self.engine.approved


def list_models() -> list[Listed]:
    """Return the environment's model, if there is one, and the registered ones in their order."""
    listed = []
    if (standing := environment_engine()) is not None:
        listed.append(Listed(ENVIRONMENT, settings.LLM_MODEL, standing, None, _is_resting(standing)))
    for row in LanguageModel.objects.select_related("decided_by").order_by("position", "pk"):
        engine = engine_of(row)
        listed.append(Listed(row.key, row.name, engine, row, engine is not None and _is_resting(engine)))
    return listed


def model_names() -> dict[str, str]:
    """Return the name of every model by its key, in their order."""
    return {one.key: one.name for one in list_models()}


def _is_resting(engine: Engine) -> bool:
    return breaker_for(engine.spec.base_url, engine.spec.model).is_open


def get_model(number: int) -> LanguageModel:
    """Return a registered model. Raises InvalidInputError."""
    found = LanguageModel.objects.select_related("decided_by", "created_by").filter(pk=number).first()
    if found is None:
        raise InvalidInputError("There is no such model any more. The list shows which there are.")
    return found


@transaction.atomic
def add_model(*, user: User, draft: Draft, api_key: str = "") -> LanguageModel:
    """Add a model at the end of the order. It serves nobody before it is approved.

    Raises InvalidInputError.
    """
    if LanguageModel.objects.count() >= MOST_MODELS:
        raise InvalidInputError(f"There are {MOST_MODELS} models. Delete one that is not used.")
    one = LanguageModel(created_by=user)
    _write(one, draft)
    one.secret = encrypt(api_key.strip())
    one.position = (LanguageModel.objects.aggregate(last=Max("position"))["last"] or 0) + 1
    one.save()
    changed()
    return one


@transaction.atomic
def change_model(
    *, model: LanguageModel, draft: Draft, api_key: str = "", forget_key: bool = False
) -> LanguageModel:
    """Change what is said about a model; one that becomes another needs another approval.

    An empty key leaves the kept one, unless the address changed: no key goes to where it was not given for.
    Raises InvalidInputError.
    """
    one = LanguageModel.objects.select_for_update().get(pk=model.pk)
    before = {name: getattr(one, name) for name in _APPROVED_OF}
    _write(one, draft)
    if api_key.strip():
        one.secret = encrypt(api_key.strip())
    elif forget_key or one.base_url != before["base_url"]:
        one.secret = ""
    if one.state == State.APPROVED and any(getattr(one, name) != was for name, was in before.items()):
        one.state, one.decided_by, one.decided_at = State.DRAFT, None, None
    one.save()
    changed()
    return one


def _write(one: LanguageModel, draft: Draft) -> None:
    _check_words(draft)
    _check_numbers(draft)
    _check_place(draft)
    same = LanguageModel.objects.filter(name__iexact=draft.name.strip()).exclude(pk=one.pk)
    if same.exists() or not draft.name.strip():
        raise InvalidInputError("Give the model a name that no other has.")
    for name in Draft.__dataclass_fields__:
        value = getattr(draft, name)
        setattr(one, name, value.strip() if isinstance(value, str) else value)
    one.base_url = one.base_url.rstrip("/")


def _check_words(draft: Draft) -> None:
    if draft.preset not in BY_SLUG:
        raise InvalidInputError("Choose what kind of server it is.")
    if not draft.model.strip():
        raise InvalidInputError("Give the model's name on its server. “Test it” lists the names there.")
    for name, (label, most) in _LONGEST.items():
        if len(getattr(draft, name)) > most:
            raise InvalidInputError(f"The {label} has more than {most:,} characters. Shorten it.")


def _check_numbers(draft: Draft) -> None:
    if not _LEAST_CONTEXT <= draft.context_tokens <= _MOST_CONTEXT:
        raise InvalidInputError(f"The context length is a number of tokens, at least {_LEAST_CONTEXT:,}.")
    if not 0 < draft.max_output_tokens < draft.context_tokens:
        raise InvalidInputError("The longest answer is a number of tokens, less than the context length.")
    if not (0 <= draft.price_in <= _MOST_PRICE and 0 <= draft.price_out <= _MOST_PRICE):
        raise InvalidInputError("A price is a number that is not negative, for a million tokens.")


def _check_place(draft: Draft) -> None:
    address = draft.base_url.strip()
    host = places.host_of(address)
    if not host or "@" in address:
        raise InvalidInputError(
            "The address begins with http:// or https:// and leads to the server's /v1, such as "
            "http://vllm:8000/v1. A key does not belong into it."
        )
    if draft.runs not in Runs.values or draft.sees not in Level.values:
        raise InvalidInputError("Choose where the model runs and what it may see.")
    if draft.runs == Runs.EXTERNAL and draft.sees == Level.LOCAL_ONLY:
        raise InvalidInputError("A model that runs elsewhere can never see what is local only.")
    if draft.runs == Runs.LOCAL and not places.is_ours(address):
        raise InvalidInputError(
            f"{host} is no address of your own network, as far as the portal can tell. Say that the model "
            "runs elsewhere, or let whoever runs the portal add the host to LLM_LOCAL_HOSTS."
        )


@transaction.atomic
def decide(*, user: User, model: LanguageModel, approve: bool) -> LanguageModel:
    """Approve a model, so that it serves, or withdraw it, from the next question on.

    Raises InvalidInputError where it is said to run on the company's machines and does not.
    """
    one = LanguageModel.objects.select_for_update().get(pk=model.pk)
    if approve and one.runs == Runs.LOCAL and not places.is_ours(one.base_url):
        raise InvalidInputError(
            f"{places.host_of(one.base_url)} is no address of your own network any more. Correct where the "
            "model runs, then approve it."
        )
    one.state = State.APPROVED if approve else State.WITHDRAWN
    one.decided_by, one.decided_at = user, timezone.now()
    one.save(update_fields=["state", "decided_by", "decided_at"])
    changed()
    return one


@transaction.atomic
def move_model(*, model: LanguageModel, up: bool) -> None:
    """Change the place of a model with its neighbour's in the order."""
    ordered = list(LanguageModel.objects.select_for_update().order_by("position", "pk"))
    move_in(ordered, model, up=up)
    for position, one in enumerate(ordered, start=1):
        LanguageModel.objects.filter(pk=one.pk).update(position=position)
    changed()


def move_in(ordered: list[_Row], one: _Row, *, up: bool) -> None:
    """Swap `one` with the row before or after it, where there is one."""
    at = ordered.index(one)
    to = at - 1 if up else at + 1
    if 0 <= to < len(ordered):
        ordered[at], ordered[to] = ordered[to], ordered[at]


@transaction.atomic
def delete_model(*, model: LanguageModel) -> None:
    """Remove a model, from all that names it, with its quotas. What it answered stays."""
    for rule in RoutingRule.objects.select_for_update().filter(engines__contains=[model.key]):
        rule.engines = [key for key in rule.engines if key != model.key]
        rule.is_on = rule.is_on and bool(rule.engines)
        rule.save(update_fields=["engines", "is_on"])
    Quota.objects.filter(engine=model.key).delete()
    Revision.objects.filter(judge=model.key).update(judge="")
    LanguageModel.objects.filter(pk=model.pk).delete()
    changed()


def try_registered(*, model: LanguageModel) -> Trial:
    """Ask a model's server and the model something of no content, and keep how that went."""
    engine = engine_of(model)
    if engine is None:
        trial = Trial.failed("The key that is kept was encrypted with another SECRET_KEY. Type it again.")
    else:
        trial = try_model(engine.spec)
    LanguageModel.objects.filter(pk=model.pk).update(
        tested_at=timezone.now(), test_went_well=trial.went_well, test_told="\n".join(trial.told)[:4000]
    )
    return trial


def try_environment() -> Trial:
    """Try the model that the settings name. Raises InvalidInputError where they name none."""
    engine = environment_engine()
    if engine is None:
        raise InvalidInputError("LLM_BASE_URL and LLM_MODEL are not set.")
    return try_model(engine.spec)


def levels() -> Sequence[tuple[str, str]]:
    """Return the levels with their names, from open to closed."""
    return [(level, Level(level).label) for level in LEVELS]
