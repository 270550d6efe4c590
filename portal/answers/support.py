"""The model that compares sentences with their sources, where the settings name one."""

from django.conf import settings

from llm.support_model import SupportModel, SupportSpec, load_support_model

_warm: set[SupportSpec] = set()


def support_model() -> SupportModel | None:
    """Return the model of SUPPORT_MODEL, or None: then the embedding model compares."""
    spec = _spec()
    return load_support_model(spec) if spec else None


def warm_up() -> None:
    """Load the model, if there is one, so that no answer waits for that. Raises ModelError."""
    if (spec := _spec()) and spec not in _warm:
        load_support_model(spec).warm_up()
        _warm.add(spec)


def _spec() -> SupportSpec | None:
    if not settings.SUPPORT_MODEL:
        return None
    return SupportSpec(settings.SUPPORT_MODEL, settings.SUPPORT_MODEL_BUDGET_MS / 1000)
