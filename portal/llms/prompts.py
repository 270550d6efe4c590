"""Versions of the system prompt: draft, compare, activate, go back. Version 1 is built in and always there.

Whoever calls these has made sure that the person is an admin: `retrieval.access.require_admin`.
"""

import difflib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from llm.prompt import PROMPT_VERSION
from llm.prompt_template import BUILT_IN, VARIABLES, TemplateError, check, render
from portal.accounts.models import User
from portal.llms.models import PromptVersion
from portal.llms.setup import changed
from retrieval.errors import InvalidInputError

State = PromptVersion.State
BUILT_IN_NUMBER = 1
MOST_VERSIONS = 1_000


@dataclass(frozen=True, slots=True)
class Version:
    """A version as pages show it; `row` is None for the built-in one."""

    number: int
    template: str
    note: str
    is_active: bool
    state: str
    by: str
    at: datetime | None
    row: PromptVersion | None


@dataclass(frozen=True, slots=True)
class DiffLine:
    change: Literal["same", "added", "removed"]
    text: str


def list_versions() -> list[Version]:
    """Return every version, the newest first; the built-in one is last."""
    rows = list(PromptVersion.objects.select_related("created_by").order_by("-number"))
    has_active = any(row.state == State.ACTIVE for row in rows)
    return [*(_version(row) for row in rows), _built_in(is_active=not has_active)]


def get_version(number: int) -> Version:
    """Return a version by its number. Raises InvalidInputError."""
    found = next((one for one in list_versions() if one.number == number), None)
    if found is None:
        raise InvalidInputError(
            f"There is no version {number} of the prompt. The list shows which there are."
        )
    return found


def _version(row: PromptVersion) -> Version:
    return Version(
        number=row.number,
        template=row.template,
        note=row.note,
        is_active=row.state == State.ACTIVE,
        state=row.get_state_display(),
        by=str(row.created_by or ""),
        at=row.created_at,
        row=row,
    )


def _built_in(*, is_active: bool) -> Version:
    note = f"Built in ({PROMPT_VERSION})"
    state = State.ACTIVE.label if is_active else "Built in"
    return Version(BUILT_IN_NUMBER, BUILT_IN, note, is_active, state, "", None, None)


@transaction.atomic
def draft_version(*, user: User, template: str, note: str = "") -> PromptVersion:
    """Keep a template as a new draft. Raises InvalidInputError where it cannot be used."""
    template = template.replace("\r\n", "\n").strip()
    try:
        check(template)
    except TemplateError as error:
        raise InvalidInputError(str(error)) from error
    last = PromptVersion.objects.aggregate(last=Max("number"))["last"] or BUILT_IN_NUMBER
    if last > MOST_VERSIONS:
        raise InvalidInputError(f"There are {MOST_VERSIONS:,} versions. Change a draft instead.")
    return PromptVersion.objects.create(
        number=last + 1, template=template, note=" ".join(note.split())[:300], created_by=user
    )


@transaction.atomic
def activate(*, user: User, number: int) -> Version:
    """Let answers be written with a version from the next question on; also an earlier one, or version 1.

    Raises InvalidInputError where there is none, or its template cannot be used any more.
    """
    version = get_version(number)
    preview(version.template)
    PromptVersion.objects.select_for_update().filter(state=State.ACTIVE).exclude(number=number).update(
        state=State.RETIRED
    )
    if version.row is not None:
        PromptVersion.objects.filter(pk=version.row.pk).update(
            state=State.ACTIVE, activated_by=user, activated_at=timezone.now()
        )
    changed()
    return get_version(number)


@transaction.atomic
def delete_draft(*, number: int) -> None:
    """Remove a draft. Raises InvalidInputError for what was active once: answers name it."""
    if not PromptVersion.objects.filter(number=number, state=State.DRAFT).delete()[0]:
        raise InvalidInputError(f"Version {number} is no draft. Answers name it, so it is kept.")


def preview(template: str) -> str:
    """Return the system prompt that a template makes now. Raises InvalidInputError."""
    try:
        return render(template, portal_name=settings.PORTAL_NAME)
    except TemplateError as error:
        raise InvalidInputError(str(error)) from error


def compare(before: str, after: str) -> list[DiffLine]:
    """Return two templates as one list of lines."""
    kinds: dict[str, Literal["same", "added", "removed"]] = {" ": "same", "+": "added", "-": "removed"}
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [DiffLine(kinds[line[0]], line[2:]) for line in lines if line[0] in kinds]


def variables() -> list[tuple[str, str, bool]]:
    """Return the names that templates may use, what they stand for, and whether they are needed."""
    return [(name, about, is_needed) for name, (about, is_needed) in VARIABLES.items()]
