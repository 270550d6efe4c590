"""A vLLM server beside the portal, for `make up-vllm`: with CUDA where its own environment has that."""

import os
import subprocess
from pathlib import Path

from portal.stack import processes
from portal.stack.child import Program
from portal.stack.config import StackConfig
from portal.stack.errors import StackError

HOST = "127.0.0.1"
DEFAULT_PORT = 8011
DEFAULT_PYTHON = ".venv-vllm/bin/python"


def base_url(port: int) -> str:
    return f"http://{HOST}:{port}/v1"


def model_server(config: StackConfig) -> Program:
    """Return the server as a program; the portal quotes from the documents until it answers.

    Raises StackError where vLLM's environment is missing.
    """
    python = Path(config.base_dir) / config.model_python
    if not python.is_file():
        raise StackError(f"There is no {python}. `make up-vllm MODEL=...` installs vLLM there.")
    environment = os.environ | {
        "PATH": f"{python.parent}:{os.environ.get('PATH', '')}",  # it compiles kernels with tools from there
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
    }
    # What the portal is told by its environment is not for the server: VLLM_API_KEY guards it.
    if key := environment.get("LLM_API_KEY"):
        environment["VLLM_API_KEY"] = key
    command = [str(python), "-m", "vllm.entrypoints.openai.api_server", "--model", config.model]
    command += ["--host", HOST, "--port", str(config.model_port), "--enable-prefix-caching"]
    if config.model_context:
        command += ["--max-model-len", str(config.model_context)]

    def start(output: int) -> "subprocess.Popen[bytes]":
        return processes.spawn(
            command,
            on_parent_death="SIGKILL",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=Path(config.base_dir),
            env=environment,
        )

    return Program("vllm", start, grace=20.0, shown=False)
