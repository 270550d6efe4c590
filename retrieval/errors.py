"""What can go wrong with the corpus, each with what its caller needs to answer."""


class NotVisibleError(Exception):
    """The thing does not exist or this person may not see it; nobody can tell which."""


class NotAllowedError(Exception):
    """The person sees the thing but may not do this to it; the message says who may."""


class InvalidInputError(Exception):
    """The input cannot be used; the message says what happened, to what, and what to do."""
