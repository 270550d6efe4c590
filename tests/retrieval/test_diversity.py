"""How a list is laid out: copies as one, few of each document, neighbours joined, never short."""

from collections.abc import Iterable

import pytest

from retrieval._candidates import Candidate, Key
from retrieval._passages import ReadPassage
from retrieval.diversity import WINDOW, Arrangement, Place, arrange
from retrieval.fusion import Ranked

APART = [10 * number for number in range(300)]  # ordinals that are no neighbours


class Shelf:
    """Texts of passages; those in `hidden` are no longer seen. `read` is what was asked for."""

    def __init__(self, texts: dict[Key, str] | None = None, hidden: frozenset[Key] = frozenset()) -> None:
        self.texts, self.hidden = texts or {}, hidden
        self.read: set[Key] = set()

    def of(self, keys: Iterable[Key], /) -> dict[Key, ReadPassage]:
        wanted = list(keys)
        self.read |= set(wanted)
        return {
            key: ReadPassage({"text": self.texts.get(key, f"passage {key}"), "context": ""})
            for key in wanted
            if key not in self.hidden
        }


def ranked(*passages: tuple[int, int]) -> list[Ranked]:
    """Return candidates (version, ordinal), the first the best."""
    return [
        (Candidate((1, *passage), 1.0, 0.5), 1.0 - place / 1000) for place, passage in enumerate(passages)
    ]


def shown(places: list[Place]) -> list[tuple[int, list[int]]]:
    return [(place.version_id, place.ordinals) for place in places]


def test_few_of_each_document_come_first_and_the_last_tells_of_the_rest() -> None:
    passages = [*((7, ordinal) for ordinal in APART[:6]), (8, 0), (9, 0), (9, 20)]
    places = arrange(ranked(*passages), limit=5, arrangement=Arrangement(3), passages=Shelf())
    assert shown(places) == [(7, [0]), (7, [10]), (7, [20]), (8, [0]), (9, [0])]
    assert [place.more for place in places] == [0, 0, 3, 0, 0]


@pytest.mark.parametrize(("limit", "more"), [(4, 0), (10, WINDOW - 10), (50, 0), (200, 0)])
def test_a_list_is_never_short(limit: int, more: int) -> None:
    passages = [(version, ordinal) for ordinal in APART[:40] for version in (7, 8)]
    places = arrange(ranked(*passages), limit=limit, arrangement=Arrangement(3), passages=Shelf())
    assert len(places) == min(limit, len(passages))
    assert len({tuple(place.keys) for place in places}) == len(places)
    first = [place.version_id for place in places[:6]]
    assert max(first.count(7), first.count(8)) <= 3
    assert sum(place.more for place in places) == more


def test_other_documents_are_looked_for_beyond_the_window() -> None:
    passages = [*((7, ordinal) for ordinal in APART[:80]), *((8, ordinal) for ordinal in APART[:5])]
    shelf = Shelf()
    places = arrange(ranked(*passages), limit=8, arrangement=Arrangement(3), passages=shelf)
    assert [place.version_id for place in places] == [7, 7, 7, 8, 8, 8, 7, 7]
    assert len(shelf.read) < 60


def test_any_number_of_a_document() -> None:
    passages = [(7, ordinal) for ordinal in APART[:6]]
    places = arrange(ranked(*passages), limit=5, arrangement=Arrangement(0), passages=Shelf())
    assert [place.ordinals for place in places] == [[0], [10], [20], [30], [40]]
    assert places[-1].more == 0


def test_copies_are_one_with_a_count() -> None:
    copies = {(1, version, 0): "the same words in every one of these" for version in range(4, 30)}
    passages = [(1, 0), *((version, 0) for version in range(4, 30)), (2, 0)]
    places = arrange(ranked(*passages), limit=3, arrangement=Arrangement(3), passages=Shelf(copies))
    assert shown(places) == [(1, [0]), (4, [0]), (2, [0])]
    assert [place.similar for place in places] == [0, 25, 0]


def test_a_copy_of_what_was_left_out_is_shown() -> None:
    copies = {(1, 7, 30): "one text in two documents", (1, 8, 0): "one text in two documents"}
    passages = [(7, 0), (7, 10), (7, 20), (7, 30), (8, 0)]
    places = arrange(ranked(*passages), limit=4, arrangement=Arrangement(3), passages=Shelf(copies))
    assert shown(places)[-1] == (8, [0])
    assert (places[2].more, places[3].similar) == (1, 0)


def test_what_is_hidden_is_neither_shown_nor_counted() -> None:
    copies = {(1, version, 0): "the same words" for version in range(1, 6)}
    shelf = Shelf(copies, hidden=frozenset({(1, 1, 0), (1, 3, 0), (1, 9, 40)}))
    passages = [*((version, 0) for version in range(1, 6)), *((9, ordinal) for ordinal in APART[:5])]
    others = [(6, 0), (6, 10)]
    places = arrange(ranked(*passages, *others), limit=5, arrangement=Arrangement(2), passages=shelf)
    assert shown(places) == [(2, [0]), (9, [0]), (9, [10]), (6, [0]), (6, [10])]
    assert (places[0].similar, places[2].more) == (2, 2)


def test_neighbours_join_the_better_one() -> None:
    passages = [(7, 5), (8, 0), (7, 6), (7, 9), (7, 4), (7, 3)]
    joined = arrange(ranked(*passages), limit=9, arrangement=Arrangement(3, joins=True), passages=Shelf())
    assert shown(joined) == [(7, [4, 5, 6]), (8, [0]), (7, [9]), (7, [3])]
    assert joined[0].candidate.key == (1, 7, 5)
    apart = arrange(ranked(*passages), limit=9, arrangement=Arrangement(0), passages=Shelf())
    assert len(apart) == len(passages)


def test_a_neighbour_that_hardly_fits_stays_by_itself() -> None:
    best, weak = ranked((7, 5))[0], (Candidate((1, 7, 6), 0.0, 0.1), 0.3)
    places = arrange([best, weak], limit=9, arrangement=Arrangement(3, joins=True), passages=Shelf())
    assert shown(places) == [(7, [5]), (7, [6])]


def test_what_stands_between_two_joins_both_and_makes_room() -> None:
    passages = [(7, 4), (7, 6), (7, 5), (8, 0)]
    places = arrange(ranked(*passages), limit=3, arrangement=Arrangement(2, joins=True), passages=Shelf())
    assert shown(places) == [(7, [4, 5, 6]), (8, [0])]
    full = arrange(ranked(*passages), limit=2, arrangement=Arrangement(2, joins=True), passages=Shelf())
    assert shown(full) == [(7, [4]), (7, [6])], "what no place is left for joins nothing"
