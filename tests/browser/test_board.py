"""The live board in a real browser while 200 files go through the real stack."""

import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewContext, sign_in, wait_for
from tests.browser.stack import Portal

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.worker, pytest.mark.timeout(900)]

FILES = 200
_SOON = 5.0  # below this the page says "a few seconds"
_SENTENCE = "Crate {number} of the {place} store was counted by its keeper and found complete."

# Counts every shift of the layout, and every row that is replaced or moves to another height.
_WATCH_ROWS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts.push(entry.value);
}).observe({type: 'layout-shift', buffered: false});
window.rows = [...document.querySelectorAll('.board tbody tr')];
window.tops = window.rows.map((row) => row.getBoundingClientRect().top);
"""
_LOOK = """() => ({
  kept: window.rows.every((row) => row.isConnected),
  moved: window.rows.filter(
    (row, at) => Math.abs(row.getBoundingClientRect().top - window.tops[at]) > 1).length,
  all: Number(document.getElementById('count-all').textContent),
  counts: Object.fromEntries([...document.querySelectorAll('.count')].map(
    (count) => [count.id.slice(6), Number(count.textContent)])),
  left: document.getElementById('left') ? Number(document.getElementById('left').value) : null,
})"""


@dataclass(frozen=True)
class Look:
    """What the page said at one moment."""

    at: float
    total: int
    counts: dict[str, int]
    left: float | None
    moved: int
    kept: bool

    @property
    def done(self) -> int:
        return self.counts["indexed"]


def test_two_hundred_files_go_through_a_live_board(
    portal: Portal, admin: tuple[str, str], new_context: NewContext, tmp_path: Path
) -> None:
    page = new_context(viewport={"width": 1280, "height": 900}).new_page()
    sign_in(page, portal, admin)
    wait_for(lambda: _handbook_is_read(page, portal), seconds=420, step=2)
    _create_collection(page, portal)
    _upload(page, tmp_path)
    page.goto(f"{portal.url}/manage/ingestion?collection=store")
    page.evaluate(_WATCH_ROWS)
    looks = _watch(page)
    assert all(look.kept for look in looks), "a row was replaced"
    assert max(look.moved for look in looks) == 0, "a row moved"
    assert page.evaluate("window.shifts") == [], "the layout shifted"
    assert {look.total for look in looks} == {FILES}
    assert all(sum(look.counts.values()) - look.total == look.total for look in looks), "counts do not add up"
    assert looks[-1].done == FILES
    _check_estimates(looks)


def _handbook_is_read(page: Page, portal: Portal) -> bool:
    page.goto(f"{portal.url}/collections/cited-handbook")
    return page.locator(".state.good").count() >= 4


def _create_collection(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.url}/collections")
    page.get_by_label("Title").fill("Store")
    page.get_by_role("button", name="Create the collection").click()
    expect(page.get_by_role("heading", name="No documents yet")).to_be_visible()


def _upload(page: Page, folder: Path) -> None:
    files = []
    for number in range(FILES):
        file = folder / f"crate-{number:03}.txt"
        file.write_text(
            "\n\n".join(_SENTENCE.format(number=number, place=place) for place in ("north", "south"))
        )
        files.append(file)
    page.get_by_label("Upload documents").set_input_files(files)
    expect(page.locator(".uploads li.good")).to_have_count(FILES, timeout=120_000)


def _watch(page: Page) -> list[Look]:
    looks: list[Look] = []
    deadline = time.monotonic() + 480
    while not looks or looks[-1].done < FILES:
        assert time.monotonic() < deadline, looks[-1]
        seen = page.evaluate(_LOOK)
        looks.append(
            Look(time.monotonic(), seen["all"], seen["counts"], seen["left"], seen["moved"], seen["kept"])
        )
        page.wait_for_timeout(500)
    return looks


def _check_estimates(looks: list[Look]) -> None:
    """From the first quarter on a time is told, and most come true within a factor of two.

    Other tests share these processors, so that the pace changes under way: `bench/estimates.py` looks at
    every estimate, alone on the machine.
    """
    end = next(look.at for look in looks if look.done == FILES)
    told = [(look.left, end - look.at) for look in looks if FILES / 4 <= look.done < FILES]
    assert len(told) > 3, "it was over before anything could be watched"
    print("\n".join(f"told {left} s, took {took:.1f} s" for left, took in told))  # noqa: T201 - the figures
    factors = []
    for left, took in told:
        assert left is not None
        shown, real = max(left, _SOON), max(took, _SOON)
        factors.append(max(shown / real, real / shown))
    assert statistics.median(factors) <= 2, sorted(factors)
