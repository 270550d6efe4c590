import pytest

from tests import factories
from tests.factories import Cast


@pytest.fixture
def cast(db: None) -> Cast:
    return factories.cast()


@pytest.fixture
def searchable_cast(db: None) -> Cast:
    """The same people; search finds Blue's document."""
    return factories.cast(searchable=True)
