"""Typed readers of settings that fail loudly and name the variable.

A setting is an environment variable, or else a line `NAME=value` of the file ENV_FILE (by default `.env` in
the project's folder, if there is one), or else its default.
"""

import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_KNOWN: dict[str, str] = {}


class ConfigurationError(Exception):
    """A setting cannot be used; the message names the variable and says what is accepted."""


def _file_lines() -> dict[str, str]:
    """Return what ENV_FILE sets, a NAME=value per line; `#` begins a comment, quotes may enclose a value."""
    given = os.environ.get("ENV_FILE", "").strip()
    file = Path(given or Path(__file__).resolve().parent.parent / ".env")
    if not given and not file.is_file():
        return {}
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    for name, equals, _ in pairs:
        if not equals or not name.strip().isidentifier():
            raise ConfigurationError(f"{file} has a line that is not NAME=value; it begins {name[:40]!r}.")
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


_FROM_FILE = _file_lines()


def _read(name: str, default: str) -> str:
    _KNOWN[name] = default
    return os.environ.get(name, "").strip() or _FROM_FILE.get(name, "") or default


def known_variables() -> dict[str, str]:
    """Return every variable that the settings read, with its default as text."""
    return dict(_KNOWN)


def text(name: str, default: str = "") -> str:
    return _read(name, default)


def number(name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
    raw = _read(name, str(default))
    try:
        value = int(raw)
    except ValueError as error:
        raise ConfigurationError(f"{name} must be a whole number; it is {raw!r}.") from error
    if value < least:
        raise ConfigurationError(f"{name} must be at least {least}; it is {value}.")
    if most is not None and value > most:
        raise ConfigurationError(f"{name} must be at most {most}; it is {value}.")
    return value


def flag(name: str, default: str) -> bool:
    raw = _read(name, default).lower()
    if raw not in {"1", "0", "true", "false", "yes", "no"}:
        raise ConfigurationError(f"{name} must be true or false; it is {raw!r}.")
    return raw in {"1", "true", "yes"}


def choice(name: str, default: str, allowed: Sequence[str]) -> str:
    value = _read(name, default).lower()
    if value not in allowed:
        raise ConfigurationError(f"{name} must be one of {', '.join(allowed)}; it is {value!r}.")
    return value


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in _read(name, default).split(",") if word.strip()]


def networks(name: str, default: str = "") -> list[Network]:
    found: list[Network] = []
    for word in words(name, default):
        try:
            found.append(ipaddress.ip_network(word))
        except ValueError as error:
            raise ConfigurationError(
                f"{name} must list networks such as 10.0.0.0/8; {word!r} is none: {error}."
            ) from error
    return found


def paths(name: str) -> list[Path]:
    return [Path(word).expanduser().resolve() for word in words(name)]


def path(name: str, default: Path) -> Path:
    return Path(_read(name, str(default))).expanduser().resolve()
