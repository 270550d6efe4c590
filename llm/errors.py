"""What can go wrong between us and a model; every error says whether trying again can help."""

from typing import Literal

LLMErrorKind = Literal[
    "refused",
    "timeout",
    "rejected",
    "overloaded",
    "server",
    "cut",
    "malformed",
    "empty",
    "unavailable",
    "withheld",
    "overflow",
]


class ModelError(Exception):
    """A model could not do what was asked; `permanent` says that a retry cannot help."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


class EmbeddingError(ModelError):
    """A text could not be embedded."""


class RerankError(ModelError):
    """Passages could not be put in order; `late` says that the time was over."""

    def __init__(self, message: str, *, permanent: bool = False, late: bool = False) -> None:
        super().__init__(message, permanent=permanent)
        self.late = late


class SupportError(ModelError):
    """A sentence could not be compared with its sources; `late` says that the time was over."""

    def __init__(self, message: str, *, permanent: bool = False, late: bool = False) -> None:
        super().__init__(message, permanent=permanent)
        self.late = late


class LLMError(ModelError):
    """A language model did not answer; `kind` names the fault for the log and the breaker.

    `retry_after` is for how many seconds its server asks to be left alone, 0 where it does not.
    """

    def __init__(
        self, message: str, *, kind: LLMErrorKind, permanent: bool = False, retry_after: float = 0.0
    ) -> None:
        super().__init__(message, permanent=permanent)
        self.kind: LLMErrorKind = kind
        self.retry_after = retry_after
