import pytest

from retrieval.access import visible_documents
from retrieval.search import search
from tests import factories

pytestmark = pytest.mark.django_db


def test_alice_and_bob_see_the_paper_and_charlie_does_not() -> None:
    cast = factories.cast()
    assert visible_documents(user=cast.alice).get() == cast.paper
    assert visible_documents(user=cast.bob).get() == cast.paper
    assert not visible_documents(user=cast.charlie).exists()


def test_a_document_is_as_a_finished_ingest_leaves_it() -> None:
    version = factories.cast().paper.current_version
    assert version is not None
    assert (version.page_count, version.chunk_count) == (2, 2)
    text = version.stored_text.text
    assert [text[chunk.start : chunk.end] for chunk in version.chunks.order_by("ordinal")] == [
        factories.WARRANTY,
        factories.RETURNS,
    ]
    assert version.jobs.get().state == "indexed"


def test_search_finds_a_searchable_document() -> None:
    cast = factories.cast(searchable=True)
    hits = search(user=cast.bob, query="How long is the kettle's warranty?").hits
    assert hits[0].text == factories.WARRANTY
    assert hits[0].document_id == cast.paper.pk
