"""Does a source mean what a sentence says? A model that reads both together: time, breaker and checks."""

import math
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from llm.breaker import Breaker, breaker_for
from llm.errors import SupportError

_THREADS = ThreadPoolExecutor(2, thread_name_prefix="support")


@dataclass(frozen=True, slots=True)
class SupportSpec:
    """A sentence-transformers CrossEncoder by its folder; equal specs share one per process.

    `seconds` is for how long the judgement of a sentence waits for it at most.
    """

    model: str
    seconds: float = 0.5


@dataclass(frozen=True, slots=True)
class Meaning:
    """How likely a source says a sentence, and says its contrary; both in 0..1."""

    says: float
    denies: float = 0.0


class SupportModel(ABC):
    """A model of natural language inference or of likeness; a provider implements `_weigh`."""

    def __init__(self, spec: SupportSpec, breaker: Breaker | None = None) -> None:
        self.spec = spec
        self._breaker = breaker or breaker_for("", f"support {spec.model}")

    @abstractmethod
    def _weigh(self, sentence: str, sources: Sequence[str], *, deadline: float) -> Sequence[Meaning]:
        """What each source says of `sentence`, in their order.

        `deadline` is a time of `time.monotonic()` after which nobody waits. Raises SupportError.
        """

    def weigh(self, sentence: str, sources: Sequence[str], *, seconds: float) -> list[Meaning]:
        """What each source says of `sentence`, in their order.

        Raises SupportError when it does not answer within `seconds`, fails, or failed repeatedly before.
        """
        call = self._breaker.admit()
        if call is None:
            raise SupportError(f"{self.spec.model} failed repeatedly and is left alone for a moment.")
        report: Callable[[], None] = call.failed
        try:
            found = self._in_time(sentence, sources, seconds)
            report = call.succeeded
        finally:
            report()
        return found

    def warm_up(self) -> None:
        """Load what the first sentence would have to wait for. Raises SupportError."""
        self._weigh("ready", ["ready"], deadline=math.inf)

    def _in_time(self, sentence: str, sources: Sequence[str], seconds: float) -> list[Meaning]:
        work = _THREADS.submit(self._weigh, sentence, sources, deadline=time.monotonic() + seconds)
        try:
            found = list(work.result(timeout=max(seconds, 0.0)))
        except TimeoutError as error:
            work.cancel()
            raise too_late(self.spec) from error
        numbers = [number for one in found for number in (one.says, one.denies)]
        if len(found) != len(sources) or not all(0 <= number <= 1 for number in numbers):
            raise SupportError(f"{self.spec.model} did not give {len(sources)} sources a share each.")
        return found


def too_late(spec: SupportSpec) -> SupportError:
    return SupportError(f"{spec.model} did not answer in time.", late=True)


_loaded: dict[SupportSpec, SupportModel] = {}
_guard = threading.Lock()


def load_support_model(spec: SupportSpec) -> SupportModel:
    """The process's one model for `spec`; what is slow to load is loaded when it is first used."""
    with _guard:
        if spec not in _loaded:
            from llm.providers.local_support import LocalSupportModel

            _loaded[spec] = LocalSupportModel(spec)
        return _loaded[spec]
