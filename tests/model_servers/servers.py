"""The real model servers that the contract is tried against: how each is started, and in what it differs."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from llm.engines import LLMSpec
from tests.model_servers.tiny_tokenizer import CONTEXT, ROOT

VLLM_PYTHON = os.environ.get("VLLM_PYTHON", "")
LLAMACPP_PYTHON = os.environ.get("LLAMACPP_PYTHON", "")
START_SECONDS = 900
AT_ONCE = 8

YES = "yes"
NO_SUCH_PAGE = "no: 404"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a server does, in the words of the table in docs/models.md; YES comes first where it can.

    The contract is tried against these words: where a server cannot do a thing, that is what is asserted.
    """

    streaming: str
    usage: str
    ends: str
    abort: str
    at_once: str
    schema: str
    health: str
    metrics: str
    cache_salt: str
    overflow: str
    unknown_model: str


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of server. `writes_model` is the module that writes its tiny model."""

    slug: str
    title: str
    python: str
    variable: str
    writes_model: str
    command: Callable[[str, Path, int], Sequence[str]]
    ready: str
    seen: Seen
    running_metric: str = ""


def _vllm(python: str, model: Path, port: int) -> Sequence[str]:
    return [
        python, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model), "--dtype", "float32",
        "--enforce-eager", "--enable-prefix-caching", "--host", "127.0.0.1", "--port", str(port),
        # Else a model of random weights fills its JSON with spaces, which a schema allows.
        "--structured-outputs-config", '{"backend": "xgrammar", "disable_any_whitespace": true}',
    ]  # fmt: skip


def _llama_cpp(python: str, model: Path, port: int) -> Sequence[str]:
    return [
        python, "-m", "llama_cpp.server", "--model", str(model), "--n_ctx", str(CONTEXT),
        "--interrupt_requests", "false", "--host", "127.0.0.1", "--port", str(port),
    ]  # fmt: skip


VLLM = Kind(
    slug="vllm",
    title="vLLM 0.32.0",
    python=VLLM_PYTHON,
    variable="VLLM_PYTHON",
    writes_model="tests.model_servers.tiny_llama",
    command=_vllm,
    ready="/health",
    seen=Seen(
        streaming=YES,
        usage=YES,
        ends=YES,
        abort=YES,
        at_once=YES,
        schema=YES,
        health=YES,
        metrics=YES,
        cache_salt=YES,
        overflow=YES,
        unknown_model="404, and nothing is generated",
    ),
    running_metric="vllm:num_requests_running",
)
LLAMA_CPP = Kind(
    slug="llamacpp",
    title="llama.cpp (llama-cpp-python 0.3.36)",
    python=LLAMACPP_PYTHON,
    variable="LLAMACPP_PYTHON",
    writes_model="tests.model_servers.tiny_gguf",
    command=_llama_cpp,
    ready="/v1/models",
    seen=Seen(
        streaming=YES,
        usage="no: tokens are estimated",
        ends=YES,
        abort=YES,
        at_once="no: one after the other, with `--interrupt_requests false`",
        schema="no: only in a form of its own",
        health=NO_SUCH_PAGE,
        metrics=NO_SUCH_PAGE,
        cache_salt="no: taken and not heeded, one cache for all",
        overflow="no: its stream breaks off without a word",
        unknown_model="any name is taken for the one model",
    ),
)
KINDS = (VLLM, LLAMA_CPP)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server with its tiny model."""

    kind: Kind
    root: str
    model: str

    @property
    def spec(self) -> LLMSpec:
        return LLMSpec(f"{self.root}/v1", self.model, context_tokens=CONTEXT, max_output_tokens=48)

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.root + path, timeout=10, trust_env=False)

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        lines = [line for line in self.get("/metrics").text.splitlines() if line.startswith(name)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line[len(name)] in " {")


class Started:
    """The servers of this run, each started when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._servers: dict[str, tuple[Server, subprocess.Popen[bytes]]] = {}

    def server(self, kind: Kind) -> Server:
        if not kind.python:
            pytest.skip(f"{kind.variable} is not set: `make test-vllm` and `make test-llamacpp` set it")
        if kind.slug not in self._servers:
            self._servers[kind.slug] = self._start(kind)
        return self._servers[kind.slug][0]

    def stop(self) -> None:
        for _, process in self._servers.values():
            process.terminate()
        for _, process in self._servers.values():
            process.wait(30)

    def _start(self, kind: Kind) -> tuple[Server, subprocess.Popen[bytes]]:
        model, log = self._folder / kind.slug, self._folder / f"{kind.slug}.log"
        writing = [kind.python, "-m", kind.writes_model, str(model)]
        subprocess.run(writing, check=True, timeout=START_SECONDS, cwd=ROOT)
        port = _free_port()
        with log.open("wb") as output:
            process = subprocess.Popen(
                kind.command(kind.python, model, port), stdout=output, stderr=output, env=_environment(kind)
            )
        server = Server(kind, f"http://127.0.0.1:{port}", str(model))
        try:
            _wait(server, process, log)
        except BaseException:
            process.kill()
            raise
        return server, process


def _environment(kind: Kind) -> dict[str, str]:
    return os.environ | {
        "VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1",
        "PATH": f"{Path(kind.python).parent}:{os.environ['PATH']}",
        # Where tests/model_servers/llamacpp/install.sh puts what it compiles.
        "LLAMA_CPP_LIB_PATH": str(Path(kind.python).parent.parent / "llama.cpp"),
    }  # fmt: skip


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if server.get(server.kind.ready).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    sys.stderr.write(log.read_text(errors="replace")[-4000:])
    pytest.fail(f"{server.kind.title} did not start; its log is above.")
