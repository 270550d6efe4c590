import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.api.live import live_portal


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(200)
@pytest.mark.django_db(transaction=True)
def test_the_docs_page_works_under_the_content_security_policy(
    process_env: dict[str, str], tmp_path: Path
) -> None:
    if (chromium := shutil.which("chromium")) is None:
        pytest.skip("needs Debian's chromium, which .ci/run installs")
    with live_portal(process_env, tmp_path / "portal.log") as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        asked, complaints = _watch(page)
        page.goto(f"{address}/api/v1/docs")
        page.get_by_text("/api/v1/answers", exact=True).first.click()
        page.get_by_text("Ask a question").last.wait_for()
        browser.close()
    assert complaints == []
    assert asked
    assert all(url.startswith((address, "data:")) for url in asked)


def _watch(page: Page) -> tuple[list[str], list[str]]:
    """Return two lists that fill up: the addresses that the page asks for, and what the console reports."""
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return asked, complaints
