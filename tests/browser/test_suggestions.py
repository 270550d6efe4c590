"""The list below the box, by keyboard and mouse, as assistive technology is told of it."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from tests.browser.conftest import NewContext, sign_in
from tests.browser.stack import Portal

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.worker, pytest.mark.timeout(400)]


def test_a_question_goes_on_by_keyboard_and_mouse(
    portal: Portal, admin: tuple[str, str], new_context: NewContext, tmp_path: Path
) -> None:
    context = new_context()
    page = context.new_page()
    sign_in(page, portal, admin)
    _publish(page, portal, tmp_path)
    _choose_by_keyboard(page, portal)
    _close_and_ask(page, portal)
    _choose_by_mouse_in_the_bar(page, portal)
    _nothing_of_it_without_scripts(new_context, portal, context.storage_state())


def _publish(page: Page, portal: Portal, tmp_path: Path) -> None:
    page.goto(f"{portal.url}/collections")
    page.get_by_label("Title").fill("Kettles")
    page.get_by_role("button", name="Create the collection").click()
    path = tmp_path / "rules.docx"
    path.write_bytes(factories.docx("Warranties run for two years.", heading="Warranty of kettles"))
    page.get_by_text("Give them tags").click()
    page.get_by_label("Tags, separated by commas").fill("Warm water, 2024")
    page.get_by_label("Upload documents").set_input_files(path)
    expect(page.locator(".state.good", has_text="Indexed")).to_have_count(1, timeout=90_000)
    expect(page.locator("#documents .tags li")).to_have_text(["2024", "warm water"])


def _choose_by_keyboard(page: Page, portal: Portal) -> None:
    page.goto(portal.url)
    box = page.get_by_role("combobox", name="Your question")
    expect(box).to_have_attribute("aria-expanded", "false")
    box.press_sequentially("what warr")
    choices = page.get_by_role("listbox", name="Suggestions").get_by_role("option")
    expect(choices).to_have_text(["what warranties", "what warranty"])
    expect(box).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#q-told")).to_have_text("2 suggestions. Choose with the arrow keys and Enter.")
    box.press("ArrowDown")
    expect(box).to_have_attribute("aria-activedescendant", "q-choice-1")
    expect(choices.first).to_have_attribute("aria-selected", "true")
    box.press("Enter")
    expect(box).to_have_value("what warranties")
    expect(box).to_be_focused()
    expect(choices).to_have_count(0)
    expect(page).to_have_url(f"{portal.url}/")


def _close_and_ask(page: Page, portal: Portal) -> None:
    page.goto(portal.url)
    box = page.get_by_role("combobox", name="Your question")
    box.press_sequentially("warrantie")
    choices = page.get_by_role("option")
    expect(choices).to_have_text(["warranties"])
    box.press("ArrowUp")
    expect(box).to_have_attribute("aria-activedescendant", "q-choice-1")
    box.press("Escape")
    expect(choices).to_have_count(0)
    expect(box).to_have_value("warrantie")
    box.press_sequentially("s run?")
    box.press("Enter")
    expect(page.get_by_role("heading", name="warranties run?")).to_be_visible()


def _choose_by_mouse_in_the_bar(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.url}/collections")
    box = page.get_by_role("combobox", name="Ask a question")
    box.press_sequentially("kettle tag:war")
    page.get_by_role("option", name="Tag: warm water").click()
    expect(box).to_have_value('kettle tag:"warm water" ')
    expect(box).to_be_focused()


def _nothing_of_it_without_scripts(new_context: NewContext, portal: Portal, state: object) -> None:
    page = new_context(storage_state=state, java_script_enabled=False).new_page()
    page.goto(portal.url)
    expect(page.get_by_role("combobox")).to_have_count(0)
    page.get_by_role("textbox", name="Your question").fill("warranties")
    page.get_by_role("button", name="Search only").click()
    expect(page.get_by_role("heading", name="Warranty of kettles")).to_be_visible()
