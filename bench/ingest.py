"""How fast documents become searchable, part by part: `python bench/ingest.py [--corpus FOLDER ...]`.

Runs a portal of its own, adds each folder with PDFs as a collection, waits until the last document is indexed
by the real worker and its children, and watches their memory. Then come, each alone: a bulk load of prepared
chunks, embedding the very same chunks, parsing the same files, and `unstructured`'s fast path. Prints each
figure beside its target; the last line is one JSON object.

`--every N` takes every N-th file of each folder, and `--brief` measures neither the bulk load nor the
parsers: what changes the end-to-end rate shows in minutes, on a busy machine in seconds of processor time.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import parser as reading
from bench.tools import stack
from bench.tools.figures import finish, say
from bench.tools.memory import PeakMemory
from bench.tools.processor import processor_seconds
from bench.tools.stack import Stack
from llm.embedding import load_embedder

# name: (target, whether it is the least or the most)
TARGETS = {
    "end_to_end_of_embedding_alone": (0.8, "least"),
    "parser_ratio": (10.0, "least"),
    "worker_peak_mib": (1024.0, "most"),
    "bulk_ratio": (5.0, "least"),
}
_LIMIT_SECONDS = 3 * 3600
_PROGRAMS = ("worker", "database", "web", "beat")
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


def ingest(portal: Stack, corpora: Sequence[Path]) -> tuple[dict[str, object], float]:
    """Return the figures of the way from the first upload to the last indexed document, and its seconds."""
    wait_until_done(portal)  # the handbook
    folders = sorted({str(path.parent) for corpus in corpora for path in corpus.rglob("*.pdf")})
    pids = {name: portal.child(name) for name in _PROGRAMS}
    with PeakMemory(pids["worker"]) as memory:
        before = {name: processor_seconds(pid) for name, pid in pids.items()}
        began = time.monotonic()
        added = json.loads(portal.run("-m", "bench.tools.load", *folders))["added"]
        say(f"{added} files added after {time.monotonic() - began:.1f} s")
        states = wait_until_done(portal)
        seconds = time.monotonic() - began
        used = {name: round(processor_seconds(pid) - before[name], 1) for name, pid in pids.items()}
    say(f"at the worker's peak, MiB by process: {[round(held) for held in memory.at_peak]}")
    figures = {
        "jobs": states,
        "end_to_end_s": round(seconds, 1),
        "worker_peak_mib": round(memory.peak_mib),
        "processor_s": used,
    }
    return figures, seconds


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


def end_to_end(portal: Stack, corpora: Sequence[Path]) -> tuple[dict[str, object], list[str]]:
    """Ingest through the worker; return the figures, and the chunks as they were embedded."""
    measured, seconds = ingest(portal, corpora)
    with closing(stack.connect(portal)) as connection:
        rows = connection.execute(_CHUNKS).fetchall()
        (pages,) = connection.execute(_PAGES).fetchone() or (0,)
    count = int(str(pages))
    figures = {
        "pages": count,
        "chunks": len(rows),
        "longest_chunk_tokens": max(int(str(tokens)) for _, tokens in rows),
        "end_to_end_pages_per_s": round(count / seconds, 2),
    }
    return measured | figures, [str(text) for text, _ in rows]


def embedding_alone(texts: Sequence[str], pages: int) -> dict[str, object]:
    """Embed the same chunks in this process and nothing else."""
    embedder = load_embedder(stack.EMBEDDING)
    embedder.embed_passages(["Warm up."] * 4)
    began, used = time.monotonic(), time.process_time()
    embedder.embed_passages(texts)
    seconds = time.monotonic() - began
    return {
        "model_limit_tokens": embedder.max_tokens,
        "embedding_alone_s": round(seconds, 1),
        "embedding_alone_pages_per_s": round(pages / seconds, 2),
        "embedding_alone_processor_s": round(time.process_time() - used, 1),
    }


def bulk_load(portal: Stack, count: int) -> dict[str, float]:
    """Load prepared chunks into the portal's database, in bulk and one by one."""
    stack.adopt(portal)
    from bench.tools.bulk import compare  # needs Django's settings, which the portal has now
    from bench.tools.passages import gather

    return compare(gather(count, questions=1).texts)


def measure(corpora: Sequence[Path], bulk_chunks: int) -> dict[str, object]:
    """Return the figures; each part runs while the others rest. No chunks: neither bulk load nor parsers."""
    with stack.running() as portal:
        figures, texts = end_to_end(portal, corpora)
        show(figures)
        loaded = bulk_load(portal, bulk_chunks) if bulk_chunks else {}
        show(loaded)
    pages = int(str(figures["pages"]))
    alone = embedding_alone(texts, pages)
    share = float(str(alone["embedding_alone_s"])) / float(str(figures["end_to_end_s"]))
    alone["end_to_end_of_embedding_alone"] = round(share, 2)
    show(alone)
    found = {"bench": "ingest"} | figures | loaded | alone
    if not bulk_chunks:
        return found
    files = reading.pdf_files(corpora)
    return found | reading.compare(files) | reading.recognition(files)


def thinned(corpus: Path, every: int, into: Path) -> Path:
    """Return a folder of links to every so many-th PDF of each folder in a corpus."""
    for folder in sorted({path.parent for path in corpus.rglob("*.pdf")}):
        new = into / corpus.name / folder.name
        new.mkdir(parents=True)
        for path in sorted(folder.glob("*.pdf"))[::every]:
            (new / path.name).symlink_to(path.resolve())
    return into / corpus.name


def show(figures: dict[str, object] | dict[str, float]) -> None:
    """Print some figures now: the whole takes a quarter of an hour."""
    for name, value in figures.items():
        say(f"{name:<34}{value!s:>16}")


def judge(figures: dict[str, object]) -> list[str]:
    """Print each figure that has a target beside it; return the names of those that miss it."""
    missed = []
    say(f"{'target':<34}{'reached':>12}{'to reach':>12}")
    for name, (target, kind) in TARGETS.items():
        if name not in figures:
            continue
        value = float(str(figures[name]))
        held = value >= target if kind == "least" else value <= target
        missed += [] if held else [name]
        sign, note = (">=" if kind == "least" else "<="), ("" if held else "  missed")
        say(f"{name:<34}{value:>12,.2f}{sign:>5}{target:>7,.1f}{note}")
    return missed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--corpus", type=Path, action="append", help="a folder with PDFs; may be repeated")
    parser.add_argument("--bulk-chunks", type=int, default=100_000)
    parser.add_argument("--every", type=int, default=1, help="take every so many-th file of each folder")
    parser.add_argument("--brief", action="store_true", help="leave out the bulk load and the parsers")
    options = parser.parse_args()
    corpora = options.corpus or reading.CORPORA
    for corpus in corpora:
        if not corpus.is_dir():
            sys.exit(
                f"There is no folder {corpus}. Name one with --corpus: a collection for each folder in it."
            )
    with tempfile.TemporaryDirectory(prefix="cited-thinned-") as folder:
        if options.every > 1:
            corpora = [thinned(corpus, options.every, Path(folder)) for corpus in corpora]
        figures = measure(corpora, 0 if options.brief else options.bulk_chunks)
    missed = judge(figures)
    finish(figures | {"missed": missed})


if __name__ == "__main__":
    main()
