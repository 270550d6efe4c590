"""Chromium, driven by Playwright, and portals that are started for it."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests import factories
from tests.api.live import free_port
from tests.browser.stack import Portal, whole_stack

_FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_TOKEN_SECONDS = 0.15

# Writes down how long the text of the answer was each time that it grew.
_WATCH_TEXT = """
window.lengths = [];
new MutationObserver(() => {
  const text = document.querySelector('.answer-text');
  const length = text ? text.textContent.trim().length : 0;
  if (length && length !== window.lengths.at(-1)) window.lengths.push(length);
}).observe(document, {childList: true, subtree: true, characterData: true});
"""

NewContext = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Run Chromium for one module: while Playwright runs, its thread can run no other event loop."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def new_context(chromium: Browser) -> Iterator[NewContext]:
    """Make browsers for people; each fails the test on a script error or on anything that the CSP refuses."""
    made: list[BrowserContext] = []
    wrong: list[str] = []

    def new(**options: object) -> BrowserContext:
        context = chromium.new_context(**options)  # type: ignore[arg-type]  # Playwright's own options
        context.set_default_timeout(30_000)
        context.add_init_script(_WATCH_TEXT)
        context.on("weberror", lambda error: wrong.append(str(error.error)))
        context.on("console", lambda message: wrong.extend(_refusals(message.text)))
        made.append(context)
        return context

    yield new
    for context in made:
        context.close()
    assert not wrong


def _refusals(message: str) -> list[str]:
    return [message] if "Content Security Policy" in message or "Refused to" in message else []


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with whole_stack(tmp_path_factory.mktemp("portal")) as running:
        yield running


@pytest.fixture(scope="module")
def admin(portal: Portal, chromium: Browser) -> tuple[str, str]:
    """Sign the first admin in by the printed link and set a password; return e-mail address and password."""
    context = chromium.new_context()
    page = context.new_page()
    use_link(page, portal)
    page.get_by_label("New password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Save the password").click()
    page.wait_for_url(f"{portal.url}/")
    context.close()
    return "admin@example.com", factories.PASSWORD


def use_link(page: Page, portal: Portal) -> None:
    page.goto(portal.sign_in_link)
    page.get_by_role("button", name="Sign in as Admin").click()
    page.wait_for_url(lambda url: url != portal.sign_in_link)


def sign_in(page: Page, portal: Portal, who: tuple[str, str]) -> None:
    page.goto(portal.url)
    page.get_by_label("E-mail address").fill(who[0])
    page.get_by_label("Password").fill(who[1])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{portal.url}/")


@pytest.fixture
def portal_with_model(tmp_path: Path) -> Iterator[Portal]:
    """A portal whose language model writes a few letters at a time."""
    port = free_port()
    command = [sys.executable, "-m", "tests.fakes.openai_server", "--port", str(port)]
    with subprocess.Popen([*command, "--delay", str(_TOKEN_SECONDS)], cwd=settings.BASE_DIR) as server:
        try:
            model = {"LLM_BASE_URL": f"http://127.0.0.1:{port}/v1", "LLM_MODEL": "quote"}
            with whole_stack(tmp_path, **model) as running:
                yield running
        finally:
            server.terminate()


def wait_for(condition: Callable[[], bool], *, seconds: float, step: float = 0.3) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(step)
