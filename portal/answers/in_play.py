"""Which collections went into a text: what may be sent of it to a model elsewhere is decided by them."""

from collections.abc import Iterable

from portal.answers.models import Question
from retrieval.models import Collection

# No collection has this id, so what it stands for counts as local only.
UNKNOWN = 0


def collections_behind(slugs: Iterable[str], ids: Iterable[int]) -> list[int]:
    """Return the ids of the collections with these slugs, and `ids`; of one that is gone, UNKNOWN."""
    wanted = set(slugs)
    known = dict(Collection.objects.filter(slug__in=wanted).values_list("slug", "pk"))
    return sorted({*ids, *(known.get(slug, UNKNOWN) for slug in wanted)})


def behind_question(question: Question) -> list[int]:
    """Return the collections that the words of an earlier question may tell of.

    They are those that its answer was made from: a question that was asked about what is local only stays
    here with it. Where it has no answer, nothing is known.
    """
    answer = getattr(question, "answer", None)
    if answer is None or answer.in_play is None:
        return [UNKNOWN]
    return sorted({*answer.in_play, *question.leans_on})
