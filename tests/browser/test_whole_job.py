"""The main job in a real browser against the real stack: upload, ask, cite, and nothing for outsiders."""

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests import factories
from tests.browser.conftest import NewContext, sign_in, use_link, wait_for
from tests.browser.stack import Portal

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.worker, pytest.mark.timeout(400)]

QUESTION = "How long is the warranty of the Falcon kettle?"
PAGES = (
    "This folder holds the papers of the kettle workshop.\nIt was put together by the sales team.",
    "Guarantee\n\n\nThe Falcon kettle has a warranty of 24 months from the day of purchase.\n"
    "Limescale is not covered.",
)


def ask(page: Page, portal: Portal, question: str) -> None:
    page.goto(portal.url)
    page.get_by_label("Your question").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator(".answer-foot")).to_be_visible()


def test_upload_ask_and_follow_the_citation(
    portal: Portal, admin: tuple[str, str], new_context: NewContext, tmp_path: Path
) -> None:
    page = new_context().new_page()
    sign_in(page, portal, admin)
    _wait_for_handbook(page, portal)
    _create_collection(page, portal)
    _upload(page, tmp_path)
    ask(page, portal, QUESTION)
    expect(page.locator("#answer-text")).to_contain_text("24 months")
    assert len(page.evaluate("window.lengths")) >= 3, "the text came at once"
    document = _follow_citation(page)
    page.go_back()
    expect(page.locator("#answer-text")).to_contain_text("24 months")
    expect(page.get_by_text("Quoted from the documents; no language model was used.")).to_be_visible()
    invitation = _invite(page, portal)
    page.goto(portal.url)
    page.locator("details.menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(document)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    _outsider_learns_nothing(new_context(), portal, invitation, document)


def _wait_for_handbook(page: Page, portal: Portal) -> None:
    """Wait until the guides that a new portal begins with are read."""

    def is_read() -> bool:
        page.goto(f"{portal.url}/collections/cited-handbook")
        return page.locator(".state.good").count() >= 4

    wait_for(is_read, seconds=90, step=1)


def _create_collection(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.url}/collections")
    page.get_by_label("Title").fill("Kettle workshop")
    page.get_by_role("button", name="Create the collection").click()
    expect(page.get_by_role("heading", name="No documents yet")).to_be_visible()


def _upload(page: Page, tmp_path: Path) -> None:
    """Upload a PDF and a DOCX, and watch both become indexed without touching the page."""
    (tmp_path / "guarantee.pdf").write_bytes(factories.pdf(*PAGES))
    word = factories.docx("Staff of the kettle workshop have 30 days of leave.", heading="Leave")
    (tmp_path / "leave.docx").write_bytes(word)
    (tmp_path / "empty.txt").write_bytes(b"")
    page.get_by_label("Upload documents").set_input_files(
        sorted(tmp_path.iterdir(), key=lambda path: path.name)
    )
    expect(page.locator(".uploads li.good")).to_have_count(2)
    expect(page.locator(".uploads li.bad")).to_contain_text("“empty.txt” is empty")
    expect(page.locator("td.state-cell")).to_have_count(2)
    expect(page.locator(".state.good", has_text="Indexed")).to_have_count(2, timeout=90_000)
    expect(page.locator("#progress")).to_have_text("2 documents")


def _follow_citation(page: Page) -> str:
    """Open the passage of the first citation and return the document's address."""
    mark = page.locator("#answer-text .cite").first
    mark.focus()
    expect(page.locator("#answer-text .cite-card").first).to_be_visible()
    expect(page.locator("#answer-text .cite-card").first).to_contain_text("page 2")
    mark.press("Enter")
    box = page.locator("#passage")
    expect(box).to_be_in_viewport()
    expect(page.get_by_role("img", name="The cited passage on page 2")).to_be_visible()
    image = page.locator("#page-2 img")
    wait_for(lambda: image.evaluate("image => image.complete && image.naturalWidth > 1000"), seconds=30)
    _box_is_around_the_sentence(page)
    return page.url.partition("?")[0]


def _box_is_around_the_sentence(page: Page) -> None:
    """The sentence was drawn at 72, 770 - 3 * 16 points from the bottom left of an A4 page."""
    sheet, box = page.locator("#page-2 img").bounding_box(), page.locator("#passage").bounding_box()
    assert sheet is not None
    assert box is not None
    left = (box["x"] - sheet["x"]) / sheet["width"] * 595.28
    middle = (box["y"] + box["height"] / 2 - sheet["y"]) / sheet["height"] * 841.89
    assert left == pytest.approx(72 - 3, abs=4)
    assert middle == pytest.approx(841.89 - (770 - 3 * 16) - 4, abs=5)


def _invite(page: Page, portal: Portal) -> str:
    """Make the team Outside and return an invitation to it."""
    page.goto(f"{portal.url}/teams")
    page.get_by_label("Name").fill("Outside")
    page.get_by_role("button", name="Create the team").click()
    page.get_by_label("E-mail address").fill("charlie@example.com")
    page.get_by_role("button", name="Make an invitation link").click()
    return page.get_by_label("Invitation link").input_value()


def _outsider_learns_nothing(context: BrowserContext, portal: Portal, invitation: str, document: str) -> None:
    page = context.new_page()
    page.goto(invitation)
    page.get_by_label("Your name").fill("Charlie")
    page.get_by_label("Choose a password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Create the account and join").click()
    page.wait_for_url(lambda url: url != invitation)
    ask(page, portal, QUESTION)
    expect(page.get_by_role("heading", name="Not in the documents you can see")).to_be_visible()
    question = page.url
    page.goto(document)
    expect(page.get_by_role("heading", name="Page not found")).to_be_visible()
    paths = ("/", "/collections", "/collections/kettle-workshop", "/search?q=Falcon+warranty", "/teams")
    addresses = [question, f"{question}/stream", document, *(portal.url + path for path in paths)]
    told = "".join(context.request.get(address).text() for address in addresses)
    assert "Charlie" in told
    for secret in ("24 months", "guarantee.pdf", "Kettle workshop", "Limescale"):
        assert secret not in told


def test_without_scripts_the_same_answer_comes_as_a_plain_page(
    portal: Portal, admin: tuple[str, str], new_context: NewContext
) -> None:
    page = new_context(java_script_enabled=False).new_page()
    sign_in(page, portal, admin)
    _wait_for_handbook(page, portal)
    ask(page, portal, "How do I add a team?")
    expect(page.locator("#answer-text .cite").first).to_be_visible()
    page.locator("#answer-text .cite").first.click()
    expect(page.locator("mark#passage")).to_be_visible()


def test_words_of_a_model_arrive_one_after_the_other(
    portal_with_model: Portal, new_context: NewContext
) -> None:
    page = new_context().new_page()
    use_link(page, portal_with_model)
    _wait_for_handbook(page, portal_with_model)
    ask(page, portal_with_model, "How do I add a team?")
    lengths = page.evaluate("window.lengths")
    assert len(lengths) >= 8, lengths
    assert lengths[0] < 20, "the first words waited for the rest"
    expect(page.locator("#answer-text .cite").first).to_be_visible()
    expect(page.locator(".answer-foot")).to_contain_text("quote")
