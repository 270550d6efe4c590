"""A circuit breaker per model server: after repeated failures it is left alone, then tried with care."""

import threading
import time
from collections.abc import Callable

FAILURES_TO_OPEN = 3
COOL_DOWN_SECONDS = 20.0


class Breaker:
    """Says whether a call may be made now. Every admitted call reports back exactly once.

    Closed: calls pass. Open, after consecutive failures: none passes. When the cool-down is over, one call
    is let through as a probe, and its outcome closes or opens the breaker. (Nygard, "Release It!")
    Thread safe, and never blocks, so coroutines may use it as it is.
    """

    def __init__(
        self,
        *,
        failures: int = FAILURES_TO_OPEN,
        cool_down: float = COOL_DOWN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures_to_open = failures
        self._cool_down = cool_down
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until: float | None = None
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether calls are being held back."""
        return self._open_until is not None

    def admit(self) -> bool:
        """Whether a call may go out now; True obliges the caller to report its outcome."""
        with self._lock:
            if self._open_until is None:
                return True
            if self._probing or self._clock() < self._open_until:
                return False
            self._probing = True
            return True

    def succeeded(self) -> None:
        """The call went well: close."""
        with self._lock:
            self._failures, self._open_until, self._probing = 0, None, False

    def failed(self, leave_alone: float = 0.0) -> None:
        """The call failed: open when it was the probe, or one failure too many.

        A server that asks to be left alone for some seconds is, at once; for no longer than the cool-down.
        """
        with self._lock:
            self._failures += 1
            if leave_alone > 0 or self._probing or self._failures >= self._failures_to_open:
                wait = min(leave_alone, self._cool_down) if leave_alone > 0 else self._cool_down
                self._open_until = self._clock() + wait
            self._probing = False

    def abandoned(self) -> None:
        """The caller went away before anything was known: the next call may probe instead."""
        with self._lock:
            self._probing = False


_breakers: dict[tuple[str, str], Breaker] = {}
_breakers_lock = threading.Lock()


def breaker_for(base_url: str, model: str) -> Breaker:
    """This process's one breaker for the endpoint and model."""
    with _breakers_lock:
        return _breakers.setdefault((base_url, model), Breaker())
