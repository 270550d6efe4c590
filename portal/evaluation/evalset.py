"""Evaluation sets: real documents, questions, and what a good search and a good answer would find.

One folder a set: `evalset.json` (name, source, licence, language); `documents/` with files, whose ids are
their names, or `documents.jsonl` with id, title and text; `questions.jsonl`.
"""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any


class EvalSetError(Exception):
    """The folder is no evaluation set; the message says what is missing or wrong, and where."""


@dataclass(frozen=True, slots=True)
class EvalDocument:
    """A document of a set; `name` is the file name under which it is added."""

    key: str
    name: str
    path: Path | None
    text: str = ""

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the document's bytes."""
        with self.path.open("rb") if self.path else io.BytesIO(self.text.encode()) as content:
            yield content


@dataclass(frozen=True, slots=True)
class EvalQuestion:
    """`documents` are relevance grades by document id (1 and up), `pages` the right pages of documents."""

    key: str
    question: str
    documents: Mapping[str, float]
    answerable: bool
    answers: tuple[str, ...]
    evidence: tuple[str, ...]
    pages: Mapping[str, tuple[int, ...]]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EvalSet:
    """A whole set, read. `fingerprint` tells its questions and documents apart from any others."""

    name: str
    fingerprint: str
    language: str
    documents: tuple[EvalDocument, ...]
    questions: tuple[EvalQuestion, ...]


def read_evalset(folder: Path) -> EvalSet:
    """Read a set. Raises EvalSetError."""
    about = _object(_read(folder / "evalset.json"), f"{folder / 'evalset.json'}")
    documents = tuple(_documents(folder))
    questions = tuple(_question(row, place) for row, place in _rows(folder / "questions.jsonl"))
    _check(folder, documents, questions)
    return EvalSet(
        name=str(about.get("name", folder.name)),
        fingerprint=_fingerprint(folder, documents),
        language=str(about.get("language", "en")),
        documents=documents,
        questions=questions,
    )


def _fingerprint(folder: Path, documents: tuple[EvalDocument, ...]) -> str:
    digest = hashlib.sha256((folder / "questions.jsonl").read_bytes())
    for document in documents:
        with document.open() as content:
            digest.update(document.key.encode() + hashlib.sha256(content.read()).digest())
    return digest.hexdigest()


def _check(folder: Path, documents: tuple[EvalDocument, ...], questions: tuple[EvalQuestion, ...]) -> None:
    if not documents or not questions:
        raise EvalSetError(f"{folder} holds {len(documents)} documents and {len(questions)} questions.")
    known = {document.key for document in documents}
    for question in questions:
        if unknown := sorted(set(question.documents) - known):
            raise EvalSetError(
                f"Question {question.key} of {folder} names “{unknown[0]}”, which is not there."
            )


def _documents(folder: Path) -> Iterator[EvalDocument]:
    if (folder / "documents").is_dir():
        for path in sorted((folder / "documents").iterdir()):
            if path.is_file() and not path.name.startswith("."):
                yield EvalDocument(path.name, path.name, path)
        return
    for row, place in _rows(folder / "documents.jsonl"):
        key = str(_field(row, "id", place))
        text = f"{row.get('title', '')}\n\n{_field(row, 'text', place)}".strip()
        yield EvalDocument(key, f"{key}.txt", None, text)


def _question(row: dict[str, Any], place: str) -> EvalQuestion:
    return EvalQuestion(
        key=str(_field(row, "id", place)),
        question=str(_field(row, "question", place)),
        documents={str(name): float(grade) for name, grade in row.get("documents", {}).items()},
        answerable=bool(row.get("answerable", True)),
        answers=tuple(row.get("answers", ())),
        evidence=tuple(row.get("evidence", ())),
        pages={name: tuple(numbers) for name, numbers in row.get("pages", {}).items()},
        tags=tuple(row.get("tags", ())),
    )


def _rows(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the objects of a JSON lines file, each with its place in words."""
    for number, line in enumerate(_read(path).splitlines(), 1):
        if line.strip():
            place = f"line {number} of {path}"
            yield _object(line, place), place


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise EvalSetError(f"{path} cannot be read: {error.strerror}. Name the folder of a set.") from error


def _object(text: str, place: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise EvalSetError(f"{place} is no JSON: {error}.") from error
    if not isinstance(value, dict):
        raise EvalSetError(f"{place} is no JSON object.")
    return value


def _field(row: dict[str, Any], name: str, place: str) -> object:
    if name not in row:
        raise EvalSetError(f"{place} has no “{name}”.")
    return row[name]
