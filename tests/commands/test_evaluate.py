"""`manage.py evaluate` as a person runs it: a process of its own, which touches no other database."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.evaluation.sets import write_set

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


def _run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", "evaluate", *arguments],
        cwd=settings.BASE_DIR,
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_table_and_one_json_object_come_from_a_portal_of_its_own(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    done = _run(str(write_set(tmp_path / "set")), "--json", "--rows", str(rows))
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0].startswith("small: 2 documents, 2 passages, 2 questions")
    figures = json.loads(said[-1])
    assert figures["search"]["hybrid"]["ndcg@10"] == 1
    assert figures["answers"]["refusal_f1"] == 1
    assert [json.loads(row)["id"] for row in rows.read_text().splitlines()] == ["q1", "q2"]


def test_a_folder_that_is_no_set_is_said(tmp_path: Path) -> None:
    done = _run(str(tmp_path))
    assert done.returncode == 1
    assert "evalset.json cannot be read: No such file or directory" in done.stderr
