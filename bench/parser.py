"""How fast PDFs are read on one core: `python -m bench.parser [FOLDER...]`.

Pages per second of processor time, so that other programs change little: of PDFium's text alone, of our
parser, and of `unstructured`'s fast path where `make bench-ingest` has installed what it needs, all on the
same files. Pages without text are left alone by all three; recognising them is a line of its own. The last
line is one JSON object.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pypdfium2

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.tools.figures import finish, say  # noqa: E402 - after the path is set
from ingestion.parsing.errors import ParseError  # noqa: E402
from ingestion.parsing.limits import Limits  # noqa: E402
from ingestion.parsing.pdf import PARSER  # noqa: E402

CORPORA = [ROOT.parent / "shared/corpora/us-public", ROOT.parent / "shared/evalsets/sec-10q"]
UNSTRUCTURED = ROOT / ".venv-unstructured"
# The comparison reads every so many-th file: the whole of both corpora would take it four minutes.
COMPARED_EVERY = 4
TARGET_RATIO = 10.0


def text_alone(path: Path) -> int:
    """Read a PDF's text without boxes; return its pages."""
    document = pypdfium2.PdfDocument(path)
    count = len(document)
    for page in document:
        text = page.get_textpage()
        text.get_text_range()
        text.close()
        page.close()
    document.close()
    return count


def parsed(path: Path, *, ocr_pages: int = 0) -> int:
    """Parse a PDF; return its pages. A scan without text counts as one."""
    try:
        document = PARSER.parse(
            path,
            name=path.name,
            media_type="application/pdf",
            limits=replace(Limits(), ocr_pages=ocr_pages),
            on_progress=lambda _done, _total: None,
        )
    except ParseError:
        return 1
    return len(document.pages)


def measure(read: Callable[[Path], int], files: Sequence[Path]) -> tuple[int, float]:
    """Return pages and seconds of processor time."""
    began = time.process_time()
    return sum(read(path) for path in files), time.process_time() - began


def unstructured_fast(files: Sequence[Path]) -> tuple[int, float] | None:
    """Return pages and processor seconds of `unstructured` on the same files; None where it is not there."""
    if not UNSTRUCTURED.is_dir():
        return None
    done = subprocess.run(
        [sys.executable, "-m", "bench.tools.unstructured_fast", *map(str, files)],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": f"{UNSTRUCTURED}{os.pathsep}{ROOT}",
            "UNSTRUCTURED_DISABLE_NOTICE": "1",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    if not found["elements"]:
        raise RuntimeError(f"unstructured found nothing to read:\n{done.stderr[-2000:]}")
    return int(found["pages"]), float(found["seconds"])


def compare(files: Sequence[Path]) -> dict[str, float]:
    """Print how fast each reads the files, and return the figures."""
    figures: dict[str, float] = {"files": len(files)}
    some = files[::COMPARED_EVERY]
    say(f"{'reader':<34}{'pages':>8}{'seconds':>10}{'pages/s':>10}")
    readers: dict[str, Callable[[], tuple[int, float] | None]] = {
        "pdfium_text": lambda: measure(text_alone, files),
        "cited": lambda: measure(parsed, files),
        "cited_compared": lambda: measure(parsed, some),
        "unstructured_fast": lambda: unstructured_fast(some),
    }
    for name, read in readers.items():
        row = read()
        if row is None:
            say(f"{name:<34}  not installed: make bench-ingest")
            continue
        pages, seconds = row
        figures |= {f"{name}_pages_per_s": round(pages / seconds, 1), f"{name}_s": round(seconds, 2)}
        say(f"{name:<34}{pages:>8}{seconds:>10.2f}{pages / seconds:>10.1f}")
    if "unstructured_fast_pages_per_s" in figures:
        ratio = figures["cited_compared_pages_per_s"] / figures["unstructured_fast_pages_per_s"]
        figures |= {"parser_ratio": round(ratio, 1), "parser_target_ratio": TARGET_RATIO}
    return figures


def recognition(files: Sequence[Path]) -> dict[str, float]:
    """Return how long the files with pages without text take, recognition and all."""
    bare = [path for path in files if _has_bare_page(path)]
    if not bare:
        return {}
    _, seconds = measure(lambda path: parsed(path, ocr_pages=Limits().ocr_pages), bare)
    say(f"{'with recognition':<34}{len(bare):>8}{seconds:>10.2f}   files with pages without text")
    return {"recognition_files": len(bare), "recognition_s": round(seconds, 2)}


def _has_bare_page(path: Path) -> bool:
    with pypdfium2.PdfDocument(path) as document:
        return any(page.get_textpage().count_chars() == 0 for page in document)


def pdf_files(folders: Sequence[Path]) -> list[Path]:
    """Return the PDF files below some folders; raises SystemExit where there are none."""
    files = sorted(path for folder in folders for path in folder.rglob("*.pdf"))
    if not files:
        sys.exit(f"There are no PDF files in {', '.join(map(str, folders))}. Name a folder that has some.")
    return files


def main() -> None:
    files = pdf_files([Path(name) for name in sys.argv[1:]] or CORPORA)
    figures = compare(files) | recognition(files)
    figures["peak_rss_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    finish(figures)


if __name__ == "__main__":
    main()
