"""What is suggested to who types a question: what they asked before, and what retrieval finds for them."""

from collections.abc import Iterator, Sequence

from portal.accounts.models import User
from portal.answers.services import recent_questions
from retrieval import suggestions
from retrieval.suggestions import LONGEST, SHORTEST, Suggestion
from retrieval.vocabulary import phrase_key

_LOOKED_THROUGH = 300
_MOST_OWN = 3


def suggest(*, user: User, typed: str, collections: Sequence[str] = ()) -> list[Suggestion]:
    """Return the person's own questions that have what was typed, then words, titles, headings and tags."""
    own = list(_own_questions(user, typed))
    asked = {one.text for one in own}
    found = suggestions.suggest(user=user, typed=typed, collections=collections)
    return [*own, *(one for one in found if one.text not in asked)]


def _own_questions(user: User, typed: str) -> Iterator[Suggestion]:
    """Yield the newest questions in which a word begins with what was typed, each once."""
    beginning = phrase_key(typed)
    if len(beginning) < SHORTEST:
        return
    seen: set[str] = {beginning}
    for text in recent_questions(user=user, limit=_LOOKED_THROUGH).values_list("text", flat=True):
        key = phrase_key(text)
        if f" {beginning}" in f" {key}" and key not in seen and len(text) <= LONGEST:
            seen.add(key)
            yield Suggestion("question", text, text)
            if len(seen) > _MOST_OWN:
                return
