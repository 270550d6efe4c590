"""Places of passages in arrays, and the best of many passages, beside plain Python."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval._blocks import Entries
from retrieval._lexical import Lexical
from retrieval._places import Places

# Segments, each with the numbers of passages of its versions in order, and whether somebody sees them.
segments = st.lists(
    st.lists(st.tuples(st.integers(1, 4), st.booleans()), min_size=1, max_size=5), min_size=1, max_size=5
)


def laid_out(
    of_segments: list[list[tuple[int, bool]]],
) -> tuple[Places, dict[tuple[int, int], tuple[int, int]]]:
    """Return the places of what is seen, and for each passage its segment and its place in that."""
    rows: list[tuple[int, int, int, int]] = []
    where: dict[tuple[int, int], tuple[int, int]] = {}
    version = 100
    for segment, versions in enumerate(of_segments, start=7):
        first = 0
        for passages, is_seen in versions:
            version -= 1  # not in the order of the segments
            where |= {(version, ordinal): (segment, first + ordinal) for ordinal in range(passages)}
            if is_seen:
                rows.append((version, segment, first, passages))
            first += passages
    return Places(*np.array(rows, np.int64).reshape(-1, 4).T), where


@given(segments)
def test_each_seen_passage_has_a_place_of_its_own_and_no_other_has_one(
    of_segments: list[list[tuple[int, bool]]],
) -> None:
    places, where = laid_out(of_segments)
    found, is_there = places.look_up(where)
    seen = [key for key, has_one in zip(where, is_there, strict=True) if has_one]
    assert set(places.versions.tolist()) == {version for version, _ in seen}
    assert places.keys(found[is_there]) == seen
    assert sorted(found[is_there].tolist()) == np.flatnonzero(places.is_one).tolist()
    assert not places.look_up([(10**6, 0), *((version, 9) for version, _ in seen)])[1].any()


@given(segments)
def test_entries_of_what_is_not_seen_are_at_no_passage(of_segments: list[list[tuple[int, bool]]]) -> None:
    places, where = laid_out(of_segments)
    known = set(places.segments.tolist())
    listed = sorted((segment, at) for segment, at in where.values() if segment in known)
    blocks = {segment: [at for one, at in listed if one == segment] for segment in known}
    got = places.of_entries(
        np.array(list(blocks), np.int64),
        np.array([len(block) for block in blocks.values()], np.int64),
        np.array([at for block in blocks.values() for at in block], np.int64),
    )
    expected, is_there = places.look_up(where)
    at_once = {where[key]: place for key, place in zip(where, expected.tolist(), strict=True)}
    is_seen = {where[key]: bool(there) for key, there in zip(where, is_there, strict=True)}
    names = [(segment, at) for segment, block in blocks.items() for at in block]
    for name, place in zip(names, got.tolist(), strict=True):
        assert bool(places.is_one[place]) == is_seen[name]
        assert not is_seen[name] or place == at_once[name]


def test_nothing_has_no_place() -> None:
    places = Places(*np.zeros((4, 0), np.int64))
    assert places.length == 0
    assert places.keys(np.zeros(0, np.int64)) == []
    assert not places.look_up([(1, 2)])[1].any()


@pytest.mark.parametrize("values", [2, 50, 100_000])
@pytest.mark.parametrize(("passages", "having"), [(300, 40), (30_000, 60), (30_000, 30_000)])
def test_the_best_are_those_that_sorting_gives(passages: int, having: int, values: int) -> None:
    rng = np.random.default_rng(values)
    versions = np.arange(passages // 10)[::-1] + 5
    tens = np.full(len(versions), 10)
    places = Places(versions, np.arange(len(versions)) + 1, np.zeros_like(versions), tens)
    scores = np.zeros(places.length)
    at = rng.permutation(np.flatnonzero(places.is_one))[:having]
    scores[at] = rng.integers(1, values + 1, len(at)) / 7
    nothing = np.zeros(0, np.int64)
    entries = Entries(nothing, nothing, nothing.astype(np.uint16), nothing.astype(np.uint16))
    listed = cast("Any", SimpleNamespace(places=places))
    lexical = Lexical(listed, entries, scores, [], upper_bound=1.0)
    best = lexical.best(100, among=None)
    every = sorted(zip((-scores[at]).tolist(), places.keys(at), strict=True))[:100]
    assert list(best.items()) == [(key, -score) for score, key in every]
