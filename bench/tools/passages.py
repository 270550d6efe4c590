"""Passages and questions for a large library: real ones from the shared corpora, made ones where absent."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pypdfium2
from numpy.typing import NDArray

from bench.tools.stack import CORPUS, ROOT

_SETS = ("clapnq", "xquad-en", "cranfield")
_WORDS_A_PIECE = 150
_SHORTEST = 40
_VOCABULARY = 20_000
_STOP_WORDS = 100  # that a language's commonest words are: neither passages nor questions are made of them


@dataclass(frozen=True, slots=True)
class Passages:
    """`texts` begin with the ones that answer `questions`; `kind` says what they are made of.

    `halves` (texts, 2) are the numbers of the texts whose first and whose second half each is made of.
    """

    texts: list[str]
    questions: list[str]
    kind: str
    halves: NDArray[np.int64]


def gather(count: int, *, questions: int, seed: int = 7) -> Passages:
    """Return so many different passages; past the real ones, each is a half of one and a half of another."""
    rng = random.Random(seed)  # noqa: S311 - a seeded mixture, not a secret
    answering, asked, other = _evaluation_sets(ROOT.parent / "shared" / "evalsets")
    other += list(_pdf_pieces(CORPUS))
    kind = "real"
    if not asked:
        answering, asked, other, kind = [], *_made(rng, questions), "made words"
    rng.shuffle(asked)
    texts = list(dict.fromkeys(answering + other))[:count]
    parts = [halves_of(text) for text in texts]
    halves = [(number, number) for number in range(len(texts))]
    while len(texts) < count:
        one, two = rng.randrange(len(parts)), rng.randrange(len(parts))
        texts.append(" ".join((parts[one][0], parts[two][1])))
        halves.append((one, two))
    return Passages(texts, asked[:questions], kind, np.array(halves))


def halves_of(text: str) -> tuple[str, str]:
    words = text.split()
    return " ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :])


def _evaluation_sets(folder: Path) -> tuple[list[str], list[str], list[str]]:
    """Return the passages that answer a question, the questions, and the other passages."""
    answering: dict[str, None] = {}
    questions, other = [], []
    for name in _SETS:
        if not (folder / name).is_dir():
            continue
        documents = {
            row["id"]: f"{row['title']}\n{row['text']}" for row in _rows(folder / name / "documents")
        }
        for row in _rows(folder / name / "questions"):
            if row.get("answerable", True):
                questions.append(row["question"])
                answering |= dict.fromkeys(documents[key] for key in row["documents"] if key in documents)
        other += [text for text in documents.values() if text not in answering]
    return list(answering), questions, other


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.with_suffix(".jsonl").read_text().splitlines()]


def _pdf_pieces(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.pdf")):
        with pypdfium2.PdfDocument(path) as document:
            words = [word for page in document for word in page.get_textpage().get_text_range().split()]
        for start in range(0, len(words), _WORDS_A_PIECE):
            if len(piece := words[start : start + _WORDS_A_PIECE]) >= _SHORTEST:
                yield " ".join(piece)


def _made(rng: random.Random, questions: int) -> tuple[list[str], list[str]]:
    """Return questions and passages of made words, as unevenly common as those of a language (Zipf's law)."""
    words = [f"w{number}" for number in range(_VOCABULARY)]
    weights = [1 / (_STOP_WORDS + rank + 1) for rank in range(_VOCABULARY)]
    texts = [" ".join(rng.choices(words, weights, k=_WORDS_A_PIECE)) for _ in range(2_000)]
    return [" ".join(rng.choices(words, weights, k=8)) for _ in range(questions)], texts
