from tests import factories
from tests.api.client import Api, ok, problem
from tests.factories import Cast


def test_words_titles_and_own_questions(searchable_cast: Cast) -> None:
    cast = searchable_cast
    factories.question(cast.bob, "How long is the warranty?")
    told = ok(Api(cast.bob, "read").get("/suggestions", q="the warr"))["suggestions"]
    assert told == [
        {"kind": "question", "text": "How long is the warranty?", "query": "How long is the warranty?"},
        {"kind": "word", "text": "the warranty", "query": "the warranty"},
    ]
    told = ok(Api(cast.bob, "read").get("/suggestions", q="warr", collections=["blueprints"]))["suggestions"]
    assert [one["kind"] for one in told] == ["question", "word", "title"]
    assert ok(Api(cast.bob, "read").get("/suggestions", q="w"))["suggestions"] == []


def test_outsiders_get_what_is_told_where_nothing_is(searchable_cast: Cast) -> None:
    cast = searchable_cast
    factories.question(cast.bob, "How long is the warranty?")
    api = Api(cast.charlie, "read")
    nothing: dict[str, list[object]] = {"suggestions": []}
    assert ok(api.get("/suggestions", q="warr")) == ok(api.get("/suggestions", q="nowhere")) == nothing
    assert ok(api.get("/suggestions", q="warr", collections=["blueprints"])) == nothing


def test_it_needs_the_scope_to_read(cast: Cast) -> None:
    problem(Api(cast.bob, "write").get("/suggestions", q="warr"), 403)
