"""Tags stay with their document, whatever becomes of its versions, and only contributors change them."""

from io import BytesIO

import pytest

from ingestion.deleted import restore_document
from ingestion.documents import add_document, delete_document
from ingestion.moving import move_document
from retrieval import access
from retrieval.errors import InvalidInputError, NotAllowedError
from retrieval.models import MAX_TAG, MOST_TAGS, Document, Role
from retrieval.tags import change_tags, clean_tag, read_tags, set_tags
from tests import factories
from tests.factories import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast(db: None) -> Cast:
    return factories.cast()


def tags_of(document: Document) -> list[str]:
    tags: list[str] = Document.objects.get(pk=document.pk).tags
    return tags


def test_a_tag_is_kept_in_one_form() -> None:
    assert read_tags(["Invoices,  Paid\u200b leave ;\n2024", "invoices", "“Ｑ１”"]) == [
        "invoices",
        "paid leave",
        "2024",
        "q1",
    ]
    assert clean_tag("--") == ""


@pytest.mark.parametrize("typed", ["—", "x" * (MAX_TAG + 1), ",".join(map(str, range(MOST_TAGS + 1)))])
def test_what_is_no_tag_and_too_many_are_refused(typed: str) -> None:
    with pytest.raises(InvalidInputError):
        read_tags([typed])


def test_members_who_contribute_change_them(cast: Cast) -> None:
    change_tags(user=cast.alice, documents=[cast.paper], add=["b", "a"])
    assert change_tags(user=cast.alice, documents=[cast.paper], add=["a"], remove=["b", "c"]) == 1
    assert change_tags(user=cast.alice, documents=[cast.paper], add=["a"]) == 0
    assert tags_of(cast.paper) == ["a"]
    set_tags(user=cast.alice, document=cast.paper, tags=["c"])
    assert tags_of(cast.paper) == ["c"]


def test_all_or_none_get_more_tags(cast: Cast) -> None:
    other = factories.document(cast.papers)
    set_tags(user=cast.alice, document=cast.paper, tags=[f"t{number}" for number in range(MOST_TAGS)])
    with pytest.raises(InvalidInputError, match="at most 20 tags"):
        change_tags(user=cast.alice, documents=[other, cast.paper], add=["new"])
    assert tags_of(other) == []


def test_readers_and_outsiders_change_nothing(cast: Cast) -> None:
    reds = factories.collection("Reds", owner=cast.red, readers=[cast.blue])
    with pytest.raises(NotAllowedError):
        change_tags(user=cast.bob, documents=[factories.document(reds)], add=["a"])
    assert change_tags(user=cast.charlie, documents=[cast.paper], add=["a"]) == 0
    assert tags_of(cast.paper) == []


def test_they_stay_when_the_document_is_replaced_moved_deleted_and_restored(cast: Cast) -> None:
    content = BytesIO(b"Leave is 30 days a year.")
    added = add_document(
        user=cast.alice, collection=cast.papers, name="warranty.txt", content=content, tags=["a"]
    )
    assert (added.outcome, tags_of(cast.paper)) == ("replaced", ["a"])
    target = factories.collection("Archive", owner=cast.blue)
    moved = move_document(user=cast.alice, document=cast.paper, target=target)
    assert tags_of(moved) == ["a"]
    delete_document(user=cast.alice, document=moved)
    assert not access.visible_documents(user=cast.alice).filter(tags__contains=["a"]).exists()
    restore_document(user=cast.alice, document=Document.objects.get(pk=moved.pk))
    assert tags_of(moved) == ["a"]


def test_an_upload_that_would_have_too_many_is_not_taken(cast: Cast) -> None:
    set_tags(user=cast.alice, document=cast.paper, tags=[f"t{number}" for number in range(MOST_TAGS)])
    with pytest.raises(InvalidInputError):
        add_document(
            user=cast.alice,
            collection=cast.papers,
            name="warranty.txt",
            content=BytesIO(b"Leave is 30 days a year."),
            tags=["a"],
        )
    assert cast.paper.versions.count() == 1


def test_a_contributor_is_enough(cast: Cast) -> None:
    green = factories.user()
    factories.grant(cast.papers, team=factories.team(members=[green]), role=Role.CONTRIBUTOR)
    assert change_tags(user=green, documents=[cast.paper], add=["a"]) == 1
