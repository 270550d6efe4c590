"""Real model servers, each started once for all tests."""

from collections.abc import Iterator

import pytest

from llm import breaker
from tests.model_servers.servers import KINDS, Kind, Server, Started


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    servers = Started(tmp_path_factory.mktemp("servers"))
    yield servers
    servers.stop()


def _marked(kind: Kind) -> "pytest.ParameterSet":
    return pytest.param(kind, marks=getattr(pytest.mark, kind.slug), id=kind.slug)


@pytest.fixture(params=map(_marked, KINDS))
def server(request: pytest.FixtureRequest, started: Started) -> Server:
    return started.server(request.param)


@pytest.fixture(autouse=True)
def _each_test_finds_breakers_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "_breakers", {})
