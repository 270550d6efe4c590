"""What can go wrong with the use of language models."""


class QuotaReachedError(Exception):
    """A quota that refuses questions is used up; `retry_after` says for how many seconds."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
