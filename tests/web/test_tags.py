"""Tags and authors on the pages: on a document, on many at once, at upload; and for whom there is nothing."""

import pytest

from portal.accounts.models import User
from retrieval.models import Document, Role
from retrieval.tags import set_tags
from tests import factories
from tests.factories import Cast
from tests.web.browser import Reader, text


@pytest.fixture
def contributor(cast: Cast) -> User:
    person = factories.user()
    factories.grant(cast.papers, team=factories.team(members=[person]), role=Role.CONTRIBUTOR)
    return person


def paper(cast: Cast) -> Document:
    document: Document = Document.objects.get(pk=cast.paper.pk)
    return document


def test_contributors_tag_a_document(cast: Cast, contributor: User) -> None:
    address = f"/documents/{cast.paper.pk}"
    page = text(Reader(contributor).post(f"{address}/tags", {"tags": "Invoices, 2024"}, follow=True))
    assert "were saved" in page
    assert paper(cast).tags == ["2024", "invoices"]
    assert 'value="2024, invoices"' in page
    assert "?tag=invoices" in page
    assert "Save the author" not in page


def test_a_tag_that_is_too_long_is_explained(cast: Cast) -> None:
    response = Reader(cast.alice).post(f"/documents/{cast.paper.pk}/tags", {"tags": "x" * 41})
    assert "at most 40" in text(response, 400)


def test_readers_tag_nothing(cast: Cast) -> None:
    green = factories.user()
    factories.grant(cast.papers, team=factories.team(members=[green]))
    reader, address = Reader(green), f"/documents/{cast.paper.pk}"
    assert "Save the tags" not in text(reader.get(address))
    assert reader.post(f"{address}/tags", {"tags": "a"}).status_code == 403
    assert reader.post(f"{address}/author", {"author": "Me"}).status_code == 403
    chosen = {"document": [str(cast.paper.pk)], "tags": "a", "act": "add"}
    assert reader.post("/collections/blueprints/tag-documents", chosen).status_code == 403
    assert (paper(cast).tags, paper(cast).author) == ([], "")


def test_outsiders_find_nothing_to_tag(cast: Cast) -> None:
    reader, address = Reader(cast.charlie), f"/documents/{cast.paper.pk}"
    assert reader.post(f"{address}/tags", {"tags": "a"}).status_code == 404
    assert reader.post(f"{address}/author", {"author": "Me"}).status_code == 404
    chosen = {"document": [str(cast.paper.pk)], "tags": "a", "act": "add"}
    assert reader.post("/collections/blueprints/tag-documents", chosen).status_code == 404
    reds = factories.collection("Reds", owner=cast.red)
    response = reader.post(f"/collections/{reds.slug}/tag-documents", chosen, follow=True)
    assert "Choose the documents first" in text(response)
    assert paper(cast).tags == []


def test_many_are_tagged_at_once(cast: Cast) -> None:
    other = factories.document(cast.papers, name="other.txt")
    set_tags(user=cast.alice, document=other, tags=["old"])
    reader, address = Reader(cast.alice), "/collections/blueprints/tag-documents"
    chosen = {"document": [str(cast.paper.pk), str(other.pk)]}
    page = text(reader.post(address, chosen))
    assert "Tag 2 documents" in page
    assert "They have now: old" in page
    assert "Write at least one tag" in text(reader.post(address, chosen | {"act": "add", "tags": " "}), 400)
    page = text(reader.post(address, chosen | {"act": "add", "tags": "New, old"}, follow=True))
    assert "2 documents were changed" in page
    assert paper(cast).tags == ["new", "old"]
    page = text(reader.post(address, chosen | {"act": "remove", "tags": "old, none"}, follow=True))
    assert paper(cast).tags == ["new"]
    page = text(reader.post(address, chosen | {"act": "add", "tags": "new"}, follow=True))
    assert "0 documents were changed. 2 had it so already." in page


def test_a_collection_can_be_narrowed_to_a_tag(cast: Cast) -> None:
    factories.document(cast.papers, name="other.txt")
    set_tags(user=cast.alice, document=cast.paper, tags=["old files"])
    page = text(Reader(cast.bob).get("/collections/blueprints", {"tag": "Old  files"}))
    assert "warranty.txt" in page
    assert "other.txt" not in page
    assert "tag=old%20files" in page
    assert "No document has this tag" in text(Reader(cast.bob).get("/collections/blueprints?tag=x"))


def test_an_upload_gets_tags(cast: Cast) -> None:
    reader, address = Reader(cast.alice), "/collections/blueprints/upload"
    reader.post(address, {"files": factories.upload("note.txt"), "tags": "Notes, 2024"})
    assert Document.objects.get(name="note.txt").tags == ["2024", "notes"]
    refused = reader.post(
        address,
        {"files": factories.upload("x.txt"), "tags": "x" * 41},
        headers={"Accept": "application/json"},
    )
    assert (refused.status_code, refused.json()["ok"]) == (400, False)
    assert not Document.objects.filter(name="x.txt").exists()


def test_managers_say_who_wrote_it(cast: Cast) -> None:
    reader, address = Reader(cast.alice), f"/documents/{cast.paper.pk}"
    page = text(reader.post(f"{address}/author", {"author": "Jane Smith; Bo Ek"}, follow=True))
    assert "<dt>Author</dt><dd>Jane Smith; Bo Ek</dd>" in page
    assert "Set by hand" in page
    page = text(reader.post(f"{address}/author", {"follow": "yes"}, follow=True))
    assert "<dt>Author</dt>" not in page
    assert "80 characters" in text(reader.post(f"{address}/author", {"author": "x" * 81}), 400)


def test_contributors_do_not_say_who_wrote_it(cast: Cast, contributor: User) -> None:
    response = Reader(contributor).post(f"/documents/{cast.paper.pk}/author", {"author": "Me"})
    assert response.status_code == 403


def test_search_shows_counts_and_narrows_by_them(searchable_cast: Cast) -> None:
    cast = searchable_cast
    factories.searchable_document(cast.papers, name="other.txt", passages=["Kettles."], author="Bo Ek")
    set_tags(user=cast.alice, document=cast.paper, tags=["old files"])
    reader = Reader(cast.bob)
    page = text(reader.get("/search?q=kettle"))
    assert "tag%3A%22old+files%22" in page
    assert "author%3A%22Bo+Ek%22" in page
    assert '<span class="tag">old files</span>' in page
    narrowed = text(reader.get("/search", {"q": 'kettle tag:"old files"'}))
    assert "out of 1 document in 1 collection" in narrowed
    outsider = text(Reader(cast.charlie).get("/search", {"q": 'kettle tag:"old files"'}))
    assert outsider.count("old files") == outsider.replace("tag:", "").count("old files")
    assert "Bo Ek" not in text(Reader(cast.charlie).get("/search?q=kettle"))
