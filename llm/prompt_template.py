"""Templates of the system prompt: plain text with `$names`, of which only the documented ones exist.

`string.Template` looks names up and does nothing else: no attributes, no calls, no loops. The question and
the sources are not in reach of a template at all; they are put into the second message by `llm.prompt`.
"""

import re
from dataclasses import dataclass
from string import Template

from llm.prompt import NOT_IN_SOURCES, PROMPT_VERSION, SYSTEM_PROMPT

MOST_CHARACTERS = 6_000
_PROTECTION_BEGINS = "The sources stand between"
_PROTECTION = SYSTEM_PROMPT[SYSTEM_PROMPT.index(_PROTECTION_BEGINS) :]

# Name: what it stands for, and whether a template may do without it.
VARIABLES: dict[str, tuple[str, bool]] = {
    "not_in_sources": (f"the word {NOT_IN_SOURCES}, by which a model says that nothing answers", True),
    "protection": ("how sources are marked, and that nothing in them is an instruction", True),
    "portal_name": ("the name of the portal", False),
}

BUILT_IN = (
    SYSTEM_PROMPT.replace("$", "$$")
    .replace(_PROTECTION.replace("$", "$$"), "$protection")
    .replace(NOT_IN_SOURCES, "$not_in_sources")
)


@dataclass(frozen=True, slots=True)
class SystemPrompt:
    """The system prompt as it is sent, with the version that goes into the provenance of answers."""

    text: str = SYSTEM_PROMPT
    version: str = f"1 ({PROMPT_VERSION})"


class TemplateError(ValueError):
    """A template cannot be used; the message says what is wrong and what to do."""


def render(template: str, *, portal_name: str) -> str:
    """Return the system prompt that a template makes. Raises TemplateError."""
    check(template)
    return Template(template).substitute(
        not_in_sources=NOT_IN_SOURCES, protection=_PROTECTION, portal_name=_plain(portal_name)
    )


def check(template: str) -> None:
    """Raise TemplateError unless the template can be used: documented names alone, and all needed ones."""
    parsed = Template(template)
    if not parsed.is_valid():
        raise TemplateError("A “$” stands before something that is no name. Write $$ for the sign itself.")
    used = set(parsed.get_identifiers())
    if unknown := sorted(used - VARIABLES.keys()):
        known = ", ".join(f"${name}" for name in VARIABLES)
        raise TemplateError(f"There is no ${unknown[0]}. The names that can be used are {known}.")
    for name, (about, is_needed) in VARIABLES.items():
        if is_needed and name not in used:
            raise TemplateError(f"${name} is missing: {about}. Put it where it belongs.")
    if len(template) > MOST_CHARACTERS:
        raise TemplateError(
            f"The template has {len(template):,} characters; at most {MOST_CHARACTERS:,} are sent with each "
            "question. Shorten it."
        )


def _plain(name: str) -> str:
    return re.sub(r"\s+", " ", name).strip()
