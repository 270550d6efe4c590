import uuid

from tests.api.client import Api, Json, ok, same_problem
from tests.api.test_search import QUESTION
from tests.factories import Cast

REFUSED = "Who won the world cup in 1974?"


def ask(api: Api, question: str, **more: str) -> Json:
    return ok(api.post("/answers", {"question": question} | more), 201)


def test_a_follow_up_names_its_conversation(searchable_cast: Cast) -> None:
    api = Api(searchable_cast.bob)
    first = ask(api, QUESTION)
    second = ask(api, "And why?", conversation=first["conversation"])
    assert second["conversation"] == first["conversation"]
    assert second["question"] == "And why?"
    assert second["searched_for"] == QUESTION.removesuffix("?") + ", and why?"
    listed = ok(api.get("/conversations"))
    assert [(one["title"], one["questions_count"]) for one in listed["items"]] == [(QUESTION, 2)]
    assert ok(api.get(f"/conversations/{first['conversation']}"))["turns"] == [first, second]


def test_a_refusal_names_whom_to_ask(searchable_cast: Cast) -> None:
    shown = ask(Api(searchable_cast.bob), REFUSED)
    assert shown["state"] == "refused"
    assert shown["ask"] == {
        "team": "Blue",
        "collection_slug": "blueprints",
        "collection_title": "Blueprints",
    }
    assert ask(Api(searchable_cast.charlie), REFUSED)["ask"] is None


def test_conversations_are_deleted(searchable_cast: Cast) -> None:
    api = Api(searchable_cast.bob)
    first, _, _ = (ask(api, QUESTION) for _ in range(3))
    assert api.delete(f"/conversations/{first['conversation']}").status_code == 204
    same_problem(api.get(f"/answers/{first['id']}"), api.get(f"/answers/{uuid.uuid4()}"), 404)
    assert ok(api.delete("/conversations")) == {"deleted": 2}
    assert ok(api.get("/conversations"))["count"] == 0


def test_conversations_are_ones_own(searchable_cast: Cast) -> None:
    theirs = ask(Api(searchable_cast.alice), QUESTION)["conversation"]
    api, missing = Api(searchable_cast.bob), uuid.uuid4()
    same_problem(api.get(f"/conversations/{theirs}"), api.get(f"/conversations/{missing}"), 404)
    same_problem(api.delete(f"/conversations/{theirs}"), api.delete(f"/conversations/{missing}"), 404)
    same_problem(
        api.post("/answers", {"question": QUESTION, "conversation": theirs}),
        api.post("/answers", {"question": QUESTION, "conversation": str(missing)}),
        404,
    )
    assert ok(api.delete("/conversations")) == {"deleted": 0}
    assert ok(Api(searchable_cast.alice).get(f"/conversations/{theirs}"))["title"] == QUESTION


def test_deleting_needs_the_scope_to_write(searchable_cast: Cast) -> None:
    api = Api(searchable_cast.bob, "read")
    made = ask(api, QUESTION)
    assert api.delete(f"/conversations/{made['conversation']}").status_code == 403
    assert api.delete("/conversations").status_code == 403
