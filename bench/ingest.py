"""How long the real worker takes for us-public, beside embedding the very same chunks and nothing else.

`python bench/ingest.py [--corpus FOLDER]` runs a portal of its own, adds each folder of the corpus as a
collection, waits until the last document is indexed, stops the portal and embeds the chunks again in this
process. The last line is one JSON object; `ratio` is to be at most 2.
"""

import argparse
import json
import sys
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.tools import stack
from bench.tools.figures import finish, say
from bench.tools.stack import Stack
from llm.embedding import EmbedderSpec, load_embedder

TARGET_RATIO = 2.0
_LIMIT_SECONDS = 3600
_STATES = "SELECT state, count(*) FROM ingestion_ingestionjob GROUP BY state"
_CHUNKS = """
SELECT CASE WHEN context = '' THEN text ELSE context || chr(10) || text END, chunk.tokens
FROM retrieval_chunk AS chunk JOIN retrieval_collection AS collection ON collection.id = chunk.collection_id
WHERE collection.slug <> 'cited-handbook'
ORDER BY chunk.collection_id, version_id, ordinal
"""
_PAGES = """
SELECT coalesce(sum(version.page_count), 0) FROM retrieval_documentversion AS version
JOIN retrieval_document AS document ON document.id = version.document_id
JOIN retrieval_collection AS collection ON collection.id = document.collection_id
WHERE collection.slug <> 'cited-handbook'
"""


def ingest(portal: Stack, corpus: Path) -> tuple[float, dict[str, int]]:
    """Return the seconds from the first upload to the last indexed document, and the jobs by state."""
    wait_until_done(portal)  # the handbook
    folders = sorted(str(path) for path in corpus.iterdir() if path.is_dir())
    began = time.monotonic()
    added = json.loads(portal.run("-m", "bench.tools.load", *folders))["added"]
    say(f"{added} files added after {time.monotonic() - began:.1f} s")
    states = wait_until_done(portal)
    return time.monotonic() - began, states


def wait_until_done(portal: Stack) -> dict[str, int]:
    """Wait until no job is open; return how many ended in which state."""
    deadline = time.monotonic() + _LIMIT_SECONDS
    with closing(stack.connect(portal)) as connection:
        while time.monotonic() < deadline:
            rows = connection.execute(_STATES).fetchall()
            states = {str(state): int(str(count)) for state, count in rows}
            if states and not {"queued", "working"} & set(states):
                return states
            time.sleep(0.1)
    raise RuntimeError(f"Jobs are open after {_LIMIT_SECONDS} s: {states}")


def measure(corpus: Path) -> dict[str, object]:
    """Ingest, then embed alone, and return the figures."""
    with stack.running() as portal:
        seconds, states = ingest(portal, corpus)
        with closing(stack.connect(portal)) as connection:
            rows = connection.execute(_CHUNKS).fetchall()
            (pages,) = connection.execute(_PAGES).fetchone() or (0,)
    embedder = load_embedder(EmbedderSpec())
    embedder.embed_passages(["Warm up."] * 4)
    began = time.monotonic()
    embedder.embed_passages([str(text) for text, _ in rows])
    alone = time.monotonic() - began
    return {
        "bench": "ingest",
        "pages": int(str(pages)),
        "chunks": len(rows),
        "longest_chunk_tokens": max(int(str(tokens)) for _, tokens in rows),
        "model_limit_tokens": embedder.max_tokens,
        "jobs": states,
        "ingest_s": round(seconds, 1),
        "embedding_alone_s": round(alone, 1),
        "ratio": round(seconds / alone, 2),
        "target_ratio": TARGET_RATIO,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=stack.CORPUS)
    corpus = parser.parse_args().corpus
    if not corpus.is_dir():
        sys.exit(f"There is no folder {corpus}. Name one with --corpus: a collection for each folder.")
    figures = measure(corpus)
    for name, value in figures.items():
        say(f"{name:<24}{value!s:>14}")
    finish(figures)


if __name__ == "__main__":
    main()
