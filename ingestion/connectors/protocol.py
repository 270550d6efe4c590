"""What a connector is: it tells what its source holds, what changed, what vanished, and hands out bytes.

A connector keeps no state between runs. What it wants to remember comes back as `cursor` (of the source)
and `memo` (of each item). Events may come in any order, and a run that is cut off is simply begun again:
what was taken in before is recognised by its fingerprint.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, Protocol, TypeAlias

from ingestion.connectors.network import Network


class SourceError(Exception):
    """The source cannot be read at all; the message says why and what to do.

    `permanent` says that trying again cannot help before somebody changes something.
    """

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class ItemError(Exception):
    """One item cannot be fetched now; the message says why. The others go on."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was kept of an item when its bytes were last taken in."""

    fingerprint: str
    memo: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """An item that the source holds.

    `key` names it for ever, `fingerprint` differs whenever its bytes may differ, `path` is where a person
    finds it, folders separated by slashes. `size` in bytes where the source tells it.
    """

    key: str
    path: str
    fingerprint: str
    memo: str = ""
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """An item of which the source says that it is gone."""

    key: str


@dataclass(frozen=True, slots=True)
class Problem:
    """An item that is there, or may be, and could not be read this time. It never counts as vanished."""

    key: str
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of a listing that came to its end; without it nothing is taken as vanished.

    `complete` says that whatever was not mentioned is gone. `cursor` is what the next run begins from.
    """

    cursor: str = ""
    complete: bool = True
    notice: str = ""


Event: TypeAlias = Found | Removed | Problem | Finished


class Connector(Protocol):
    """A source that is open for one run."""

    def changes(self, *, cursor: str, known: Mapping[str, Known]) -> Iterator[Event]:
        """Yield what there is. `cursor` is the last one that was kept, or empty. Raises SourceError."""
        ...

    def fetch(self, found: Found) -> AbstractContextManager[IO[bytes]]:
        """Open the bytes of an item, before the next event is asked for. Raises ItemError or SourceError."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a person fills in. `is_target` says that it decides whom the secret is sent to."""

    name: str
    label: str
    hint: str = ""
    required: bool = False
    shape: Literal["line", "lines", "number", "choice"] = "line"
    default: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    is_target: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may cost. `work_dir` is an empty folder of this run alone."""

    work_dir: Path
    network: Network
    folders: tuple[Path, ...] = ()
    max_item_bytes: int = 100 << 20
    max_items: int = 100_000
    max_repository_bytes: int = 1 << 30


Configuration: TypeAlias = Mapping[str, str]


class Kind(Protocol):
    """What a module of a kind offers, as `KIND`. `secret_label` is empty where there is no secret."""

    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def about(self) -> str: ...
    @property
    def fields(self) -> tuple[Field, ...]: ...
    @property
    def secret_label(self) -> str: ...

    def check(self, configuration: Configuration, limits: Limits) -> None:
        """Raise SourceError where the configuration cannot be meant, without asking the source."""
        ...

    def open(self, configuration: Configuration, *, secret: str, limits: Limits) -> Connector:
        """Return the source, opened. Raises SourceError."""
        ...


def too_large(size: int, limits: Limits) -> str | None:
    """Return what to say of an item of this size, or None where it is small enough."""
    if size <= limits.max_item_bytes:
        return None
    return (
        f"It has {size / (1 << 20):,.0f} MB, more than the {limits.max_item_bytes >> 20} MB that are taken. "
        "Split it, or ask your admin for a higher limit."
    )


def too_many(limits: Limits) -> str:
    return f"Only the first {limits.max_items:,} items were looked at; nothing was removed."
