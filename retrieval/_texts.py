"""The texts of candidates, read when they are needed, and only where the person may see them still."""

from collections.abc import Iterable
from dataclasses import dataclass

from retrieval._candidates import Key
from retrieval._statements import fetch
from retrieval._visible import Visible

_TEXTS = """
WITH visible AS ({visible})
SELECT chunk.collection_id, chunk.version_id, chunk.ordinal, chunk.text, chunk.context
FROM unnest(%(collections)s::bigint[], %(versions)s::bigint[], %(ordinals)s::int[])
    AS wanted (collection_id, version_id, ordinal)
JOIN retrieval_chunk AS chunk USING (collection_id, version_id, ordinal)
WHERE chunk.version_id IN (SELECT id FROM visible WHERE id = ANY(%(versions)s))
"""


@dataclass(frozen=True, slots=True)
class ReadText:
    text: str
    context: str

    @property
    def indexed(self) -> str:
        """The passage with its title and headings, as models read it."""
        return f"{self.context}\n{self.text}" if self.context else self.text


class Texts:
    """Reads each passage once, and only what the person may see still, now that the search has run."""

    def __init__(self, visible: Visible) -> None:
        self._visible = visible
        self._read: dict[Key, ReadText | None] = {}

    def of(self, keys: Iterable[Key]) -> dict[Key, ReadText]:
        """Return the passages that may be seen, in one statement at most."""
        wanted = list(keys)
        if missing := [key for key in wanted if key not in self._read]:
            self._fetch(missing)
        return {key: found for key in wanted if (found := self._read[key]) is not None}

    def _fetch(self, keys: list[Key]) -> None:
        self._read.update(dict.fromkeys(keys))
        collections, versions, ordinals = (list(column) for column in zip(*keys, strict=True))
        params = {"collections": collections, "versions": versions, "ordinals": ordinals}
        _, rows = fetch(_TEXTS.format(visible=self._visible.sql), self._visible.params | params)
        for collection_id, version_id, ordinal, text, context in rows:
            self._read[collection_id, version_id, ordinal] = ReadText(text, context)
