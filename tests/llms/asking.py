"""A question asked as the page asks it, among collections of one sensitivity."""

from portal.accounts.models import User
from portal.answers.services import answer_now, ask
from portal.answers.shown import ShownAnswer
from retrieval.models import Collection

QUESTION = "How long is the warranty of the kettle?"


def asked(user: User, text: str = QUESTION) -> ShownAnswer:
    return answer_now(user=user, question=ask(user=user, text=text))


def sensitivity(level: str) -> None:
    Collection.objects.update(sensitivity=level)
