"""`manage.py evaluate` as a person runs it: a process of its own, which touches no other database."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from retrieval.generations import ensure_first_generation
from tests.evaluation.sets import write_set

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


def _run(*arguments: str, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    away = {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
    }
    return subprocess.run(
        [sys.executable, "manage.py", "evaluate", *arguments],
        cwd=settings.BASE_DIR,
        env=os.environ | (env or away),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_table_and_one_json_object_come_from_a_portal_of_its_own(tmp_path: Path) -> None:
    rows, vectors = tmp_path / "rows.jsonl", tmp_path / "vectors"
    done = _run(str(write_set(tmp_path / "set")), "--json", "--rows", str(rows), "--vectors", str(vectors))
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0].startswith("small: 2 documents, 2 passages, 2 questions")
    figures = json.loads(said[-1])
    assert figures["search"]["hybrid"]["ndcg@10"] == 1
    assert figures["answers"]["refusal_f1"] == 1
    assert [json.loads(row)["id"] for row in rows.read_text().splitlines()] == ["q1", "q2"]
    assert "Not stored. Runs are kept in the database of a portal that runs" in done.stdout
    assert figures["run"] is None
    with sqlite3.connect(vectors) as kept:
        assert kept.execute("SELECT count(*) FROM vectors").fetchone()[0] >= 4  # passages and questions


def test_a_folder_that_is_no_set_is_said(tmp_path: Path) -> None:
    done = _run(str(tmp_path))
    assert done.returncode == 1
    assert "evalset.json cannot be read: No such file or directory" in done.stderr


def test_a_run_is_stored_and_two_are_compared(tmp_path: Path, process_env: dict[str, str]) -> None:
    folder = str(write_set(tmp_path / "set"))
    runs = []
    for b in ("0.75", "0.1"):
        done = _run(folder, "--search-only", "--json", "--config", f"BM25_B={b}", env=process_env)
        assert done.returncode == 0, done.stderr
        runs.append(json.loads(done.stdout.splitlines()[-1])["run"])
    done = _run("--compare", *map(str, runs), "--json", env=process_env)
    assert done.returncode == 0, done.stderr
    assert "0 questions better, 0 worse, 2 the same" in done.stdout
    assert "BM25_B: 0.75 -> 0.1" in done.stdout
    assert json.loads(done.stdout.splitlines()[-1])["settings"] == {"BM25_B": [0.75, 0.1]}


def test_a_generation_of_the_portal_can_embed(tmp_path: Path, process_env: dict[str, str]) -> None:
    generation = ensure_first_generation()
    folder = str(write_set(tmp_path / "set"))
    done = _run(folder, "--search-only", "--json", "--generation", str(generation.pk), env=process_env)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["model"] == generation.model
    missing = _run(folder, "--generation", "999999", env=process_env)
    assert missing.returncode == 1
    assert "There is no generation 999999" in missing.stderr
