"""The registered models, rules, prompt and quotas as the pure layer takes them, kept in each process.

They are read anew when the one row of `Revision` has another stamp, which every question looks at, so that a
withdrawn model serves nobody from the next question on. Who changes something calls `changed`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction

from llm.difficulty import DIFFICULTIES
from llm.engines import LLMSpec
from llm.outbound import ACTIONS, KINDS, OutboundPolicy
from llm.prompt_template import SystemPrompt, TemplateError, render
from llm.routing import Engine, Policy, Rule, level_named
from portal.llms import places
from portal.llms.models import (
    ENVIRONMENT,
    LanguageModel,
    Level,
    PromptVersion,
    Quota,
    Revision,
    RoutingRule,
)
from retrieval.secrets import LostSecretError, decrypt


@dataclass(frozen=True, slots=True)
class Facts:
    """What provenance and costs need to know of a model. Prices are for a million tokens."""

    name: str
    model: str
    revision: str = ""
    licence: str = ""
    runs: str = ""
    price_in: Decimal = Decimal(0)
    price_out: Decimal = Decimal(0)

    def cost(self, prompt_tokens: int, output_tokens: int) -> Decimal:
        return (self.price_in * prompt_tokens + self.price_out * output_tokens) / 1_000_000


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that is decided about language models at one revision."""

    stamp: UUID | None
    policy: Policy
    facts: Mapping[str, Facts]
    prompt: SystemPrompt
    quotas: tuple[Quota, ...]

    @property
    def refuses(self) -> bool:
        """Whether questions may be refused at all; without models none is, because nothing is used up."""
        refusing = any(one.when_reached == Quota.WhenReached.REFUSE for one in self.quotas)
        return refusing and bool(self.policy.engines)

    @property
    def asks_for_teams(self) -> bool:
        return any(rule.teams for rule in self.policy.rules) or any(one.team_id for one in self.quotas)


class _Kept:
    """This process's setup, with the settings that it was made with."""

    setup: Setup | None = None
    made_with: tuple[object, ...] = ()


def setup_at(stamp: UUID | None) -> Setup:
    """Return the setup of a stamp that was just read; None: nothing was ever decided."""
    made_with = _settings()
    kept = _Kept.setup
    if kept is None or kept.stamp != stamp or _Kept.made_with != made_with:
        kept = _read(stamp) if stamp else _undecided()
        _Kept.setup, _Kept.made_with = kept, made_with
    return kept


def known_setup() -> Setup | None:
    """Return what this process knows without looking, which may be of an earlier revision, or nothing."""
    return _Kept.setup


def current_setup() -> Setup:
    return setup_at(Revision.objects.filter(pk=Revision.ONLY).values_list("stamp", flat=True).first())


@transaction.atomic
def changed(**fields: object) -> None:
    """Let every process read its setup anew; belongs into the transaction that changes something."""
    Revision.objects.get_or_create(pk=Revision.ONLY)
    Revision.objects.filter(pk=Revision.ONLY).update(stamp=uuid4(), **fields)


def _settings() -> tuple[object, ...]:
    return (
        settings.LLM_BASE_URL,
        settings.LLM_MODEL,
        settings.LLM_API_KEY,
        settings.LLM_CONTEXT_TOKENS,
        settings.LLM_MAX_OUTPUT_TOKENS,
        tuple(settings.LLM_LOCAL_HOSTS),
        settings.PORTAL_NAME,
        settings.LLM_CONNECT_SECONDS,
        settings.LLM_FIRST_TOKEN_SECONDS,
        settings.LLM_BETWEEN_TOKENS_SECONDS,
        settings.LLM_ANSWER_SECONDS,
    )


@transaction.atomic
def _read(stamp: UUID) -> Setup:
    row = Revision.objects.filter(pk=Revision.ONLY).first() or Revision()
    outbound = outbound_policy(row)
    standing = environment_engine(outbound)
    models = list(LanguageModel.objects.order_by("position", "pk"))
    engines = [standing] if standing else []
    engines += [engine for one in models if (engine := engine_of(one, outbound)) is not None]
    facts = {one.key: _facts(one) for one in models}
    if standing:
        facts[ENVIRONMENT] = _environment_facts(standing)
    return Setup(
        stamp=stamp,
        policy=Policy(tuple(engines), _rules(), row.judge),
        facts=facts,
        prompt=_prompt(),
        quotas=tuple(Quota.objects.order_by("pk").select_related("team")),
    )


def _undecided() -> Setup:
    """Return the setup where admins have decided nothing: the environment's model, or none."""
    standing = environment_engine(OutboundPolicy())
    engines = (standing,) if standing else ()
    facts = {ENVIRONMENT: _environment_facts(standing)} if standing else {}
    return Setup(None, Policy(engines, ()), facts, SystemPrompt(), ())


def _environment_facts(standing: Engine) -> Facts:
    return Facts(settings.LLM_MODEL, settings.LLM_MODEL, runs=standing.runs)


def environment_engine(outbound: OutboundPolicy | None = None) -> Engine | None:
    """Return the model that the settings name, or None. It is approved by whoever runs the portal.

    Where its address is not known to be the company's own, it is external, and never sent what is local only.
    """
    if not (settings.LLM_BASE_URL and settings.LLM_MODEL):
        return None
    is_ours = places.is_ours_by_name(settings.LLM_BASE_URL)
    spec = LLMSpec(
        base_url=settings.LLM_BASE_URL,
        model=settings.LLM_MODEL,
        api_key=settings.LLM_API_KEY,
        context_tokens=settings.LLM_CONTEXT_TOKENS,
        max_output_tokens=settings.LLM_MAX_OUTPUT_TOKENS,
        key=ENVIRONMENT,
        is_external=not is_ours,
        outbound=None if is_ours else outbound,
    )
    sees = Level.LOCAL_ONLY if is_ours else Level.CONFIDENTIAL
    return Engine(
        ENVIRONMENT, _patient(spec), "local" if is_ours else "external", level_named(sees), approved=True
    )


def engine_of(one: LanguageModel, outbound: OutboundPolicy | None = None) -> Engine | None:
    """Return a registered model as the routes take it; None where its key cannot be decrypted any more."""
    try:
        api_key = decrypt(one.secret)
    except LostSecretError:
        return None
    is_local = one.runs == LanguageModel.Runs.LOCAL
    spec = LLMSpec(
        base_url=one.base_url,
        model=one.model,
        api_key=api_key,
        context_tokens=one.context_tokens,
        max_output_tokens=one.max_output_tokens,
        key=one.key,
        is_external=not is_local,
        outbound=None if is_local else outbound or OutboundPolicy(),
    )
    return Engine(
        key=one.key,
        spec=_patient(spec),
        runs="local" if is_local else "external",
        sees=level_named(one.sees),
        approved=one.state == LanguageModel.State.APPROVED,
        by_rule_only=one.by_rule_only,
    )


def _patient(spec: LLMSpec) -> LLMSpec:
    """Return a model with the limits of the settings on how long each step of an answer may take."""
    return replace(
        spec,
        connect_timeout=settings.LLM_CONNECT_SECONDS,
        first_token_timeout=settings.LLM_FIRST_TOKEN_SECONDS,
        between_tokens_timeout=settings.LLM_BETWEEN_TOKENS_SECONDS,
        total_timeout=settings.LLM_ANSWER_SECONDS,
    )


def outbound_policy(row: Revision) -> OutboundPolicy:
    """Return what admins decided about what may leave; what is not decided is masked."""
    actions = {kind: row.outbound.get(kind) for kind in KINDS}
    known = {kind: action for kind, action in actions.items() if action in ACTIONS}
    words = tuple(dict.fromkeys(line.strip() for line in row.outbound_words.splitlines() if line.strip()))
    return OutboundPolicy(words=words, **known)


def _facts(one: LanguageModel) -> Facts:
    return Facts(one.name, one.model, one.revision, one.licence, one.runs, one.price_in, one.price_out)


def _rules() -> tuple[Rule, ...]:
    rows = RoutingRule.objects.filter(is_on=True).order_by("position", "pk").prefetch_related("teams")
    return tuple(
        Rule(
            key=str(row.pk),
            name=row.name,
            engines=tuple(row.engines),
            levels=frozenset(level_named(level) for level in row.levels),
            teams=frozenset(team.pk for team in row.teams.all()),
            least_characters=row.least_characters,
            most_characters=row.most_characters,
            difficulty=next((one for one in DIFFICULTIES if one == row.difficulty), None),
            share=row.share,
            sticky_to="conversation" if row.sticky_to == "conversation" else "person",
        )
        for row in rows
    )


def _prompt() -> SystemPrompt:
    active = PromptVersion.objects.filter(state=PromptVersion.State.ACTIVE).first()
    if active is None:
        return SystemPrompt()
    try:
        text = render(active.template, portal_name=settings.PORTAL_NAME)
    except TemplateError:  # a variable went with an upgrade: the built-in prompt always works
        return SystemPrompt()
    return SystemPrompt(text, str(active.number))
