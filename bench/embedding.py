"""How fast this machine embeds: `python -m bench.embedding [--chunks N]`.

Chunks of about 200 tokens per second and milliseconds a question, by torch in float32 and bfloat16 and as
the portal embeds on this machine, and the likeness of the vectors to the first. The last line is JSON.
"""

import argparse
import statistics
import time
from dataclasses import replace

import numpy as np

from bench.tools import stack
from bench.tools.figures import finish, say
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
    runtimes = {
        "float32 torch": EmbedderSpec(dtype="float32", threads=options.threads),
        "bfloat16 torch": EmbedderSpec(dtype="bfloat16", threads=options.threads),
        "as the portal": replace(stack.EMBEDDING, threads=options.threads),
    }
    embedders = {name: load_embedder(spec) for name, spec in runtimes.items()}
    exact = embedders["float32 torch"]
    tokens = round(statistics.mean(len(exact.token_spans(text)) for text in texts))
    measured = {name: measure(embedder, texts) for name, embedder in embedders.items()}
    own = measured["float32 torch"][1]
    report: dict[str, object] = {"tokens_per_chunk": tokens, "native_bfloat16": has_bfloat16()}
    say(f"{options.chunks} chunks of {tokens} tokens; native bfloat16: {has_bfloat16()}")
    say(f"{'':16}{'chunks/s':>9} {'query p50 ms':>13} {'query p95 ms':>13} {'cosine':>8}")
    for name, (figures, vectors) in measured.items():
        figures["cosine"] = round(float(np.sum(own * vectors, axis=1).mean()), 4)
        row = (figures["chunks_per_second"], figures["query_ms_p50"], figures["query_ms_p95"])
        say(f"{name:16}{row[0]:9.1f} {row[1]:13.1f} {row[2]:13.1f} {figures['cosine']:8.4f}")
        report[name] = figures | {"by": type(embedders[name]).__name__}
    finish({"bench": "embedding"} | report)


if __name__ == "__main__":
    main()
