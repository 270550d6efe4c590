import json
import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from retrieval.generations import ensure_first_generation
from tests import factories
from tests.api.live import live_portal

_BLOCK = re.compile(r"^```(?:bash|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_END = "== end of line"


def _lines(guide: str) -> list[str]:
    text = (settings.BASE_DIR / "docs" / guide).read_text()
    return [line for block in _BLOCK.findall(text) for line in block.splitlines() if line.strip()]


@pytest.mark.worker
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.django_db(transaction=True)
def test_every_line_of_the_quick_start_works(process_env: dict[str, str], tmp_path: Path) -> None:
    ensure_first_generation()
    admin = factories.user("admin@example.com", is_admin=True)
    factories.team("Administrators", managers=[admin])
    with live_portal(process_env, tmp_path / "portal.log", with_worker=True) as address:
        shell = {"BASE": f"{address}/api/v1", "TOKEN": factories.token(admin)[1]}
        lines = _lines("api-quickstart.md")
        outputs = _run(lines, process_env | shell, tmp_path)
    answers = [output for line, output in zip(lines, outputs, strict=True) if "/answers" in line]
    assert len(answers) == 2
    assert "its lid is open" in json.loads(answers[0])["text"]
    assert json.loads(answers[0])["citations"][0]["name"] == "kettle.txt"
    assert "event: done" in answers[1]
    assert "its lid is open" in answers[1]


def _run(lines: list[str], env: dict[str, str], folder: Path) -> list[str]:
    """Run the lines in one shell, stopping at the first that fails, and return what each printed."""
    script = "".join(f"{line}\necho '{_END}'\n" for line in lines)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=env,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    log = (folder / "portal.log").read_text()
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{log}"
    return [output.strip() for output in done.stdout.split(f"{_END}\n")[:-1]]
