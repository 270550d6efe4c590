"""Real model servers, each started once for all tests."""

from collections.abc import Iterator

import pytest

from tests.model_servers.servers import KINDS, Kind, Server, Started


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    servers = Started(tmp_path_factory.mktemp("servers"))
    yield servers
    servers.stop()


def _marked(kind: Kind) -> "pytest.ParameterSet":
    mark = pytest.mark.vllm if kind.slug == "vllm" else pytest.mark.llamacpp
    return pytest.param(kind, marks=mark, id=kind.slug)


@pytest.fixture(params=map(_marked, KINDS))
def server(request: pytest.FixtureRequest, started: Started) -> Server:
    return started.server(request.param)
