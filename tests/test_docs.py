"""The documents say what the code does: settings with their defaults, links that lead somewhere."""

import re
from pathlib import Path

import pytest

from portal import environment

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_setting_is_in_the_admin_guide_and_every_one_there_exists() -> None:
    guide = (ROOT / "docs" / "admin-guide.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `([A-Z][A-Z0-9_]+)`", guide, flags=re.MULTILINE))
    assert told == set(environment.known_variables())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
