"""How fast PDFs are read: pages per second of our parser and of PDFium's text alone, on one core.

``python bench/parser.py [FOLDER]`` prints a table and, as its last line, one JSON object.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pypdfium2

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ingestion.parsing.errors import ParseError  # noqa: E402 - after the path is set
from ingestion.parsing.limits import Limits  # noqa: E402
from ingestion.parsing.pdf import PARSER  # noqa: E402

CORPUS = ROOT.parent / "shared/corpora/us-public"


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


def parsed(path: Path) -> int:
    """Parse a PDF; return its pages. A scan without text counts as one."""
    try:
        document = PARSER.parse(
            path,
            name=path.name,
            media_type="application/pdf",
            limits=Limits(),
            on_progress=lambda _done, _total: None,
        )
    except ParseError:
        return 1
    return len(document.pages)


def measure(read: Callable[[Path], int], files: list[Path]) -> tuple[int, float]:
    """Return the pages read and the seconds of processor time."""
    began = time.process_time()
    return sum(read(path) for path in files), time.process_time() - began


def main() -> None:
    """Measure both readers and print."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else CORPUS
    files = sorted(folder.rglob("*.pdf"))
    if not files:
        sys.exit(f"There are no PDF files in {folder}. Name a folder that has some.")
    figures: dict[str, float] = {"files": len(files)}
    sys.stdout.write(f"{'reader':<24}{'pages':>8}{'seconds':>10}{'pages/s':>10}\n")
    for name, read in (("pdfium_text", text_alone), ("cited", parsed)):
        pages, seconds = measure(read, files)
        figures |= {f"{name}_pages_per_s": round(pages / seconds, 1), f"{name}_s": round(seconds, 2)}
        sys.stdout.write(f"{name:<24}{pages:>8}{seconds:>10.2f}{pages / seconds:>10.1f}\n")
    figures["peak_rss_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
