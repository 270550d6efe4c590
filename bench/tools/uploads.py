"""Uploads over HTTP that do not give up: what a program sees that adds documents while parts are killed."""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import httpx

_PATIENCE = 180.0
_PAUSE = 0.3
_CONFIRMED = {200, 201}
_WORDS = (
    "crate", "shelf", "keeper", "ledger", "harbour", "valley", "signal", "copper", "winter", "market",
    "engine", "letter", "garden", "bridge",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class File:
    name: str
    content: bytes


def made_files(count: int, *, seed: int) -> Iterator[File]:
    """Yield small documents of some formats and sizes, each different."""
    rng = random.Random(seed)  # noqa: S311 - the same files for the same seed
    for number in range(count):
        paragraphs = [_paragraph(rng, number) for _ in range(rng.randint(1, 12))]
        if number % 3 == 0:
            yield File(f"note-{number:04}.txt", "\n\n".join(paragraphs).encode())
        elif number % 3 == 1:
            parts = [f"## Part {at}\n\n{paragraph}" for at, paragraph in enumerate(paragraphs)]
            yield File(f"note-{number:04}.md", "\n\n".join([f"# Note {number}", *parts]).encode())
        else:
            body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
            page = f"<!doctype html><html><head><title>Note {number}</title></head><body>{body}</body></html>"
            yield File(f"note-{number:04}.html", page.encode())


def _paragraph(rng: random.Random, number: int) -> str:
    sentences = (" ".join(rng.choices(_WORDS, k=rng.randint(6, 14))) for _ in range(rng.randint(2, 6)))
    return " ".join(f"{sentence.capitalize()} of note {number}." for sentence in sentences)


class Uploader:
    """Adds files to a collection, each until it is confirmed; `refused` are those that never were."""

    def __init__(self, base_url: str, token: str, collection: str) -> None:
        self._url = f"{base_url}/api/v1/collections/{collection}/documents"
        self._headers = {"Authorization": f"Bearer {token}"}
        self.confirmed = 0
        self.refused: list[str] = []
        self.tries = 0

    def begin(self, files: Sequence[File]) -> threading.Thread:
        """Add files in a thread, one after the other, and return the thread."""
        thread = threading.Thread(target=self._add_all, args=(files,))
        thread.start()
        return thread

    def _add_all(self, files: Sequence[File]) -> None:
        for file in files:
            self._add(file)

    def _add(self, file: File) -> None:
        deadline, told = time.monotonic() + _PATIENCE, ""
        while time.monotonic() < deadline:
            self.tries += 1
            try:
                answer = httpx.post(
                    self._url, headers=self._headers, files={"file": (file.name, file.content)}, timeout=20
                )
            except httpx.HTTPError as error:
                told = repr(error)
            else:
                if answer.status_code in _CONFIRMED:
                    self.confirmed += 1
                    return
                told = f"{answer.status_code} {answer.text[:200]}"
            time.sleep(_PAUSE)
        self.refused.append(f"{file.name}: {told}")
