import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.answers.services import answer_now, ask
from retrieval.models import Chunk
from retrieval.pages import page_of, page_starts
from tests import factories
from tests.factories import Cast


@pytest.fixture
def cast(db: None) -> Cast:
    return factories.cast(searchable=True)


def _join_passages(cast: Cast) -> Chunk:
    """Make one passage of the document's two, which stand on two pages."""
    version = cast.paper.current_version
    assert version is not None
    first, second = Chunk.objects.filter(version=version).order_by("ordinal")
    text = f"{first.text}\n\n{second.text}"
    Chunk.objects.filter(version=version, ordinal=second.ordinal).delete()
    Chunk.objects.filter(version=version, ordinal=first.ordinal).update(
        text=text, end=second.end, last_page=2
    )
    return Chunk.objects.get(version=version)


def test_a_passage_over_two_pages(cast: Cast) -> None:
    chunk = _join_passages(cast)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        starts = page_starts([chunk])[chunk.version_id, chunk.ordinal]
    assert len(queries) == 1
    second = len(factories.WARRANTY) + 2
    assert [page_of(at, first=1, starts=starts) for at in (0, second - 1, second)] == [1, 1, 2]


def test_a_passage_on_one_page_needs_no_query(cast: Cast) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert page_starts([]) == {}
    assert not queries.captured_queries
    assert page_of(7, first=4, starts=()) == 4
    assert page_of(7, first=None, starts=()) is None


@pytest.mark.django_db(transaction=True)
def test_a_citation_names_the_page_of_its_sentence() -> None:
    cast = factories.cast(searchable=True)
    _join_passages(cast)
    shown = answer_now(user=cast.bob, question=ask(user=cast.bob, text="Are returns free of charge?"))
    assert shown.sources[0].quote.startswith("Returns are free")
    assert shown.sources[0].page == 2
