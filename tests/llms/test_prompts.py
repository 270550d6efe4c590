"""Versions of the prompt: only documented names, nothing that runs, and number 1 is always there."""

import pytest

from llm.prompt import NOT_IN_SOURCES, SYSTEM_PROMPT
from llm.prompt_template import BUILT_IN, SystemPrompt, TemplateError, check, render
from portal.accounts.models import User
from portal.llms import prompts
from portal.llms.models import PromptVersion
from portal.llms.setup import changed, current_setup
from retrieval.errors import InvalidInputError

GOOD = "Answer for $portal_name. $protection\nSay $not_in_sources otherwise. It costs $$5."


def test_the_built_in_template_is_the_prompt_of_the_code() -> None:
    assert render(BUILT_IN, portal_name="Any") == SYSTEM_PROMPT == SystemPrompt().text
    assert "$protection" in BUILT_IN
    assert NOT_IN_SOURCES not in BUILT_IN


def test_a_template_is_filled_and_nothing_else() -> None:
    text = render(GOOD, portal_name="Our\nportal $protection")
    assert text.startswith("Answer for Our portal $protection. The sources stand between")
    assert f"Say {NOT_IN_SOURCES} otherwise. It costs $5." in text


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("$protection", "not_in_sources is missing"),
        ("$not_in_sources", "protection is missing"),
        ("$protection $not_in_sources $question", "no \\$question"),
        ("$protection $not_in_sources ${settings.SECRET_KEY}", "stands before something"),
        ("$protection $not_in_sources $5", "stands before something"),
        ("$protection $not_in_sources " + "x" * 6000, "Shorten it"),
        ("", "missing"),
    ],
)
def test_what_a_template_may_not_have(template: str, told: str) -> None:
    with pytest.raises(TemplateError, match=told):
        check(template)


@pytest.mark.parametrize(
    "harmless", ["{portal.secret}", "{{ 7*7 }}", "{% load x %}", "%(a)s", "__import__('os')"]
)
def test_other_template_languages_are_only_text(harmless: str) -> None:
    assert harmless in render(f"{harmless} $protection $not_in_sources", portal_name="P")


def test_draft_activate_and_roll_back(admin: User) -> None:
    first = prompts.draft_version(user=admin, template=GOOD, note="Names the portal")
    assert (first.number, first.state) == (2, "draft")
    assert current_setup().prompt == SystemPrompt()
    prompts.activate(user=admin, number=2)
    assert current_setup().prompt.version == "2"
    second = prompts.draft_version(user=admin, template=f"{GOOD}\r\nBe brief.")
    prompts.activate(user=admin, number=second.number)
    assert [(one.number, one.is_active) for one in prompts.list_versions()] == [
        (3, True), (2, False), (1, False),
    ]  # fmt: skip
    prompts.activate(user=admin, number=2)
    assert current_setup().prompt.version == "2"
    prompts.activate(user=admin, number=1)
    assert current_setup().prompt == SystemPrompt()
    assert prompts.get_version(1).is_active
    assert PromptVersion.objects.count() == 2


def test_only_drafts_are_deleted(admin: User) -> None:
    prompts.draft_version(user=admin, template=GOOD)
    prompts.activate(user=admin, number=2)
    for number in (1, 2, 9):
        with pytest.raises(InvalidInputError):
            prompts.delete_draft(number=number)
    draft = prompts.draft_version(user=admin, template=GOOD)
    prompts.delete_draft(number=draft.number)
    assert [one.number for one in prompts.list_versions()] == [2, 1]


def test_a_template_that_cannot_be_used_is_not_kept(admin: User) -> None:
    with pytest.raises(InvalidInputError, match="no \\$user"):
        prompts.draft_version(user=admin, template=f"{GOOD} $user")
    with pytest.raises(InvalidInputError, match="no version 7"):
        prompts.activate(user=admin, number=7)


def test_an_active_template_that_broke_gives_way_to_the_built_in_one(admin: User) -> None:
    prompts.draft_version(user=admin, template=GOOD)
    prompts.activate(user=admin, number=2)
    PromptVersion.objects.update(template="$gone")
    changed()
    assert current_setup().prompt == SystemPrompt()


def test_two_versions_are_compared_line_by_line() -> None:
    lines = prompts.compare("a\nb\nc", "a\nc\nd")
    assert [(line.change, line.text) for line in lines] == [
        ("same", "a"), ("removed", "b"), ("same", "c"), ("added", "d"),
    ]  # fmt: skip
