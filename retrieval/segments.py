"""Segments of posting lists: what was written together, and which versions have passages in it.

Each version is written into a segment of its own. `merge_segments` joins the segments of a collection, so
that a search reads few long lists instead of many short ones. Call the others inside a transaction.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

import numpy as np
from django.db import DatabaseError, connection, transaction
from django.db.models import Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from numpy.typing import NDArray

from retrieval._blocks import Entries, columns, elements, numbered
from retrieval._places import Places
from retrieval.models import Collection, DocumentVersion, PostingBlock, Segment
from retrieval.postings import BLOCK, ENTRY

log = logging.getLogger(__name__)

_FULL = 16_384  # passages: a segment of so many is not merged any more, which takes seconds
_WASTED = 0.2  # of its places: a segment that more versions have left is written anew
_KEPT = timedelta(days=1)  # how long it may hold anything of them
_TERMS_AT_ONCE = 4_000
_COPY = "COPY retrieval_postingblock (collection_id, segment_id, term, first, entries) FROM STDIN"
_POINT = """
UPDATE retrieval_documentversion AS version SET segment_id = %s, first_place = moved.first_place
FROM unnest(%s::bigint[], %s::int[]) AS moved (id, first_place) WHERE version.id = moved.id
"""
_LISTS = f"""
SELECT posting.term, {columns("0")} FROM retrieval_postingblock AS posting
WHERE posting.collection_id = %s AND posting.segment_id = ANY(%s) GROUP BY posting.term ORDER BY posting.term
"""  # noqa: S608 - constants

Block = tuple[str, int, bytes]  # term, place of its first passage, entries


def open_segment(*, collection: Collection, versions: Mapping[int, int], places: int) -> Segment:
    """Return a new segment with the passages of some versions: by their keys, each one's first place."""
    segment = Segment.objects.create(collection=collection, places=places)
    with connection.cursor() as cursor:
        cursor.execute(_POINT, [segment.pk, list(versions), list(versions.values())])
    return segment


def write_blocks(segment: Segment, blocks: Iterable[Block]) -> None:
    with connection.cursor() as cursor, cursor.cursor.copy(_COPY) as copy:
        for term, first, entries in blocks:
            copy.write_row((segment.collection_id, segment.pk, term, first, entries))


def leave_segment(version: DocumentVersion) -> None:
    """Let a version have no postings any more; the last one takes its segment away."""
    # A merge holds its versions while it writes; after it they have another segment.
    held = DocumentVersion.objects.select_for_update(no_key=True).get(pk=version.pk)
    DocumentVersion.objects.filter(pk=version.pk).update(segment=None)
    left = held.segment_id
    if left is not None and not DocumentVersion.objects.filter(segment=left).exists():
        _drop([left])


def _drop(segments: Sequence[int]) -> None:
    for row in Segment.objects.filter(pk__in=segments):
        PostingBlock.objects.filter(collection_id=row.collection_id, segment_id=row.pk).delete()
    Segment.objects.filter(pk__in=segments).delete()


@dataclass(frozen=True, slots=True)
class Written:
    """A segment as it stands: its places, those of passages that versions still have, and since when."""

    key: int
    places: int
    used: int
    since: datetime


def merge_segments(*, seconds: float) -> int:
    """Merge the segments of all collections that are ripe, and drop empty ones; return how many were taken.

    Stops after the group in work once the time is over: the next call goes on. Each group is a transaction of
    its own, and searches see the old segments until its end. One that a version is leaving is left for later,
    and one that fails holds up no other.
    """
    deadline = time.monotonic() + seconds
    groups = [
        (collection_id, group)
        for collection_id, written in _by_collection().items()
        for group in ripe(written, now=timezone.now())
    ]
    taken = 0
    for collection_id, group in groups:
        if time.monotonic() > deadline:
            break
        try:
            taken += _merge(collection_id, group)
        except DatabaseError:
            log.exception("could not merge segments %s of collection %s", group, collection_id)
    if taken:
        log.info("merged %s segments of posting lists", taken)
    return taken


def ripe(written: Sequence[Written], *, now: datetime) -> Iterator[list[int]]:
    """Yield groups of segments to be made one each.

    A segment is merged with all smaller ones as soon as they are as much as it is. So a passage that is
    written again is in a segment of twice the size, and few segments are left: each is more than all smaller
    ones. One that has much waste, or has kept any for a day, is written anew alone.
    """
    growing = sorted((one for one in written if 0 < one.used < _FULL), key=lambda one: (one.used, one.key))
    smaller = [0, *accumulate(one.used for one in growing)]
    taken = max((at + 1 for at, one in enumerate(growing) if one.used <= smaller[at]), default=0)
    group: list[Written] = []
    grouped: set[int] = set()
    for one in growing[:taken]:
        group.append(one)
        if sum(member.used for member in group) >= _FULL or one is growing[taken - 1]:
            if len(group) > 1:
                grouped |= {member.key for member in group}
                yield [member.key for member in group]
            group = []
    for one in written:
        if one.key not in grouped and _is_wasted(one, now):
            yield [one.key]


def _is_wasted(one: Written, now: datetime) -> bool:
    wasted = one.places - one.used
    return wasted > _WASTED * one.places or (wasted > 0 and one.since < now - _KEPT)


def _by_collection() -> dict[int, list[Written]]:
    rows = Segment.objects.annotate(used=Coalesce(Sum("versions__chunk_count"), 0))
    found: dict[int, list[Written]] = {}
    for row in rows.order_by("collection_id", "pk"):
        written = Written(row.pk, row.places, row.used, row.written_at)
        found.setdefault(row.collection_id, []).append(written)
    return found


@transaction.atomic
def _merge(collection_id: int, group: Sequence[int]) -> int:
    """Write the postings of some segments into one, and return how many there were; 0 where one is in use."""
    members = DocumentVersion.objects.filter(segment__in=group)
    rows = list(
        members.select_for_update(no_key=True, skip_locked=True).values_list(
            "pk", "segment_id", "first_place", "chunk_count"
        )
    )
    if len(rows) < members.count():
        return 0
    if rows:
        _write_merged(collection_id, group, rows)
    _drop(group)
    return len(group)


def _write_merged(
    collection_id: int, group: Sequence[int], rows: Sequence[tuple[int, int, int, int]]
) -> None:
    places = Places(*np.array(rows, np.int64).T)
    new = np.cumsum(places.is_one) - 1  # by place; the passages keep their order
    firsts = dict.fromkeys((row[0] for row in rows), 0)
    firsts |= dict(zip(places.versions.tolist(), new[places.begins].tolist(), strict=True))
    collection = Collection.objects.get(pk=collection_id)
    segment = open_segment(collection=collection, versions=firsts, places=int(places.is_one.sum()))
    connection.ensure_connection()
    with connection.connection.cursor("segments", binary=True) as lists:
        lists.execute(_LISTS, [collection_id, list(group)])
        while batch := lists.fetchmany(_TERMS_AT_ONCE):
            write_blocks(segment, _merged(batch, places, new))


def _merged(
    lists: Sequence[tuple[str, bytes, bytes]], places: Places, new: NDArray[np.int64]
) -> Iterator[Block]:
    """Yield the blocks of some terms, each with the heads and entries of its old ones, by new places."""
    heads = [numbered(elements(of_term), number) for number, (_, of_term, _) in enumerate(lists)]
    entries = Entries.read(np.concatenate(heads), b"".join(packed for *_, packed in lists), places)
    moved = np.zeros(len(entries.places), ENTRY)
    moved["place"] = new[entries.places]
    moved["frequency"], moved["length"] = entries.frequencies, entries.lengths
    order = np.lexsort((moved["place"], entries.numbers))
    moved = moved[order]
    ends = np.searchsorted(entries.numbers[order], np.arange(len(lists)), side="right").tolist()
    for (term, *_), begin, end in zip(lists, [0, *ends], ends, strict=False):
        for first in range(begin, end, BLOCK):
            block = moved[first : min(first + BLOCK, end)]
            yield term, int(block["place"][0]), block.tobytes()
