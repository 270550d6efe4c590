"""Reads a source once, as a sync does, without database."""

import ipaddress
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from ingestion.connectors.kinds import KINDS
from ingestion.connectors.network import Network
from ingestion.connectors.protocol import Finished, Found, Known, Limits, Problem, Removed

LOOPBACK = Network(private=(ipaddress.ip_network("127.0.0.0/8"),))


@dataclass
class Reading:
    """What one pass over a source told. `fetched` holds the bytes of what was new or changed."""

    known: dict[str, Known] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    fetched: dict[str, bytes] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    finished: Finished | None = None

    @property
    def by_path(self) -> dict[str, bytes]:
        return {self.paths[key]: content for key, content in self.fetched.items()}


def limits(folder: Path, *, network: Network = LOOPBACK, **more: object) -> Limits:
    work = folder / "work"
    work.mkdir(exist_ok=True)
    return Limits(work_dir=work, network=network, **more)  # type: ignore[arg-type]  # as the tests give them


def read(
    kind: str,
    configuration: Mapping[str, str],
    bounds: Limits,
    *,
    secret: str = "",
    before: Reading | None = None,
    meanwhile: Callable[[Found], None] = lambda _: None,
) -> Reading:
    """Go over a source once, fetching what `before` does not have in the same state."""
    known = before.known if before else {}
    cursor = before.finished.cursor if before and before.finished else ""
    told = Reading()
    with closing(KINDS[kind].open(configuration, secret=secret, limits=bounds)) as source:
        for event in source.changes(cursor=cursor, known=known):
            match event:
                case Found():
                    told.known[event.key] = Known(event.fingerprint, event.memo)
                    told.paths[event.key] = event.path
                    meanwhile(event)
                    if event.key not in known or known[event.key].fingerprint != event.fingerprint:
                        with source.fetch(event) as content:
                            told.fetched[event.key] = content.read()
                case Problem():
                    told.problems[event.key] = event.message
                case Removed():
                    told.removed.add(event.key)
                case Finished():
                    told.finished = event
    return told
