"""What it costs to do without spaCy's English model: which elements ``unstructured`` calls something else.

``python bench/element_types.py [FOLDER]`` partitions every file of a folder twice, with the model that is
installed and with the blank pipeline of ``ingestion/parsing/_spacy.py``, prints a table and, as its last
line, one JSON object. It needs ``en_core_web_sm`` on the Python path.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ingestion.parsing._spacy import MODEL, blank_model, leave_out_torch  # noqa: E402 - after the path is set

CORPUS = ROOT.parent / "shared/corpora/formats"
ENDINGS = {".docx": "docx", ".pptx": "pptx", ".txt": "text", ".html": "html", ".eml": "email", ".md": "md"}


def categories(path: Path, load: Callable[[], Any]) -> list[str]:
    """Return what unstructured calls each element of a file, with a language model of this kind."""
    from unstructured.nlp import tokenize
    from unstructured.partition import text_type

    tokenize._load_spacy_model = load
    for cached in [*vars(tokenize).values(), *vars(text_type).values()]:
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()
    module = import_module(f"unstructured.partition.{ENDINGS[path.suffix]}")
    partition = getattr(module, f"partition_{ENDINGS[path.suffix]}")
    with path.open("rb") as file:
        return [element.category for element in partition(file=file)]


def main() -> None:
    """Compare and print."""
    leave_out_torch()
    if find_spec(MODEL) is None:
        sys.exit(f"{MODEL} is not installed: there is nothing to compare with.")
    model, blank = import_module(MODEL).load(), blank_model()
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else CORPUS
    totals: Counter[str] = Counter()
    changed: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in ENDINGS):
        try:
            with_model, without = categories(path, lambda: model), categories(path, lambda: blank)
        except Exception as error:  # noqa: BLE001 - whatever a library does with a broken file
            sys.stderr.write(f"{path.name}: {error}\n")
            continue
        totals[path.suffix] += len(with_model)
        for one, other in zip(with_model, without, strict=False):
            if one != other:
                changed[path.suffix] += 1
                pairs[f"{one} -> {other}"] += 1
        changed[path.suffix] += abs(len(with_model) - len(without))
    sys.stdout.write(f"{'ending':<8}{'elements':>10}{'otherwise':>11}{'share':>8}\n")
    for ending in sorted(totals):
        share = changed[ending] / totals[ending]
        sys.stdout.write(f"{ending:<8}{totals[ending]:>10}{changed[ending]:>11}{share:>8.1%}\n")
    figures = {"elements": dict(totals), "otherwise": dict(changed), "pairs": dict(pairs.most_common(12))}
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
