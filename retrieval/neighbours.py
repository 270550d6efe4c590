"""The passages before and after those that were found, read through the access rule like them."""

from collections.abc import Sequence

from retrieval._candidates import Candidate
from retrieval._passages import Passages
from retrieval._visible import Visible
from retrieval.diversity import Place
from retrieval.hits import Hit, load_hits
from retrieval.people import Person

_OF_THE_BEST = 3


def neighbours_of(*, user: Person, hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Return what stands right before and after the best three hits, without what was found anyway.

    Their scores are 0: nobody asked for them, but an answer may begin there or go on.
    """
    found = {(hit.version_id, hit.ordinal) for hit in hits}
    beside = dict.fromkeys(
        (hit.version_id, hit.ordinal + step) for hit in hits[:_OF_THE_BEST] for step in (-1, 1)
    )
    wanted = [
        Place(Candidate((0, version_id, ordinal), 0.0, 0.0), 0.0, [ordinal])
        for version_id, ordinal in beside
        if ordinal >= 0 and (version_id, ordinal) not in found
    ]
    return load_hits(Passages(Visible(user)), wanted, frozenset()) if wanted and user.is_authenticated else ()
