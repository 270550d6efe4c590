"""Typed readers of environment variables that fail loudly and name the variable."""

import os
from pathlib import Path

_KNOWN: dict[str, str] = {}


class ConfigurationError(Exception):
    """A setting cannot be used; the message names the variable and says what is accepted."""


def _read(name: str, default: str) -> str:
    _KNOWN[name] = default
    return os.environ.get(name, "").strip() or default


def known_variables() -> dict[str, str]:
    """Return every variable that the settings read, with its default as text."""
    return dict(_KNOWN)


def text(name: str, default: str = "") -> str:
    return _read(name, default)


def number(name: str, default: int, *, least: int = 0) -> int:
    raw = _read(name, str(default))
    try:
        value = int(raw)
    except ValueError as error:
        raise ConfigurationError(f"{name} must be a whole number; it is {raw!r}.") from error
    if value < least:
        raise ConfigurationError(f"{name} must be at least {least}; it is {value}.")
    return value


def flag(name: str, default: str) -> bool:
    raw = _read(name, default).lower()
    if raw not in {"1", "0", "true", "false", "yes", "no"}:
        raise ConfigurationError(f"{name} must be true or false; it is {raw!r}.")
    return raw in {"1", "true", "yes"}


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in _read(name, default).split(",") if word.strip()]


def path(name: str, default: Path) -> Path:
    return Path(_read(name, str(default))).expanduser().resolve()
