import pytest

from retrieval.dictionary import add_synonyms
from retrieval.models import Document, Role
from tests import factories
from tests.api.client import Api, assert_hides, ok, problem
from tests.factories import RETURNS, WARRANTY, Cast

QUESTION = "How long is the kettle's warranty?"
SECRETS = ["warranty terms", "warranty.txt", "falcon", "blueprints"]


def test_search_finds_the_passage(searchable_cast: Cast) -> None:
    shown = ok(Api(searchable_cast.bob, "read").post("/search", {"query": QUESTION}))
    hit = shown["hits"][0]
    assert hit["text"] == WARRANTY
    assert (hit["page"], hit["start"], hit["end"]) == (1, 0, len(WARRANTY))
    assert hit["document_id"] == str(searchable_cast.paper.pk)
    assert hit["url"].endswith(f"/documents/{searchable_cast.paper.pk}?start=0&end={len(WARRANTY)}#passage")
    assert any(part["marked"] for part in hit["snippet"])
    assert (shown["documents"], shown["collections"]) == (1, 1)


def test_a_hit_names_what_its_document_came_out_of(searchable_cast: Cast) -> None:
    mail = factories.searchable_document(searchable_cast.papers, title="Re: kettles", passages=[RETURNS])
    Document.objects.filter(pk=searchable_cast.paper.pk).update(parent=mail, ancestors=[mail.pk])
    shown = ok(Api(searchable_cast.bob, "read").post("/search", {"query": QUESTION}))
    assert {hit["title"]: hit["parent_title"] for hit in shown["hits"]} == {
        "Warranty terms": "Re: kettles",
        "Re: kettles": "",
    }


def test_an_outsider_learns_nothing(searchable_cast: Cast) -> None:
    response = Api(searchable_cast.charlie).post("/search", {"query": QUESTION})
    shown = ok(response)
    assert (shown["hits"], shown["documents"], shown["collections"]) == ([], 0, 0)
    assert_hides(response, SECRETS)


def test_a_hidden_collection_is_like_a_missing_one(searchable_cast: Cast) -> None:
    api = Api(searchable_cast.charlie)
    bodies = [
        ok(api.post("/search", {"query": QUESTION, "collections": [slug]}))
        for slug in ("blueprints", "missing")
    ]
    for body in bodies:
        body.pop("timings")
    assert bodies[0] == bodies[1]


def test_a_narrowed_document_is_hidden_from_the_rest(searchable_cast: Cast) -> None:
    factories.grant(searchable_cast.papers, team=searchable_cast.red, role=Role.READER)
    factories.searchable_document(
        searchable_cast.papers,
        title="Prices",
        passages=["The Falcon costs 90."],
        narrowed_to=[searchable_cast.blue],
    )
    response = Api(searchable_cast.charlie).post("/search", {"query": "What does the Falcon cost?"})
    assert ok(response)["documents"] == 1
    assert_hides(response, ["prices", "costs 90"])
    assert (
        ok(Api(searchable_cast.bob).post("/search", {"query": "What does the Falcon cost?"}))["documents"]
        == 2
    )


def test_search_can_be_narrowed_to_collections(searchable_cast: Cast) -> None:
    other = factories.collection("Other", owner=searchable_cast.blue)
    factories.searchable_document(other, passages=[RETURNS])
    shown = ok(
        Api(searchable_cast.bob).post("/search", {"query": "returns", "collections": ["other"], "limit": 1})
    )
    assert [hit["collection_slug"] for hit in shown["hits"]] == ["other"]
    assert shown["documents"] == 1


@pytest.mark.parametrize(
    ("query", "says"), [("", "empty"), (" \n\t ", "empty"), ("\ud7ff" * 100_000, "100,000 characters")]
)
def test_a_query_that_cannot_be_searched(cast: Cast, query: str, says: str) -> None:
    for path, field in (("/search", "query"), ("/answers", "question")):
        assert says in problem(Api(cast.alice).post(path, {field: query}), 422)["detail"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("kettle after:foo", "“after:foo” is no date"),
        ("kettle type:foo", "Write one of pdf, word"),
        ("type:pdf", "Add the words that you want to find"),
    ],
)
def test_signs_that_cannot_be_understood(cast: Cast, query: str, says: str) -> None:
    for path, field in (("/search", "query"), ("/answers", "question")):
        assert says in problem(Api(cast.alice).post(path, {field: query}), 422)["detail"]


def test_signs_narrow_search_and_answers(searchable_cast: Cast) -> None:
    api = Api(searchable_cast.bob)
    shown = ok(api.post("/search", {"query": '"24 months" -returns type:text collection:blueprints'}))
    assert [hit["text"] for hit in shown["hits"]] == [WARRANTY]
    answered = ok(api.post("/answers", {"question": f"{QUESTION} -returns type:text"}), 201)
    assert answered["state"] == "answered"
    assert {one["passage"] for one in answered["citations"]} == {WARRANTY}
    assert ok(api.post("/answers", {"question": f"{QUESTION} type:pdf"}), 201)["state"] == "refused"


def test_facets_are_counted_when_asked_for(searchable_cast: Cast) -> None:
    api = Api(searchable_cast.bob)
    assert ok(api.post("/search", {"query": QUESTION}))["facets"] == []
    facets = ok(api.post("/search", {"query": QUESTION, "facets": True}))["facets"]
    assert [facet["field"] for facet in facets] == ["collection", "type", "language", "year"]
    assert facets[0]["values"] == [
        {"value": "blueprints", "label": "Blueprints", "documents": 1, "filter": "collection:blueprints"}
    ]
    assert facets[3]["values"][0]["filter"].startswith("after:20")
    narrowed = ok(api.post("/search", {"query": f"{QUESTION} {facets[3]['values'][0]['filter']}"}))
    assert narrowed["documents"] == 1


def test_an_outsiders_response_is_the_same_with_and_without_hidden_things(searchable_cast: Cast) -> None:
    own = factories.collection("Redprints", owner=searchable_cast.red)
    factories.searchable_document(own, name="own.txt", passages=["A kettle guarantee of our own."])
    api = Api(searchable_cast.charlie)
    queries = ["guarantee", '"kettle guarantee"', "guar*", "kettle -months", "kettle collection:blueprints"]
    queries += ["kettle team:blue", "kettle title:warranty"]

    def bodies() -> list[object]:
        return [
            ok(api.post("/search", {"query": query, "facets": True})) | {"timings": None} for query in queries
        ]

    add_synonyms(user=searchable_cast.alice, collection=searchable_cast.papers, words="guarantee, warranty")
    before = bodies()
    searchable_cast.papers.delete()
    assert bodies() == before


def test_what_else_was_searched(searchable_cast: Cast) -> None:
    add_synonyms(user=searchable_cast.alice, collection=searchable_cast.papers, words="guarantee, warranty")
    shown = ok(Api(searchable_cast.bob).post("/search", {"query": "kettle guarantee"}))
    assert shown["also_searched_for"] == ["warranty"]
    assert shown["query"] == "kettle guarantee"


def test_hits_tell_what_they_stand_for(searchable_cast: Cast) -> None:
    for name in ("copy.txt", "again.txt"):
        factories.searchable_document(searchable_cast.papers, name=name, passages=[WARRANTY])
    shown = ok(Api(searchable_cast.bob).post("/search", {"query": QUESTION}))
    hit = shown["hits"][0]
    told = (hit["similar_count"], hit["more_from_document"], hit["passages"], hit["verified_at"])
    assert told == (2, 0, 1, None)
    alone = ok(Api(searchable_cast.bob).post("/search", {"query": QUESTION, "arrange": False}))
    assert [hit["text"] for hit in alone["hits"]].count(WARRANTY) == 3
    assert shown["notice"] == ""


def test_how_many_of_a_document(searchable_cast: Cast) -> None:
    texts = [text for word in ("red", "blue", "green") for text in (f"A {word} kettle.", f"Soup {word}.")]
    factories.searchable_document(searchable_cast.papers, passages=texts)
    api = Api(searchable_cast.bob)
    for most, documents in ((1, 2), (0, 1)):
        found = ok(api.post("/search", {"query": "red blue green kettle", "limit": 2, "per_document": most}))
        assert len({hit["document_id"] for hit in found["hits"]}) == documents
