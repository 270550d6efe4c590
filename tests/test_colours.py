"""The colours of states: all different, and readable on every ground, in light and in dark (WCAG AA)."""

import re

import pytest
from django.conf import settings

_TOKEN = re.compile(r"--([a-z-]+):\s*(#[0-9a-f]{6});")
_LEAST = 4.5
GROUNDS = ("paper", "raised", "sunken", "accent-soft")


def schemes() -> dict[str, dict[str, str]]:
    """Return the tokens of the light scheme, of the system's dark one and of the one chosen by hand."""
    css = (settings.BASE_DIR / "static" / "css" / "tokens.css").read_text()
    light, system, chosen = re.split(
        r"@media \(prefers-color-scheme: dark\)|:root\[data-theme=\"dark\"\]", css
    )
    return {
        name: dict(_TOKEN.findall(part))
        for name, part in zip(("light", "system", "chosen"), (light, system, chosen), strict=True)
    }


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "system", "chosen"])
def test_every_state_has_a_colour_of_its_own_that_can_be_read(scheme: str) -> None:
    tokens = schemes()[scheme]
    states = {name: colour for name, colour in tokens.items() if name.startswith("state-")}
    assert len(states) == 8
    assert len(set(states.values())) == 8
    for name, colour in states.items():
        for ground in GROUNDS:
            assert contrast(colour, tokens[ground]) >= _LEAST, (scheme, name, ground)


def test_dark_is_the_same_by_system_and_by_hand() -> None:
    assert schemes()["system"] == schemes()["chosen"]
