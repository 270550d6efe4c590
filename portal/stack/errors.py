"""What stops the stack from starting."""


class StackError(Exception):
    """The stack cannot run here; the message says what happened, to what, and what to do next."""
