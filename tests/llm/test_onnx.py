"""ONNX Runtime gives the vectors of torch, and torch takes over where it cannot."""

import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

from llm.embedding import Embedder, EmbedderSpec, load_embedder
from llm.providers import local_embedding
from llm.providers.divided_embedding import DividedEmbedder
from llm.providers.local_embedding import load_local
from llm.providers.onnx_embedding import OnnxEmbedder
from llm.providers.torch_embedding import TorchEmbedder
from tests.fakes.embedding_model import write_model
from tests.llm.conftest import SPEC

TEXTS = [
    "Yes.",
    "What was the warranty of the kettle in 2023?",
    "Reports are due within ten days. " * 9,
    "A café in Zürich, 数据库, and an e-mail to info@example.com. " * 6,
]


@pytest.fixture(autouse=True)
def _without_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Choose as on a processor without bfloat16, whichever this one is."""
    monkeypatch.setattr(local_embedding, "has_bfloat16", lambda: False)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> EmbedderSpec:
    """Return a small model with weights of its own, and a cache that is empty."""
    folder = tmp_path_factory.mktemp("small")
    model = write_model(folder / "model", words=" ".join(TEXTS), dimension=64, max_tokens=128)
    return EmbedderSpec(model=model, cache=str(folder / "cache"))


def graphs(spec: EmbedderSpec) -> list[Path]:
    return [path for path in Path(spec.cache).iterdir() if path.is_dir()]


def same(one: Embedder, other: Embedder) -> bool:
    likeness = (one.embed_passages(TEXTS) * other.embed_passages(TEXTS)).sum(axis=1)
    spans = all(one.token_spans(text) == other.token_spans(text) for text in TEXTS)
    return spans and bool(likeness.min() > 0.9999) and one.max_tokens == other.max_tokens


def test_the_default_model_has_the_vectors_of_torch() -> None:
    onnx, torch = load_local(SPEC), load_embedder(EmbedderSpec(dtype="float32"))
    assert isinstance(onnx, OnnxEmbedder)
    assert isinstance(torch, TorchEmbedder)
    assert same(onnx, torch)
    assert (onnx.name, onnx.revision, onnx.dimension) == (torch.name, torch.revision, torch.dimension)
    alone = np.stack([onnx.embed_passages([text])[0] for text in TEXTS])
    assert (alone * onnx.embed_passages(TEXTS)).sum(axis=1).min() > 0.9999, "padding changed a vector"


def test_a_process_that_embeds_needs_no_torch() -> None:
    load_local(SPEC)
    code = (
        "import sys\n"
        "from llm.embedding import EmbedderSpec\n"
        "from llm.providers import local_embedding\n"
        "local_embedding.has_bfloat16 = lambda: False\n"
        f"local_embedding.load_local(EmbedderSpec(cache={SPEC.cache!r})).embed_query('hello')\n"
        "print({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "set()", done.stderr


def test_a_graph_is_made_once_and_anew_where_it_is_broken(
    small: EmbedderSpec, caplog: pytest.LogCaptureFixture
) -> None:
    Path(small.cache).mkdir(exist_ok=True)
    left = Path(small.cache, ".new-left-by-a-kill")
    left.mkdir()
    first = load_local(small)
    assert isinstance(first, OnnxEmbedder)
    assert same(first, load_local(replace(small, runtime="torch")))
    (graph,) = graphs(small)
    assert not left.exists()
    made = (graph / "model.onnx").stat().st_mtime_ns
    assert isinstance(load_local(small), OnnxEmbedder)
    assert (graph / "model.onnx").stat().st_mtime_ns == made
    (graph / "model.onnx").write_bytes(b"half a graph")
    with caplog.at_level(logging.WARNING):
        assert isinstance(load_local(small), TorchEmbedder)
    assert "thrown away" in caplog.text
    assert not graph.exists()


@pytest.mark.parametrize("cache", ["", "a file"])
def test_torch_takes_over_without_a_place_for_the_graph(
    small: EmbedderSpec, tmp_path: Path, caplog: pytest.LogCaptureFixture, cache: str
) -> None:
    taken = tmp_path / "a file"
    taken.touch()
    with caplog.at_level(logging.WARNING):
        found = load_local(replace(small, cache=str(taken / "below") if cache else ""))
    assert isinstance(found, TorchEmbedder)
    assert ("cannot be kept" in caplog.text) is bool(cache)


def test_a_model_that_cannot_become_a_graph_is_run_by_torch(
    small: EmbedderSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("llm.providers.onnx_embedding._FORMAT", "none")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with caplog.at_level(logging.WARNING):
        assert isinstance(load_local(replace(small, cache=str(tmp_path / "cache"))), TorchEmbedder)
    assert "could not be written" in caplog.text
    assert graphs(replace(small, cache=str(tmp_path / "cache"))) == []


def test_an_admin_who_says_so_chooses_torch(small: EmbedderSpec) -> None:
    assert isinstance(load_local(replace(small, runtime="torch")), TorchEmbedder)


def test_with_bfloat16_torch_is_loaded_for_long_batches_alone(
    small: EmbedderSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_embedding, "has_bfloat16", lambda: True)
    divided = load_local(replace(small, cache=str(tmp_path)))
    assert isinstance(divided, DividedEmbedder)
    loaded: list[Embedder] = []
    load = divided._load

    def note() -> Embedder:
        loaded.append(load())
        return loaded[-1]

    monkeypatch.setattr(divided, "_load", note)
    short = divided.embed_passages(TEXTS)
    assert divided.embed_query(TEXTS[1]).shape == (64,)
    assert not loaded
    long = divided.embed_passages([*TEXTS, *TEXTS[2:] * 6])
    divided.prepare_for_batches()
    assert len(loaded) == 1
    assert isinstance(loaded[0], TorchEmbedder)
    assert (short * long[: len(TEXTS)]).sum(axis=1).min() > 0.999, "both have the same vectors"
