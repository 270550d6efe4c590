"""vLLM beside the portal: started with what it needs, as a program that is looked after like the others."""

import json
from pathlib import Path

import pytest

from portal.stack import processes
from portal.stack.config import StackConfig
from portal.stack.errors import StackError
from portal.stack.model_server import base_url, model_server
from tests.stack.test_supervisor import wait_for

_FAKE = """#!/bin/sh
echo "$@" > "$(dirname "$0")/arguments"
echo "$VLLM_API_KEY" > "$(dirname "$0")/key"
sleep 60
"""


def config(folder: Path, **more: object) -> StackConfig:
    settings: dict[str, object] = {
        "python": "python", "base_dir": str(folder), "var_dir": str(folder), "host": "127.0.0.1",
        "port": 8000, "base_url": "", "admin_email": "", "socket_dir": "", "worker_concurrency": 1,
        "log_level": "INFO", "model": "org/tiny", "model_python": "venv/bin/python", "model_port": 8011,
        "model_context": 4096,
    }  # fmt: skip
    return StackConfig(**(settings | more))  # type: ignore[arg-type]  # of different types on purpose


def test_it_serves_the_model_on_loopback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "venv" / "bin" / "python"
    fake.parent.mkdir(parents=True)
    fake.write_text(_FAKE)
    fake.chmod(0o755)
    monkeypatch.setenv("LLM_API_KEY", "sesame")
    stack = StackConfig.loaded(config(tmp_path).dumped())
    assert json.loads(stack.dumped())["model"] == "org/tiny"
    program = model_server(stack)
    with (tmp_path / "log").open("wb") as output:
        process = program.start(output.fileno())
    try:
        wait_for(lambda: (fake.parent / "key").exists() and bool((fake.parent / "key").read_text()))
    finally:
        processes.send_group(process.pid, program.stop_signal)
        process.wait(10)
    arguments = (fake.parent / "arguments").read_text().split()
    assert arguments[:4] == ["-m", "vllm.entrypoints.openai.api_server", "--model", "org/tiny"]
    assert {"--host", "127.0.0.1", "--port", "8011", "--max-model-len", "4096"} <= set(arguments)
    assert (fake.parent / "key").read_text().strip() == "sesame"
    assert base_url(stack.model_port) == "http://127.0.0.1:8011/v1"


def test_a_missing_environment_is_explained(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="make up-vllm"):
        model_server(config(tmp_path))
