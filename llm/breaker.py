"""A circuit breaker per model server: after repeated failures it is left alone, then tried with care."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

FAILURES_TO_OPEN = 3
COOL_DOWN_SECONDS = 20.0
# A probe may hang as long as any call. Together with the cool-down this is how long a server that is well
# again may stay unasked.
PROBE_SECONDS = 8.0


class Breaker:
    """Says whether a call may be made now. Every call that is let through reports its end exactly once.

    Closed: calls pass. Open, after consecutive failures: none passes. When the cool-down is over, one call
    is let through as a probe, and its outcome closes or opens the breaker (Nygard, "Release It!"); where it
    has none for some seconds, the next call may probe as well. What is reported of calls from before the
    breaker last opened or closed changes nothing: a hundred that hung do not lengthen the cool-down.
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
        self._term = 0
        self._next_probe: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether calls are being held back."""
        return self._next_probe is not None

    @property
    def would_admit(self) -> bool:
        """Whether a call might go out now; asking obliges to nothing."""
        next_probe = self._next_probe
        return next_probe is None or self._clock() >= next_probe

    def admit(self) -> "Call | None":
        """The call that may go out now, to report on; None where it may not."""
        with self._lock:
            if self._next_probe is not None:
                if self._clock() < self._next_probe:
                    return None
                self._next_probe = self._clock() + PROBE_SECONDS
            return Call(self, self._term)

    def _succeeded(self, call: "Call") -> None:
        with self._lock:
            if call.term != self._term:
                return
            self._failures = 0
            if self._next_probe is not None:
                self._term, self._next_probe = self._term + 1, None

    def _failed(self, call: "Call", leave_alone: float) -> None:
        with self._lock:
            if call.term != self._term:
                return
            self._failures += 1
            if leave_alone > 0 or self._next_probe is not None or self._failures >= self._failures_to_open:
                wait = min(leave_alone, self._cool_down) if leave_alone > 0 else self._cool_down
                self._term, self._next_probe = self._term + 1, self._clock() + wait

    def _abandoned(self, call: "Call") -> None:
        with self._lock:
            if call.term == self._term and self._next_probe is not None:
                self._next_probe = self._clock()


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was let through in some term of its breaker: the time between two openings or closings."""

    breaker: Breaker
    term: int

    def succeeded(self) -> None:
        """It went well: close."""
        self.breaker._succeeded(self)

    def failed(self, leave_alone: float = 0.0) -> None:
        """It failed: open when it was a probe, or one failure too many.

        A server that asks to be left alone for some seconds is, at once; for no longer than the cool-down.
        """
        self.breaker._failed(self, leave_alone)

    def abandoned(self) -> None:
        """The caller went away before anything was known: the next call may probe instead."""
        self.breaker._abandoned(self)


_breakers: dict[tuple[str, str], Breaker] = {}
_breakers_lock = threading.Lock()


def breaker_for(base_url: str, model: str) -> Breaker:
    """This process's one breaker for the endpoint and model."""
    with _breakers_lock:
        return _breakers.setdefault((base_url, model), Breaker())
