"""Alice in Blue, which owns a handbook of the test module's own PASSAGES, and Charlie in Red."""

import pytest

from portal.accounts.models import User
from retrieval.models import Collection
from tests import factories


@pytest.fixture
def people() -> tuple[User, User]:
    return factories.user("alice@example.com"), factories.user("charlie@example.com")


@pytest.fixture
def handbook(people: tuple[User, User], request: pytest.FixtureRequest) -> Collection:
    alice, charlie = people
    factories.team("Red", managers=[charlie])
    made = factories.collection("Handbook", owner=factories.team("Blue", managers=[alice]))
    passages = request.module.PASSAGES
    factories.searchable_document(made, name="handbook.md", title="Staff handbook", passages=passages)
    return made
