"""Why a file could not become text, and whether trying again could help."""

from enum import StrEnum


class Reason(StrEnum):
    """The kinds of failure, as they are stored with a job and shown to people."""

    UNSUPPORTED_TYPE = "unsupported_type"
    EMPTY_FILE = "empty_file"
    ENCRYPTED = "encrypted"
    DAMAGED = "damaged"
    TOO_LARGE = "too_large"
    NO_TEXT = "no_text"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"
    TOO_MUCH_OUTPUT = "too_much_output"
    CANCELLED = "cancelled"


# Trying the same bytes again cannot change these; the others may be the machine's fault.
_PERMANENT = frozenset(
    {
        Reason.UNSUPPORTED_TYPE,
        Reason.EMPTY_FILE,
        Reason.ENCRYPTED,
        Reason.DAMAGED,
        Reason.TOO_LARGE,
        Reason.NO_TEXT,
    }
)


class ParseError(Exception):
    """A file could not be read; carries a reason, a message for a person, and if a retry is pointless."""

    def __init__(self, reason: Reason, message: str, *, permanent: bool | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.permanent = reason in _PERMANENT if permanent is None else permanent
