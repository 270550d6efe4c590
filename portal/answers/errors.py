"""What can go wrong with questions and answers."""

from retrieval.errors import InvalidInputError


class QuestionChangedError(InvalidInputError):
    """The question was edited or deleted while it was answered: the answer is not kept."""
