"""What was read of the database, kept in this process while the state that it was read in lasts."""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """The newest value of each name, with its state; those that were used last, up to a weight in all."""

    def __init__(self, *, most: int) -> None:
        self._most, self._weight = most, 0
        self._values: OrderedDict[Hashable, tuple[bytes, Value, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, name: Hashable, *, state: bytes | None) -> Value | None:
        """Return what was kept in this very state. In no known state nothing is."""
        with self._lock:
            found = self._values.get(name)
            if found is None or found[0] != state:
                return None
            self._values.move_to_end(name)
            return found[1]

    def keep(self, name: Hashable, value: Value, *, state: bytes | None, weight: int) -> None:
        with self._lock:
            self._drop(name)
            if state is None or weight > self._most:
                return
            self._values[name] = state, value, weight
            self._weight += weight
            while self._weight > self._most:
                self._drop(next(iter(self._values)))

    def _drop(self, name: Hashable) -> None:
        if (dropped := self._values.pop(name, None)) is not None:
            self._weight -= dropped[2]
