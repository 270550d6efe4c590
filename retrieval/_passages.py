"""Passages with all that is shown of them, read when needed, and only where they may still be seen."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retrieval._candidates import Key
from retrieval._visible import Visible
from retrieval.statements import array, fetch

Row = Mapping[str, Any]

# Each column has the name of a field of `Hit`, but for `rank`, `context` and `number`. What takes long to
# take apart stays text: few of these passages are shown. Someone may have lost sight of a document while the
# search ran, so the access rule is asked again in the same statement. MATERIALIZED keeps the planner from
# weighing the order of all its joins together with these, which took longer than reading.
_READ = """
WITH visible AS MATERIALIZED (
    SELECT id, collection_id FROM ({visible}) AS every WHERE id = ANY(%(wanted_versions)s::bigint[])
){numbered}
SELECT wanted.rank, document.id AS document_id, version.id AS version_id, version.number AS version_number,
       chunk.ordinal, collection.slug AS collection_slug, collection.title AS collection_title,
       document.title, document.name, coalesce(parent.title, '') AS parent_title, collection.language,
       chunk.heading_path::text, chunk.page, chunk.last_page, chunk.context, chunk.text, chunk.start,
       chunk."end",
       to_json(document.updated_at)::text AS updated_at, document.author, document.tags,
       CASE WHEN document.verified_version = version.number THEN to_json(document.verified_at)::text END
           AS verified_at,
       {number} AS number
FROM unnest(%(wanted_versions)s::bigint[], %(wanted_ordinals)s::int[])
    WITH ORDINALITY AS wanted (version_id, ordinal, rank)
JOIN visible ON visible.id = wanted.version_id
JOIN retrieval_chunk AS chunk
  ON chunk.collection_id = visible.collection_id AND chunk.version_id = visible.id
 AND chunk.ordinal = wanted.ordinal
JOIN retrieval_documentversion AS version ON version.id = visible.id
JOIN retrieval_document AS document ON document.id = version.document_id
JOIN retrieval_collection AS collection ON collection.id = document.collection_id
LEFT JOIN retrieval_document AS parent ON parent.id = document.parent_id
{join}
ORDER BY wanted.rank
"""
_BARE = {"numbered": "", "number": "NULL", "join": ""}
_NUMBERED = {
    "number": "numbered.number",
    "join": "LEFT JOIN numbered ON numbered.rank = wanted.rank",
}


@dataclass(frozen=True, slots=True)
class ReadPassage:
    """A passage as it was read; `row` has the columns."""

    row: Row

    @property
    def text(self) -> str:
        return str(self.row["text"])

    @property
    def indexed(self) -> str:
        """The passage with its title and headings, as models read it."""
        context = self.row["context"]
        return f"{context}\n{self.text}" if context else self.text


class Passages:
    """Reads each passage once, and only what the person may see still, now that the search has run."""

    def __init__(self, visible: Visible) -> None:
        self._visible = visible
        self._read: dict[Key, ReadPassage | None] = {}

    def of(self, keys: Iterable[Key]) -> dict[Key, ReadPassage]:
        """Return the passages that may be seen, in one statement at most."""
        wanted = list(keys)
        if missing := [key for key in wanted if key not in self._read]:
            self._fetch(missing, self._visible.params, **_BARE)
        return {key: found for key in wanted if (found := self._read[key]) is not None}

    def numbered(self, keys: Sequence[Key], sql: str, params: Mapping[str, Any]) -> dict[Key, float]:
        """Read passages in one statement, and return a number for each that has one and may be seen.

        `sql` gives the numbers, with the columns rank, from 1 on, and number; it may use `visible`, and as
        parameters wanted_versions and wanted_ordinals.
        """
        numbers = self._fetch(
            keys,
            {**self._visible.params, **params},
            numbered=f", numbered AS MATERIALIZED ({sql})",
            **_NUMBERED,
        )
        return {key: float(number) for key, number in numbers.items() if number is not None}

    def _fetch(self, keys: Sequence[Key], params: Mapping[str, Any], **parts: str) -> dict[Key, Any]:
        self._read.update(dict.fromkeys(keys))
        wanted = {
            "wanted_versions": array(version_id for _, version_id, _ in keys),
            "wanted_ordinals": array(ordinal for _, _, ordinal in keys),
        }
        names, rows = fetch(_READ.format(visible=self._visible.sql, **parts), {**params, **wanted})
        numbers = {}
        for row in rows:
            read = dict(zip(names, row, strict=True))
            key = keys[int(read.pop("rank")) - 1]
            numbers[key] = read.pop("number")
            self._read[key] = ReadPassage(read)
        return numbers
