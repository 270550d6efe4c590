"""What of a hidden collection could show in a response: names, titles, ids, counts, or any of its words."""

import html
import re
from dataclasses import dataclass, field

from retrieval.models import Chunk, Collection, Document, DocumentText

_WORDS_IN_A_ROW = 7
_TAG = re.compile(r"<[^>]+>")
_WORD = re.compile(r"\w+")
_SHORTEST_NAME = 8


@dataclass(slots=True)
class Secrets:
    """Strings and runs of words that nobody outside may read."""

    strings: set[str] = field(default_factory=set)
    runs: set[tuple[str, ...]] = field(default_factory=set)

    def found_in(self, body: str) -> list[str]:
        """Return what of them a raw response body gives away."""
        lowered = html.unescape(body).lower()
        told = [text for text in self.strings if text in lowered]
        return told + [" ".join(run) for run in _runs(_TAG.sub(" ", lowered)) & self.runs]


def secrets_of(hidden: Collection, *, but_not: Collection) -> Secrets:
    """Return what only `hidden` says: what a reader of `but_not` may know from there is no secret."""
    known = _strings(but_not)
    return Secrets(
        strings={text for text in _strings(hidden) - known if len(text) >= _SHORTEST_NAME},
        runs=_all_runs(hidden) - _all_runs(but_not),
    )


def _strings(collection: Collection) -> set[str]:
    strings = {collection.slug, collection.title, collection.owner_team.name, collection.owner_team.slug}
    for document in Document.objects.filter(collection=collection):
        strings |= {str(document.pk), document.name, document.name.rpartition(".")[0], document.title}
    return {text.lower() for text in strings}


def _all_runs(collection: Collection) -> set[tuple[str, ...]]:
    texts = DocumentText.objects.filter(version__document__collection=collection)
    runs: set[tuple[str, ...]] = set()
    for text in texts.values_list("text", flat=True):
        runs |= _runs(text.lower())
    for context in Chunk.objects.filter(collection=collection).values_list("context", flat=True).distinct():
        runs |= _runs(context.lower())
    return runs


def _runs(text: str) -> set[tuple[str, ...]]:
    words = _WORD.findall(text)
    return set(zip(*(words[shift:] for shift in range(_WORDS_IN_A_ROW)), strict=False))
