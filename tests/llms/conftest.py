"""People, and servers on this machine and elsewhere, for tests of models and routes."""

from collections.abc import Iterator

import pytest

from portal.accounts.models import User
from tests import factories
from tests.factories import Cast
from tests.llms.servers import Server


@pytest.fixture
def here() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def away() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def cast(db: None) -> Cast:
    return factories.cast(searchable=True)


@pytest.fixture
def admin(db: None) -> User:
    return factories.user("admin@example.com", is_admin=True)
