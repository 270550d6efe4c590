"""Neighbouring passages as one, for reading: still exactly a span of the stored text."""

from collections.abc import Sequence
from itertools import pairwise

from retrieval._passages import Row
from retrieval.statements import array, fetch

# A passage may begin with the last sentence of the one before it; white space between two is in neither.
_BETWEEN = """
SELECT wanted.version_id, wanted.start, substr(stored.text, wanted.start + 1, wanted.stop - wanted.start)
FROM unnest(%(versions)s::bigint[], %(starts)s::int[], %(stops)s::int[]) AS wanted (version_id, start, stop)
JOIN retrieval_documenttext AS stored ON stored.version_id = wanted.version_id
"""


def join_neighbours(groups: Sequence[Sequence[Row]]) -> list[Row]:
    """Return one passage for each group of neighbours, which are in their order; a lone one as it is.

    A joined passage has the number and the headings of its first one.
    """
    between = _read_between(groups)
    return [_joined(group, between) if len(group) > 1 else group[0] for group in groups]


def _read_between(groups: Sequence[Sequence[Row]]) -> dict[tuple[int, int], str]:
    """Return what stands between neighbours, by version and where it begins, in one statement at most."""
    gaps = [
        (one["version_id"], one["end"], other["start"])
        for group in groups
        for one, other in pairwise(group)
        if other["start"] > one["end"]
    ]
    if not gaps:
        return {}
    columns = zip(("versions", "starts", "stops"), map(array, zip(*gaps, strict=True)), strict=True)
    return {(version_id, start): text for version_id, start, text in fetch(_BETWEEN, dict(columns))[1]}


def _joined(group: Sequence[Row], between: dict[tuple[int, int], str]) -> Row:
    first, last = group[0], group[-1]
    text, end = first["text"], first["end"]
    for one in group[1:]:
        text += between.get((one["version_id"], end), "") + one["text"][max(0, end - one["start"]) :]
        end = max(end, one["end"])
    return dict(first) | {"text": text, "end": end, "last_page": last["last_page"] or last["page"]}
