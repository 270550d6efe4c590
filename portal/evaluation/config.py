"""The settings of search and answers: which are in effect, and others for one evaluation."""

import math
from collections.abc import Sequence

from django.conf import settings

from retrieval.errors import InvalidInputError

# Of search, models and answers. Addresses and keys are no part of what is compared, and never stored.
_PREFIXES = ("BM25_", "FUSION_", "SEARCH_", "RERANK", "BOOST_", "EMBEDDING_", "LLM_")
_NEVER = ("_KEY", "_URL")
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

Value = bool | int | float | str


def in_effect() -> dict[str, object]:
    """Return the settings that search and answers depend on, by name."""
    return {name: getattr(settings, name) for name in sorted(dir(settings)) if _is_known(name)}


def _is_known(name: str) -> bool:
    is_ours = name.startswith(_PREFIXES) and not name.endswith(_NEVER)
    return is_ours and isinstance(getattr(settings, name), bool | int | float | str)


def read_config(given: Sequence[str]) -> dict[str, Value]:
    """Return the values of `NAME=VALUE`, each of its setting's kind. Raises InvalidInputError."""
    return dict(_read(one) for one in given)


def _read(given: str) -> tuple[str, Value]:
    name, equals, text = given.partition("=")
    if not equals or not name.isupper() or not hasattr(settings, name) or not _is_known(name):
        known = ", ".join(in_effect())
        raise InvalidInputError(
            f"“{given}” names no setting of search. Write NAME=VALUE with one of {known}."
        )
    try:
        return name, _as_kind(getattr(settings, name), text.strip())
    except (KeyError, ValueError) as error:
        kind = type(getattr(settings, name)).__name__
        raise InvalidInputError(f"“{text}” cannot be a value of {name}: it is a {kind}.") from error


def _as_kind(now: object, text: str) -> Value:
    if isinstance(now, bool):
        return _FLAGS[text.lower()]
    if isinstance(now, int):
        return int(text)
    if isinstance(now, float):
        number = float(text)
        if not math.isfinite(number):
            raise ValueError(text)
        return number
    return text
