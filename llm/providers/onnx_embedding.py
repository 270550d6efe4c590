"""Embeddings by ONNX Runtime, from a graph that was written from a sentence-transformers folder."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from llm.embedding import Embedder, EmbedderSpec, Span, Vectors
from llm.errors import EmbeddingError

_ROOT = Path(__file__).resolve().parents[2]
_FORMAT = "1"  # of what the export writes; another one makes new graphs
_EXPORT_SECONDS = 900
# What a batch may hold for each thread: one passage with two threads, or some sentences. More of it leaves
# the caches of the processor and is padded; it took a sixth more processor time.
_BATCH_TOKENS = 64


class GraphError(Exception):
    """There is no graph that gives the model's own vectors; the message says why."""


class OnnxEmbedder(Embedder):
    """A sentence-transformers folder, run as a graph in float32. Threads may embed at the same time."""

    def __init__(self, spec: EmbedderSpec, graph: Path, *, revision: str) -> None:
        """Raises GraphError where the graph cannot be read."""
        super().__init__()
        self.name, self.revision = spec.model, revision
        try:
            self._open(graph, spec.threads)
        except Exception as error:  # the errors of ONNX Runtime have no common base
            shutil.rmtree(graph, ignore_errors=True)
            raise GraphError(f"the graph in {graph} cannot be read and was thrown away: {error}") from error

    def _open(self, graph: Path, threads: int) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        about = json.loads((graph / "about.json").read_text(encoding="utf-8"))
        self._tokenizer: Tokenizer = Tokenizer.from_file(str(graph / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        options = onnxruntime.SessionOptions()
        # Its own default counts the machine's cores, also those that this process may not use.
        options.intra_op_num_threads = threads or len(os.sched_getaffinity(0))
        self.batch_tokens = _BATCH_TOKENS * options.intra_op_num_threads
        # A thread that spins while it waits makes everything else on the same cores slower.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(graph / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self.query_prefix, self.passage_prefix = about["query_prefix"], about["passage_prefix"]
        special = len(self._tokenizer.encode("").ids)
        prefix = max(len(self.token_spans(p)) for p in (self.query_prefix, self.passage_prefix))
        self.max_tokens = int(about["max_seq_length"]) - special - prefix
        self.dimension = int(about["dimension"])

    def token_spans(self, text: str) -> list[Span]:
        """The character span of every token in `text`: no special tokens, nothing cut off."""
        offsets: list[Span] = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return offsets

    def _embed(self, texts: Sequence[str]) -> Vectors:
        tokens = [self._tokenizer.encode(text).ids for text in texts]
        ids = np.zeros((len(tokens), max(map(len, tokens))), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, of_text in enumerate(tokens):
            ids[row, : len(of_text)] = of_text
            mask[row, : len(of_text)] = 1
        try:
            (vectors,) = self._session.run(["vectors"], {"input_ids": ids, "attention_mask": mask})
        except Exception as error:  # as above
            message = f"ONNX Runtime could not embed with {self.name}: {error}"
            raise EmbeddingError(message, permanent=True) from error
        return np.asarray(vectors, dtype=np.float32)


def graph_of(folder: Path, weights: str, *, cache: Path) -> Path:
    """The folder with the graph of the model in `folder`, which is made at the first call.

    `weights` is the sha256 of its weights. Raises GraphError where it cannot be made.
    """
    graph = cache / f"{folder.name}-{_digest(folder, weights)[:16]}"
    if (graph / "about.json").is_file():
        return graph
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _alone(cache / "lock"):
            if not (graph / "about.json").is_file():
                _export(folder, graph)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GraphError(f"its graph cannot be kept in {cache}: {error}") from error
    return graph


def _digest(folder: Path, weights: str) -> str:
    """What the model is: its weights, and all that says how they are used. Another one gets another graph."""
    digest = hashlib.sha256(f"{_FORMAT} {weights}".encode())
    for path in sorted(folder.rglob("*.json")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Let one process at a time in: web and worker start together, and one graph is enough."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _export(folder: Path, graph: Path) -> None:
    """Write a graph in a process of its own: torch takes memory that nobody needs afterwards."""
    for left in graph.parent.glob(".new-*"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=graph.parent, prefix=".new-") as unfinished:
        target = Path(unfinished) / "graph"
        done = subprocess.run(  # noqa: S603 - this program, and folders that an admin named
            [sys.executable, "-m", "llm.providers.onnx_export", str(folder.resolve()), str(target)],
            cwd=_ROOT,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=_EXPORT_SECONDS,
            check=False,
        )
        if done.returncode:
            raise GraphError(f"its graph could not be written: {done.stderr.strip()[-400:]}")
        if graph.exists():
            shutil.rmtree(graph)
        target.rename(graph)
