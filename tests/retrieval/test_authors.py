"""Who wrote a document: its file says so, until a manager does; filters and counts follow."""

import pytest
from django.db import transaction

from portal.accounts.models import User
from retrieval.authors import follow_file, names_in, set_author
from retrieval.errors import InvalidInputError, NotAllowedError
from retrieval.generations import ensure_first_generation
from retrieval.indexing import publish_version
from retrieval.models import Collection, Document, DocumentVersion, Role
from retrieval.search import search
from retrieval.tags import set_tags
from tests import factories

pytestmark = pytest.mark.django_db
PASSAGES = ["Annual leave is thirty days."]


@pytest.fixture
def documents(people: tuple[User, User], handbook: Collection) -> list[Document]:
    written = {"a.md": "Jane Smith; José Roe", "b.md": "jane SMITH", "c.md": "Smithson & Co.", "d.md": ""}
    return [
        factories.searchable_document(handbook, name=name, passages=["Leave is paid."], author=author)
        for name, author in written.items()
    ]


def found(user: User, query: str) -> set[str]:
    return {hit.name for hit in search(user=user, query=query, limit=50).hits}


def counts(user: User, query: str, field: str = "author") -> dict[str, int]:
    facets = search(user=user, query=query, with_facets=True).facets
    return {one.value: one.documents for facet in facets if facet.field == field for one in facet.values}


def publish(document: Document, author: str) -> None:
    number = document.versions.count() + 1
    version = DocumentVersion.objects.create(
        document=document, number=number, sha256="1" * 64, size=1, media_type="text/plain"
    )
    index = factories.index(document.title, ["Leave is paid."], author=author)
    with transaction.atomic():
        publish_version(version=version, index=index, generation=ensure_first_generation())


def author_of(document: Document) -> str:
    return Document.objects.get(pk=document.pk).author


def test_names_are_read_one_by_one() -> None:
    assert names_in(' Jane "J"  Smith ;jane j smith;; —;Bo\u200b Ek') == ["Jane J Smith", "Bo Ek"]


def test_filters(people: tuple[User, User], documents: list[Document]) -> None:
    alice = people[0]
    assert found(alice, "leave author:smi") == {"a.md", "b.md", "c.md"}
    assert found(alice, "leave author:smi*") == {"a.md", "b.md", "c.md"}
    assert found(alice, 'leave author:"Jane Smith"') == {"a.md", "b.md"}
    assert found(alice, 'leave author:"smith"') == set()
    assert found(alice, "leave author:jose") == {"a.md"}
    assert found(alice, "leave author:jane author:roe") == {"a.md"}
    assert found(alice, "leave -author:jane") == {"c.md", "d.md", "handbook.md"}
    with pytest.raises(InvalidInputError, match="names nobody"):
        search(user=alice, query="leave author:%")


def test_counts_are_of_names_and_lead_to_as_many_documents(
    people: tuple[User, User], documents: list[Document]
) -> None:
    alice = people[0]
    counted = counts(alice, "leave")
    assert counted == {"Jane Smith": 2, "José Roe": 1, "Smithson & Co.": 1}
    for name, number in counted.items():
        assert len(found(alice, f'leave author:"{name}"')) == number


def test_tags_are_counted_and_lead_to_as_many_documents(
    people: tuple[User, User], documents: list[Document]
) -> None:
    alice = people[0]
    set_tags(user=alice, document=documents[0], tags=["new", "paid leave"])
    set_tags(user=alice, document=documents[1], tags=["new"])
    assert counts(alice, "leave", "tag") == {"new": 2, "paid leave": 1}
    assert counts(alice, "leave tag:new", "tag") == {"new": 2, "paid leave": 1}
    assert found(alice, "leave tag:NEW") == {"a.md", "b.md"}
    assert found(alice, 'leave tag:new tag:"paid leave"') == {"a.md"}
    assert "a.md" not in found(alice, 'leave -tag:"paid leave"')
    hit = search(user=alice, query="leave tag:new author:roe").hits[0]
    assert (hit.author, hit.tags) == ("Jane Smith; José Roe", ("new", "paid leave"))


def test_outsiders_count_none_and_find_none(people: tuple[User, User], documents: list[Document]) -> None:
    alice, charlie = people
    set_tags(user=alice, document=documents[0], tags=["new"])
    own = factories.collection("Own", owner=charlie.memberships.get().team)
    factories.searchable_document(own, name="own.md", passages=["Leave is free."], author="Jane Smith")
    assert counts(charlie, "leave") == {"Jane Smith": 1}
    assert counts(charlie, "leave", "tag") == {}
    assert found(charlie, "leave author:jane") == {"own.md"}
    assert found(charlie, "leave tag:new") == found(charlie, "leave tag:nowhere") == set()


def test_a_new_version_brings_its_author(documents: list[Document]) -> None:
    publish(documents[0], "Ada Roe")
    assert author_of(documents[0]) == "Ada Roe"
    publish(documents[0], "")
    assert author_of(documents[0]) == ""


def test_what_a_manager_said_stays_until_the_file_may_say_again(
    people: tuple[User, User], documents: list[Document]
) -> None:
    alice = people[0]
    set_author(user=alice, document=documents[0], author="Bo  Ek;")
    publish(documents[0], "Ada Roe")
    assert author_of(documents[0]) == "Bo Ek"
    assert found(alice, "leave author:ek") == {"a.md"}
    document = Document.objects.select_related("collection", "current_version").get(pk=documents[0].pk)
    follow_file(user=alice, document=document)
    assert author_of(document) == "Ada Roe"
    publish(document, "Jane Smith")
    assert author_of(document) == "Jane Smith"


def test_contributors_and_too_many_names_are_refused(
    people: tuple[User, User], handbook: Collection, documents: list[Document]
) -> None:
    alice, charlie = people
    factories.grant(handbook, team=charlie.memberships.get().team, role=Role.CONTRIBUTOR)
    with pytest.raises(NotAllowedError):
        set_author(user=charlie, document=documents[0], author="Me")
    with pytest.raises(NotAllowedError):
        follow_file(user=charlie, document=documents[0])
    for author in ("x" * 81, ";".join(f"name {number}" for number in range(11))):
        with pytest.raises(InvalidInputError):
            set_author(user=alice, document=documents[0], author=author)
