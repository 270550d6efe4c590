"""Our chat provider against a real vLLM server: `make test-vllm`, or set VLLM_PYTHON.

The model has random weights. What is tested is the protocol and the fallback, not the wit.
"""

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from llm.answering import Finished, LLMSpec, Passage, SentenceDone, stream_answer
from llm.chat import ChatPiece, Message
from llm.embedding import EmbedderSpec, load_embedder
from llm.errors import LLMError
from llm.providers.openai_chat import OpenAIChat

PYTHON = os.environ.get("VLLM_PYTHON", "")
START_SECONDS = 300
HERE = Path(__file__).parent

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not PYTHON, reason="VLLM_PYTHON is not set; run tests/vllm/install.sh first"),
]

ASK = (Message("system", "You are brief."), Message("user", "How do I add a team?"))


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LLMSpec]:
    folder = tmp_path_factory.mktemp("vllm")
    model = folder / "tiny"
    subprocess.run([PYTHON, str(HERE / "tiny_model.py"), str(model)], check=True, timeout=START_SECONDS)
    port = _free_port()
    server = _start(model, port, folder / "vllm.log")
    try:
        _wait(server, f"http://127.0.0.1:{port}/health", folder / "vllm.log")
        yield LLMSpec(f"http://127.0.0.1:{port}/v1", str(model), context_tokens=4096, max_output_tokens=48)
    finally:
        server.terminate()
        server.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _start(model: Path, port: int, log: Path) -> subprocess.Popen[bytes]:
    command = [
        PYTHON, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model), "--dtype", "float32",
        "--enforce-eager", "--host", "127.0.0.1", "--port", str(port),
    ]  # fmt: skip
    environment = os.environ | {
        "VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1",
        "PATH": f"{Path(PYTHON).parent}:{os.environ['PATH']}",
    }  # fmt: skip
    with log.open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=output, env=environment)


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(url, timeout=2).is_success:
                return
        except httpx.HTTPError:
            time.sleep(1)
    pytest.fail(f"vLLM did not start:\n{log.read_text(errors='replace')[-4000:]}")


async def reply(spec: LLMSpec) -> list[ChatPiece]:
    async with aclosing(OpenAIChat(spec).stream(ASK)) as pieces:
        return [piece async for piece in pieces]


def test_streams_text_usage_and_the_reason_it_stopped(spec: LLMSpec) -> None:
    pieces = asyncio.run(reply(spec))
    assert sum(bool(piece.text) for piece in pieces) > 5
    assert [piece.stop_reason for piece in pieces if piece.stop_reason] in (["length"], ["stop"])
    usage = next(piece for piece in pieces if piece.output_tokens is not None)
    assert usage.prompt_tokens
    assert 0 < (usage.output_tokens or 0) <= spec.max_output_tokens


def test_two_requests_at_once_each_get_a_whole_reply(spec: LLMSpec) -> None:
    async def both() -> list[list[ChatPiece]]:
        return list(await asyncio.gather(reply(spec), reply(spec)))

    one, other = asyncio.run(both())
    assert "".join(p.text for p in one) == "".join(p.text for p in other), "temperature 0, same prompt"


def test_closing_the_stream_stops_the_server(spec: LLMSpec) -> None:
    long = LLMSpec(spec.base_url, spec.model, context_tokens=4096, max_output_tokens=3000)

    async def abandon() -> None:
        async with aclosing(OpenAIChat(long).stream(ASK)) as pieces:
            async for piece in pieces:
                if piece.text:
                    break

    asyncio.run(abandon())
    deadline = time.monotonic() + 10
    while _running(spec) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert _running(spec) == 0


def _running(spec: LLMSpec) -> float:
    metrics = httpx.get(spec.base_url.removesuffix("/v1") + "/metrics", timeout=5).text
    lines = [line for line in metrics.splitlines() if line.startswith("vllm:num_requests_running")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def test_an_unknown_model_is_a_lasting_fault(spec: LLMSpec) -> None:
    with pytest.raises(LLMError) as caught:
        asyncio.run(reply(LLMSpec(spec.base_url, "no-such-model")))
    assert caught.value.permanent


def test_an_answer_ends_whatever_the_model_says(spec: LLMSpec) -> None:
    text = "Managers add a team under Teams, New team. Members join by a link."
    passages = [Passage("k1", "Handbook", ("Teams",), 1, text, None, 0.9, None)]

    async def ask() -> list[object]:
        answer = stream_answer(
            question="How do I add a team?",
            passages=passages,
            embedder=load_embedder(EmbedderSpec(cache=str(settings.MODEL_CACHE))),
            llm=spec,
        )
        return [event async for event in answer]

    events = asyncio.run(ask())
    assert isinstance(events[-1], Finished)
    assert [event for event in events if isinstance(event, SentenceDone)]
