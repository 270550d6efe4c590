"""How fast this machine embeds: `python -m bench.embedding [--chunks N]`.

Chunks of about 200 tokens per second and milliseconds a question, in float32 and bfloat16, and the likeness
of their vectors. The last line is JSON.
"""

import argparse
import json
import statistics
import sys
import time

import numpy as np

from llm.embedding import Embedder, EmbedderSpec, Vectors, load_embedder
from llm.providers.local_embedding import has_bfloat16

_SENTENCE = (
    "Report {i} finds that the agency spent {n} dollars on flight safety, training and audits in that year. "
)
_SENTENCES_A_CHUNK = 9
_QUESTIONS = 20


def chunks(count: int) -> list[str]:
    """Texts of about 200 tokens, no two alike."""
    return [
        "".join(_SENTENCE.format(i=i, n=1000 * i + part) for part in range(_SENTENCES_A_CHUNK))
        for i in range(count)
    ]


def measure(embedder: Embedder, texts: list[str]) -> tuple[dict[str, float], Vectors]:
    """Figures of one embedder, and its vectors of `texts`."""
    embedder.embed_passages(texts[:4])
    started = time.perf_counter()
    vectors = embedder.embed_passages(texts)
    seconds = time.perf_counter() - started
    questions = [_timed_question(embedder, i) for i in range(_QUESTIONS)]
    figures = {
        "chunks_per_second": round(len(texts) / seconds, 1),
        "query_ms_p50": round(statistics.median(questions), 1),
        "query_ms_p95": round(float(np.quantile(questions, 0.95)), 1),
    }
    return figures, vectors


def _timed_question(embedder: Embedder, number: int) -> float:
    started = time.perf_counter()
    embedder.embed_query(f"How much did the agency spend on safety in year {number}?")
    return (time.perf_counter() - started) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chunks", type=int, default=96)
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    texts = chunks(options.chunks)
    exact = load_embedder(EmbedderSpec(dtype="float32", threads=options.threads))
    fast = load_embedder(EmbedderSpec(dtype="bfloat16", threads=options.threads))
    tokens = round(statistics.mean(len(exact.token_spans(text)) for text in texts))
    exact_figures, exact_vectors = measure(exact, texts)
    fast_figures, fast_vectors = measure(fast, texts)
    cosine = float(np.sum(exact_vectors * fast_vectors, axis=1).mean())
    sys.stdout.write(f"{options.chunks} chunks of {tokens} tokens; native bfloat16: {has_bfloat16()}\n")
    sys.stdout.write(f"{'dtype':10} {'chunks/s':>9} {'query p50 ms':>13} {'query p95 ms':>13}\n")
    for name, figures in (("float32", exact_figures), ("bfloat16", fast_figures)):
        row = (figures["chunks_per_second"], figures["query_ms_p50"], figures["query_ms_p95"])
        sys.stdout.write(f"{name:10} {row[0]:9.1f} {row[1]:13.1f} {row[2]:13.1f}\n")
    report = {
        "float32": exact_figures,
        "bfloat16": fast_figures,
        "tokens_per_chunk": tokens,
        "native_bfloat16": has_bfloat16(),
        "cosine": round(cosine, 4),
    }
    sys.stdout.write(f"cosine of the two {cosine:.4f}\n{json.dumps(report)}\n")


if __name__ == "__main__":
    main()
