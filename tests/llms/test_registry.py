"""Language models in the registry: what may be said of one, who approved it, and what a change undoes."""

from dataclasses import replace
from decimal import Decimal

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from django.test import override_settings

from portal.accounts.models import User
from portal.llms import places, registry, routes
from portal.llms.models import ENVIRONMENT, LanguageModel
from portal.llms.presets import PRESETS
from portal.llms.registry import Draft, add_model, change_model, decide, delete_model
from portal.llms.setup import changed, current_setup
from retrieval.errors import InvalidInputError

pytestmark = pytest.mark.django_db

LOCAL = Draft("House model", "vllm", "http://vllm:8000/v1/", "qwen", "local", "local_only")
HOSTED = Draft("Hosted", "hosted", "https://api.example.com/v1", "big", "external", "internal")


def serving() -> list[str]:
    return [engine.key for engine in current_setup().policy.engines if engine.approved]


def test_a_model_serves_from_its_approval_to_its_withdrawal(admin: User) -> None:
    made = add_model(user=admin, draft=LOCAL, api_key=" sesame ")
    assert serving() == []
    decide(user=admin, model=made, approve=True)
    assert serving() == [made.key]
    made.refresh_from_db()
    assert (made.decided_by, made.base_url) == (admin, "http://vllm:8000/v1")
    assert made.decided_at is not None
    spec = current_setup().policy.engines[0].spec
    assert (spec.api_key, spec.model, spec.is_external, spec.outbound) == ("sesame", "qwen", False, None)
    assert "sesame" not in made.secret
    decide(user=admin, model=made, approve=False)
    assert serving() == []


def test_a_model_elsewhere_passes_the_outbound_policy(admin: User) -> None:
    made = decide(user=admin, model=add_model(user=admin, draft=HOSTED), approve=True)
    (engine,) = current_setup().policy.engines
    assert (engine.key, engine.runs, engine.sees) == (made.key, "external", "internal")
    assert engine.spec.is_external
    assert engine.spec.outbound is not None
    assert engine.spec.outbound.card == "mask"


@pytest.mark.parametrize(
    "changes",
    [{"model": "other"}, {"base_url": "http://gpu:8000/v1"}, {"sees": "public"}, {"revision": "2"}],
    ids=lambda changes: next(iter(changes)),
)
def test_another_model_needs_another_approval(admin: User, changes: dict[str, str]) -> None:
    made = decide(user=admin, model=add_model(user=admin, draft=LOCAL, api_key="sesame"), approve=True)
    same = change_model(model=made, draft=replace(LOCAL, name="New name", price_in=Decimal("0.5")))
    assert same.state == LanguageModel.State.APPROVED
    other = change_model(model=made, draft=replace(LOCAL, **changes))  # type: ignore[arg-type]
    assert (other.state, other.decided_by) == (LanguageModel.State.DRAFT, None)
    assert serving() == []
    assert bool(other.secret) == ("base_url" not in changes), "a key goes nowhere else than it was given for"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": "  "}, "name"),
        ({"model": ""}, "name on its server"),
        ({"preset": "no-such"}, "kind of server"),
        ({"base_url": "ftp://vllm/v1"}, "begins with http"),
        ({"base_url": "http://key@vllm/v1"}, "does not belong"),
        ({"context_tokens": 10}, "context length"),
        ({"max_output_tokens": 8192}, "longest answer"),
        ({"price_in": Decimal(-1)}, "price"),
        ({"runs": "external", "sees": "local_only"}, "never see what is local only"),
        ({"base_url": "https://8.8.8.8/v1"}, "no address of your own network"),
        ({"runs": "moon"}, "where the model runs"),
        ({"licence": "x" * 101}, "licence"),
    ],
)
def test_what_cannot_be_is_explained(admin: User, changes: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidInputError, match=told):
        add_model(user=admin, draft=replace(LOCAL, **changes))  # type: ignore[arg-type]
    assert not LanguageModel.objects.exists()


def test_the_database_itself_keeps_local_only_at_home(admin: User) -> None:
    made = add_model(user=admin, draft=HOSTED)
    with pytest.raises(IntegrityError), transaction.atomic():
        LanguageModel.objects.filter(pk=made.pk).update(sees="local_only")


@pytest.mark.parametrize(
    ("address", "ours"),
    [
        ("http://127.0.0.1:8000/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://10.1.2.3/v1", True),
        ("http://vllm:8000/v1", True),
        ("http://gpu.internal/v1", True),
        ("https://models.example.com/v1", True),
        ("https://api.example.com/v1", False),
        ("https://8.8.8.8/v1", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
@override_settings(LLM_LOCAL_HOSTS=["models.example.com"])
def test_where_an_address_is(address: str, ours: bool) -> None:
    assert places.is_ours_by_name(address) == ours


def test_a_name_with_dots_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"gpu.example.com": ["10.0.0.5"], "both.example.com": ["10.0.0.5", "8.8.8.8"]}

    def look_up(host: str, _: object) -> list[tuple[object, ...]]:
        if host not in found:
            raise OSError
        return [(0, 0, 0, "", (address, 0)) for address in found[host]]

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    assert places.is_ours("http://gpu.example.com/v1")
    assert not places.is_ours("http://both.example.com/v1")
    assert not places.is_ours("http://gone.example.com/v1")


@override_settings(LLM_BASE_URL="https://api.example.com/v1", LLM_MODEL="big")
def test_the_environments_model_is_approved_and_never_sees_what_is_local_only() -> None:
    (engine,) = current_setup().policy.engines
    assert (engine.key, engine.approved, engine.runs, engine.sees) == (
        ENVIRONMENT,
        True,
        "external",
        "confidential",
    )
    with override_settings(LLM_BASE_URL="http://vllm:8000/v1"):
        (engine,) = current_setup().policy.engines
        assert (engine.runs, engine.sees, engine.spec.is_external) == ("local", "local_only", False)
    with override_settings(LLM_BASE_URL=""):
        assert current_setup().policy.engines == ()


def test_the_guide_has_a_line_for_each_kind_of_server() -> None:
    guide = (settings.BASE_DIR / "docs" / "models.md").read_text(encoding="utf-8")
    for preset in PRESETS:
        if preset.slug not in {"hosted", "other"}:
            (line,) = [line for line in guide.splitlines() if line.startswith(f"| {preset.name} |")]
            assert f"`{preset.base_url}`" in line


def test_a_deleted_model_leaves_the_rules(admin: User) -> None:
    first, second = (add_model(user=admin, draft=replace(LOCAL, name=name)) for name in ("One", "Two"))
    both = routes.add_rule(draft=routes.RuleDraft("Both", [first.key, second.key]))
    alone = routes.add_rule(draft=routes.RuleDraft("Alone", [first.key]))
    delete_model(model=first)
    both.refresh_from_db()
    alone.refresh_from_db()
    assert (both.engines, both.is_on) == ([second.key], True)
    assert (alone.engines, alone.is_on) == ([], False)


def test_the_order_can_be_changed(admin: User) -> None:
    for name in ("One", "Two", "Three"):
        add_model(user=admin, draft=replace(LOCAL, name=name))
    registry.move_model(model=LanguageModel.objects.get(name="Three"), up=True)
    assert [one.name for one in registry.list_models()] == ["One", "Three", "Two"]
    registry.move_model(model=LanguageModel.objects.get(name="One"), up=True)
    assert [one.name for one in registry.list_models()] == ["One", "Three", "Two"]


def test_a_lost_key_keeps_a_model_from_serving(admin: User) -> None:
    made = decide(user=admin, model=add_model(user=admin, draft=LOCAL, api_key="sesame"), approve=True)
    LanguageModel.objects.update(secret="gAAAA-not-ours")
    changed()
    assert serving() == []
    assert "SECRET_KEY" in registry.try_registered(model=LanguageModel.objects.get(pk=made.pk)).told[0]
