import pytest

from retrieval.models import Collection, Grant, Role
from tests import factories
from tests.api.client import Api, assert_hides, ok, problem, same_problem
from tests.factories import Cast


def test_list(cast: Cast) -> None:
    page = ok(Api(cast.bob, "read").get("/collections"))
    assert page["count"] == 1
    assert page["items"][0]["slug"] == "blueprints"
    assert page["items"][0]["documents"] == 1


def test_list_hides_from_outsiders(cast: Cast) -> None:
    response = Api(cast.charlie).get("/collections")
    assert ok(response) == {"items": [], "count": 0, "page": 1, "page_size": 25}
    assert_hides(response, ["blueprints"])


def test_pages(cast: Cast) -> None:
    for title in ("Atlas", "Zoo"):
        factories.collection(title, owner=cast.blue)
    api = Api(cast.alice)
    pages = [ok(api.get("/collections", page=number, page_size=2)) for number in (1, 2, 3)]
    assert [[one["slug"] for one in page["items"]] for page in pages] == [
        ["atlas", "blueprints"],
        ["zoo"],
        [],
    ]
    assert {page["count"] for page in pages} == {3}


@pytest.mark.parametrize(
    "query", [{"page": 0}, {"page_size": 0}, {"page_size": 101}, {"page": 10**9}, {"page": "x"}]
)
def test_pages_that_are_not_there(cast: Cast, query: dict[str, object]) -> None:
    problem(Api(cast.alice).get("/collections", **query), 422)


def test_only_managers_see_who_else_sees_it(cast: Cast) -> None:
    factories.grant(cast.papers, team=cast.red)
    grants = ok(Api(cast.alice).get("/collections/blueprints"))["grants"]
    assert grants == [{"team": "blue", "role": "manager"}, {"team": "red", "role": "reader"}]
    response = Api(cast.charlie).get("/collections/blueprints")
    assert ok(response)["role"] == "reader"
    assert ok(response)["grants"] is None
    assert_hides(response, ['blue"'])


def test_counts_are_of_what_one_may_see(cast: Cast) -> None:
    factories.grant(cast.papers, team=cast.red)
    factories.document(cast.papers, narrowed_to=[cast.blue])
    assert ok(Api(cast.bob).get("/collections/blueprints"))["documents"] == 2
    assert ok(Api(cast.charlie).get("/collections/blueprints"))["documents"] == 1
    assert ok(Api(cast.charlie).get("/collections/blueprints/documents"))["count"] == 1


def test_create(cast: Cast) -> None:
    body = {"title": "Manuals", "owner_team": "blue", "description": "All manuals.", "language": "de"}
    made = ok(Api(cast.alice).post("/collections", body), 201)
    assert (made["slug"], made["role"], made["language"]) == ("manuals", "manager", "de")
    assert made["grants"] == [{"team": "blue", "role": "manager"}]


def test_members_do_not_create(cast: Cast) -> None:
    problem(Api(cast.bob).post("/collections", {"title": "Manuals", "owner_team": "blue"}), 403)
    assert Collection.objects.count() == 1


def test_create_for_another_team_is_like_for_a_missing_one(cast: Cast) -> None:
    api = Api(cast.charlie)
    bodies = [
        problem(api.post("/collections", {"title": "X", "owner_team": slug}), 422)
        for slug in ("blue", "none")
    ]
    assert bodies[0]["detail"].replace("blue", "none") == bodies[1]["detail"]


@pytest.mark.parametrize(
    "body", [{"title": ""}, {"title": "x" * 121}, {"language": "english"}, {"description": "x" * 2001}]
)
def test_create_with_bad_input(cast: Cast, body: dict[str, str]) -> None:
    problem(Api(cast.alice).post("/collections", {"title": "Good", "owner_team": "blue"} | body), 422)
    assert Collection.objects.count() == 1


def test_change(cast: Cast) -> None:
    shown = ok(Api(cast.alice).patch("/collections/blueprints", {"description": "New."}))
    assert (shown["title"], shown["description"]) == ("Blueprints", "New.")


def test_readers_do_not_change(cast: Cast) -> None:
    factories.grant(cast.papers, team=cast.red)
    problem(Api(cast.charlie).patch("/collections/blueprints", {"title": "Mine"}), 403)
    assert Collection.objects.get().title == "Blueprints"


def test_grant_and_take_away(cast: Cast) -> None:
    api = Api(cast.alice)
    shown = ok(api.put("/collections/blueprints/grants/red", {"role": "contributor"}))
    assert {"team": "red", "role": "contributor"} in shown["grants"]
    assert ok(Api(cast.charlie).get("/collections/blueprints"))["role"] == "contributor"
    ok(api.delete("/collections/blueprints/grants/red"), 204)
    problem(Api(cast.charlie).get("/collections/blueprints"), 404)


def test_everyone_reads(cast: Cast) -> None:
    api = Api(cast.alice)
    ok(api.put("/collections/blueprints/grants/everyone", {"role": "reader"}))
    ok(Api(cast.charlie).get("/collections/blueprints"))
    problem(api.put("/collections/blueprints/grants/everyone", {"role": "manager"}), 422)
    ok(api.delete("/collections/blueprints/grants/everyone"), 204)
    problem(Api(cast.charlie).get("/collections/blueprints"), 404)


def test_only_managers_grant(cast: Cast) -> None:
    factories.grant(cast.papers, team=cast.red, role=Role.CONTRIBUTOR)
    api = Api(cast.charlie)
    bodies = [
        problem(api.put(f"/collections/blueprints/grants/{team}", {"role": "reader"}), 403)
        for team in ("blue", "none")
    ]
    assert bodies[0]["detail"] == bodies[1]["detail"]
    assert Grant.objects.count() == 2


def test_a_team_that_is_not_there(cast: Cast) -> None:
    problem(Api(cast.alice).put("/collections/blueprints/grants/none", {"role": "reader"}), 422)


def test_hidden_is_like_missing(cast: Cast) -> None:
    api = Api(cast.charlie)
    for act in (
        lambda slug: api.get(f"/collections/{slug}"),
        lambda slug: api.get(f"/collections/{slug}/documents"),
        lambda slug: api.patch(f"/collections/{slug}", {"title": "x"}),
        lambda slug: api.put(f"/collections/{slug}/grants/red", {"role": "reader"}),
        lambda slug: api.delete(f"/collections/{slug}/grants/red"),
        api.upload,
    ):
        same_problem(act("blueprints"), act("missing"), 404)
    assert Grant.objects.count() == 1
