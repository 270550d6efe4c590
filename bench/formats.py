"""What becomes of every file of a folder of many formats: read in the real sandbox and cut into passages.

``python bench/formats.py [FOLDER] [--write]`` prints a table and, as its last line, one JSON object; with
``--write`` the table replaces the one in ``docs/formats.md``.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.tools import stack  # noqa: E402 - after the path is set
from ingestion.chunking import split_into_chunks  # noqa: E402
from ingestion.parsing.detect import SUPPORTED, detect_media_type  # noqa: E402
from ingestion.parsing.errors import ParseError, Reason  # noqa: E402
from ingestion.parsing.limits import Limits  # noqa: E402
from ingestion.parsing.sandbox import parse_file  # noqa: E402
from llm.embedding import Embedder, load_embedder  # noqa: E402

CORPUS = ROOT.parent / "shared/corpora/formats"
DOCUMENT = ROOT / "docs/formats.md"
_BEGIN, _END = "<!-- table: bench/formats.py -->", "<!-- end of the table -->"
_LIMITS = Limits(cpu_seconds=300, wall_seconds=600)


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one file; `reason` and `message` are empty for what is indexed."""

    path: str
    format: str
    state: str
    reason: str
    message: str
    passages: int
    attachments: int


def survey(folder: Path, *, at_once: int = 2) -> list[Row]:
    """Read every file of a folder and the folders in it; every one gives a row, whatever happens."""
    model = load_embedder(stack.EMBEDDING)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda path: _row(path, folder, model), files))


def _row(path: Path, folder: Path, model: Embedder) -> Row:
    shown = str(path.relative_to(folder))
    kind = path.suffix.lstrip(".").upper()
    try:
        kind = SUPPORTED[detect_media_type(path, name=path.name)].label
        parsed = parse_file(path, name=path.name, limits=_LIMITS)
    except ParseError as error:
        state = "no_text" if error.reason is Reason.NO_TEXT else "failed"
        return Row(shown, kind, state, error.reason, error.message, 0, 0)
    chunks = split_into_chunks(parsed, token_spans=model.token_spans, max_tokens=model.max_tokens)
    state = "indexed" if chunks else "no_text"
    return Row(shown, kind, state, "", "", len(chunks), len(parsed.attachments))


def as_markdown(rows: list[Row]) -> str:
    """Return two tables: a line for each format, and a line for each file that is not indexed."""
    lines = ["| format | files | indexed | no text | failed | why |", "|---|---|---|---|---|---|"]
    kinds = sorted({row.format for row in rows}, key=str.lower)
    for kind in [*kinds, "**all**"]:
        of_kind = [row for row in rows if kind in {row.format, "**all**"}]
        states = Counter(row.state for row in of_kind)
        why = Counter(row.reason for row in of_kind if row.reason) if kind != "**all**" else Counter()
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(why.items()))
        lines.append(
            f"| {kind} | {len(of_kind)} | {states['indexed']} | {states['no_text']} | {states['failed']} "
            f"| {reasons} |"
        )
    lines += ["", "| file that is not indexed | reason | what its page says |", "|---|---|---|"]
    lines += [f"| `{row.path}` | {row.reason} | {row.message} |" for row in rows if row.state != "indexed"]
    return "\n".join(lines)


def written_table() -> str:
    """Return the tables as the document has them."""
    return DOCUMENT.read_text(encoding="utf-8").split(_BEGIN)[1].split(_END)[0].strip()


def _write(table: str) -> None:
    before, rest = DOCUMENT.read_text(encoding="utf-8").split(_BEGIN)
    after = rest.split(_END)[1]
    DOCUMENT.write_text(f"{before}{_BEGIN}\n{table}\n{_END}{after}", encoding="utf-8")


def main() -> None:
    """Survey, print, and write where that is asked for."""
    folders = [Path(one) for one in sys.argv[1:] if not one.startswith("-")]
    folder = folders[0] if folders else CORPUS
    if not folder.is_dir():
        sys.exit(f"There is no folder {folder}. Name one that has files of many formats.")
    rows = survey(folder)
    table = as_markdown(rows)
    if "--write" in sys.argv:
        _write(table)
    figures = {"files": len(rows)} | Counter(row.state for row in rows)
    sys.stdout.write(f"{table}\n{json.dumps({**figures, 'rows': [asdict(row) for row in rows]})}\n")


if __name__ == "__main__":
    main()
