"""docker-compose.yml: valid by the specification's schema, complete, and without a variable nobody reads."""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from django.conf import settings

from portal import environment

ROOT = Path(settings.BASE_DIR)
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
PORTAL = ("migrate", "web", "worker", "beat")
# Read by Postgres, Redis, uvicorn and this file itself, not by the settings.
FOR_COMPOSE_ALONE = {"POSTGRES_PASSWORD", "APP_DATABASE_PASSWORD", "REDIS_PASSWORD", "FORWARDED_ALLOW_IPS"}


def used_variables() -> set[str]:
    """Return every variable that the file takes from the outside: `$$NAME` is the container's own."""
    return set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", COMPOSE_TEXT))


def test_is_valid_by_the_compose_specification() -> None:
    spec = importlib.util.find_spec("check_jsonschema")
    assert spec is not None
    assert spec.origin is not None
    schema = Path(spec.origin).parent / "builtin_schemas" / "vendor" / "compose-spec.json"
    jsonschema.validate(COMPOSE, json.loads(schema.read_text()))


def test_every_variable_is_one_that_the_settings_know() -> None:
    known = environment.known_variables().keys()
    assert used_variables() - FOR_COMPOSE_ALONE - known == set()
    assert set(COMPOSE["services"]["migrate"]["environment"]) - FOR_COMPOSE_ALONE - known == set()


def test_every_setting_reaches_the_containers() -> None:
    assert environment.known_variables().keys() - set(COMPOSE["services"]["migrate"]["environment"]) == set()


def test_the_example_names_every_setting_and_nothing_else() -> None:
    example = set(re.findall(r"^(?:# )?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert example == environment.known_variables().keys() | FOR_COMPOSE_ALONE


def test_the_example_shows_the_defaults_of_the_settings() -> None:
    shown = re.findall(r"^# ([A-Z_]+)=(\S+)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    differing = [
        f"{name}: {value}"
        for name, value in shown
        if name not in FOR_COMPOSE_ALONE | {"VAR_DIR", "MEDIA_ROOT"}
        and environment.known_variables()[name] != value
    ]
    assert differing == []


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_service_has_limits_a_volume_and_a_health_check(name: str) -> None:
    service = COMPOSE["services"][name]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert service["volumes"]
    assert service["logging"]["options"]["max-size"]
    assert "test" in service["healthcheck"] or (name == "migrate" and service["healthcheck"]["disable"])


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_image_is_pinned(name: str) -> None:
    _, _, tag = COMPOSE["services"][name]["image"].partition(":")
    assert re.match(r"v?\d+\.\d+", tag)


def test_no_password_has_a_default() -> None:
    secret = re.compile(r"\$\{(\w*(?:PASSWORD|SECRET)\w*)([^}]*)\}")
    earlier_keys = ("SECRET_KEY_FALLBACKS", ":-")  # may be missing, and then there are none
    found = secret.findall(COMPOSE_TEXT)
    found.remove(earlier_keys)
    assert {name for name, _ in found} == {
        "POSTGRES_PASSWORD",
        "APP_DATABASE_PASSWORD",
        "REDIS_PASSWORD",
        "SECRET_KEY",
    }
    assert [name for name, rest in found if not rest.startswith(":?")] == []


def test_one_image_runs_web_worker_and_beat_with_the_application_s_role_alone() -> None:
    services = COMPOSE["services"]
    assert len({services[name]["image"] for name in PORTAL}) == 1
    for name in ("web", "worker", "beat"):
        assert "DATABASE_OWNER_URL" not in services[name]["environment"]
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_only_the_portal_is_published_and_only_to_this_machine() -> None:
    published = {
        name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service
    }
    assert list(published) == ["web"]
    assert all(port.startswith("127.0.0.1:") for port in published["web"])
    assert COMPOSE["networks"]["inside"] == {"internal": True}


def test_every_volume_and_network_that_is_used_is_declared() -> None:
    for service in COMPOSE["services"].values():
        assert {volume.partition(":")[0] for volume in service["volumes"]} <= set(COMPOSE["volumes"])
        assert set(service["networks"]) <= set(COMPOSE["networks"])


def test_the_image_holds_no_secret_and_is_not_root() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".env", ".git", "var", ".venv"} <= set(ignored)
    assert "\nUSER cited\n" in (ROOT / "Dockerfile").read_text()
