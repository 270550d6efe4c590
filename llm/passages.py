"""What the layers above hand down to be answered from."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document that the asking person may read.

    `key` is opaque here: the caller's own name for the passage. `score` is the fused search score in 0..1,
    `similarity` the cosine of question and passage, or None where it is not known. `document` is the same for
    passages of one document, and opaque too; empty, the passage is a document by itself.
    `strangeness`, in 0..1, is how little the embedding model knows the passage's language.
    What `stays_here` is sent to no model outside the company's machines.
    """

    key: str
    title: str
    heading_path: tuple[str, ...]
    page: int | None
    text: str
    date: date | None
    score: float
    similarity: float | None
    document: str = ""
    stays_here: bool = False
    strangeness: float = 0.0

    @property
    def context(self) -> str:
        """The words that surround the text: title and headings, in one line."""
        return " ".join((self.title, *self.heading_path))
