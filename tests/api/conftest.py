import pytest

from tests import factories
from tests.factories import Cast


@pytest.fixture
def cast(db: None) -> Cast:
    return factories.cast()


@pytest.fixture
def searchable_cast(db: None) -> Cast:
    """The same people; their document has real embeddings."""
    return factories.cast(searchable=True)
