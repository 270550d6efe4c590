"""`python -m llm.providers.onnx_export FOLDER TARGET`: a sentence-transformers model as one ONNX graph.

TARGET becomes a folder with `model.onnx`, which takes `input_ids` and `attention_mask`, both of shape (n,
tokens), and gives `vectors` of shape (n, dimension); `tokenizer.json`; and `about.json`. Exit status 1 where
the graph does not give the model's own vectors.
"""

import json
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

_OPSET = 17
_LEAST_COSINE = 0.9999
_SAMPLES = (
    "Yes.",
    "What was the warranty of 2023?",
    "Reports are due within ten days. " * 8,
    "A longer text about rates, costs and whatever else a company writes down. " * 12,
)


def export(folder: Path, target: Path) -> None:
    """Write the model in `folder` to `target`. Raises ValueError where the graph's vectors differ."""
    from llm.embedding import EmbedderSpec
    from llm.providers.torch_embedding import load_model, prompt_of

    model = load_model(EmbedderSpec(model=str(folder), dtype="float32"), folder).eval()
    target.mkdir(parents=True)
    _write_graph(model, target / "model.onnx")
    model.tokenizer.backend_tokenizer.save(str(target / "tokenizer.json"))
    _compare(model, target)
    about = {
        "dimension": int(model.get_embedding_dimension() or 0),
        "max_seq_length": int(model.max_seq_length or 512),
        "query_prefix": prompt_of(model, "query"),
        "passage_prefix": prompt_of(model, "document") or prompt_of(model, "passage"),
    }
    (target / "about.json").write_text(json.dumps(about), encoding="utf-8")


def _write_graph(model: "SentenceTransformer", path: Path) -> None:
    import torch

    class Whole(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: "torch.Tensor", attention_mask: "torch.Tensor") -> "torch.Tensor":
            out = self.model({"input_ids": input_ids, "attention_mask": attention_mask})
            vectors: torch.Tensor = out["sentence_embedding"]
            return vectors

    tokens = torch.ones((2, 16), dtype=torch.long)
    free = {0: "texts", 1: "tokens"}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the tracer; the vectors are compared afterwards
        torch.onnx.export(
            Whole(),
            (tokens, tokens),
            str(path),
            dynamo=False,  # the other exporter needs two packages more
            opset_version=_OPSET,
            input_names=["input_ids", "attention_mask"],
            output_names=["vectors"],
            dynamic_axes={"input_ids": free, "attention_mask": free, "vectors": {0: "texts"}},
        )


def _compare(model: "SentenceTransformer", target: Path) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(target / "model.onnx"), providers=["CPUExecutionProvider"])
    for texts in (_SAMPLES, *((one,) for one in _SAMPLES)):
        own = model.encode(list(texts), prompt="", normalize_embeddings=True, show_progress_bar=False)
        features = model.tokenize(list(texts))
        inputs = {name: features[name].numpy() for name in ("input_ids", "attention_mask")}
        (vectors,) = session.run(["vectors"], inputs)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        cosine = float((own * vectors).sum(axis=1).min())
        if not cosine >= _LEAST_COSINE:
            raise ValueError(f"the graph's vectors have a cosine of {cosine:.4f} to the model's own")


if __name__ == "__main__":
    export(Path(sys.argv[1]), Path(sys.argv[2]))
