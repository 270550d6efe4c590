"""The pages of language models, as an admin and everybody else meets them, without scripts."""

import pytest
from django.test import override_settings

from portal.accounts.models import User
from portal.llms.models import LanguageModel, PromptVersion, Quota, RoutingRule
from portal.llms.quotas import QuotaDraft, add_quota
from portal.llms.setup import current_setup
from tests import factories
from tests.factories import Cast
from tests.llms.servers import Server
from tests.web.browser import Reader, text

pytestmark = pytest.mark.django_db
MODELS, ROUTES, PROMPTS = "/manage/models", "/manage/routes", "/manage/prompts"
QUOTAS, OUTBOUND = "/manage/quotas", "/manage/outbound"
PAGES = (MODELS, ROUTES, PROMPTS, QUOTAS, OUTBOUND)
TEMPLATE = "Be brief. $protection Say $not_in_sources."


@pytest.fixture
def admin(db: None) -> User:
    return factories.user("admin@example.com", is_admin=True)


def form(**more: str) -> dict[str, str]:
    sent = {"form": "add", "name": "House", "preset": "vllm", "base_url": "http://127.0.0.1:9/v1"}
    sent |= {"model": "qwen", "runs": "local", "sees": "confidential", "context_tokens": "8192"}
    return (
        sent | {"max_output_tokens": "700", "price_in": "0.25", "price_out": "", "api_key": "sesame"} | more
    )


def test_empty_pages_say_how_to_begin(admin: User) -> None:
    reader = Reader(admin)
    assert "No language model yet" in text(reader.get(MODELS))
    assert "Add a model</a> first" in text(reader.get(ROUTES))
    assert "Built in" in text(reader.get(PROMPTS))
    assert "No quota" in text(reader.get(QUOTAS))
    assert "local only" in text(reader.get(OUTBOUND))


def test_the_way_of_a_model(admin: User) -> None:
    reader = Reader(admin)
    page = text(reader.post(MODELS, form(), follow=True))
    assert "until then it serves nobody" in page
    assert "One is kept" in page
    assert "sesame" not in page
    model = LanguageModel.objects.get()
    address = f"{MODELS}/{model.pk}"
    assert "Not approved yet" in text(reader.get(MODELS))
    page = text(reader.post(f"{address}/act", {"action": "approve"}, follow=True))
    assert "serves from the next question on" in page
    assert "by admin@example.com" in page
    page = text(reader.post(address, form(revision="r2", api_key=""), follow=True))
    assert "It is not approved" in page
    assert 'value="0.25"' in page
    assert "Tick that" in text(reader.post(f"{address}/act", {"action": "delete"}, follow=True))
    assert "was deleted" in text(
        reader.post(f"{address}/act", {"action": "delete", "sure": "yes"}, follow=True)
    )
    assert "no such model" in text(reader.get(address, follow=True))


def test_mistakes_keep_what_was_typed(admin: User) -> None:
    page = text(Reader(admin).post(MODELS, form(base_url="https://8.8.8.8/v1", licence="MIT")), 400)
    assert "no address of your own network" in page
    assert 'value="MIT"' in page
    assert "sesame" not in page
    assert "whole numbers" in text(Reader(admin).post(MODELS, form(price_in="much")), 400)


def test_a_test_says_what_is_wrong(admin: User) -> None:
    reader = Reader(admin)
    with Server() as server:
        reader.post(MODELS, form(base_url=server.fake.base_url))
        model = LanguageModel.objects.get()
        act = f"{MODELS}/{model.pk}/act"
        page = text(reader.post(act, {"action": "test", "back": "model"}, follow=True))
        assert "The model answers: first words after" in page
        assert "The server lists no model “qwen”. It lists: fake." in page
        (asked,) = server.fake.requests
        assert [message["content"] for message in asked["messages"]] == ["Reply with the one word: ready"]
        server.fake.behaviour = "unauthorised"
        assert "check the key" in text(reader.post(act, {"action": "test"}, follow=True))
        assert "Authorization: Bearer sesame" in server.fake.headers[-1]
    assert "Nothing listens at that address" in text(reader.post(act, {"action": "test"}, follow=True))
    model.refresh_from_db()
    assert (model.test_went_well, model.tested_at is not None) == (False, True)


def test_the_environments_model_is_shown_and_can_be_tested(admin: User) -> None:
    reader = Reader(admin)
    with Server() as server, override_settings(LLM_BASE_URL=server.fake.base_url, LLM_MODEL="fake"):
        page = text(reader.get(MODELS))
        assert "From the environment" in page
        assert "Local only at most" in page
        assert "The model answers" in text(reader.post(MODELS, {"form": "test"}, follow=True))
    assert "are not set" in text(reader.post(MODELS, {"form": "test"}), 400)


def test_rules_are_added_ordered_and_turned_off(admin: User) -> None:
    reader = Reader(admin)
    factories.team("Blue")
    reader.post(MODELS, form())
    key = LanguageModel.objects.get().key
    sent = {"name": "Blue's", "engine": [key, ""], "teams": "blue", "level": ["public", "internal"]}
    page = text(reader.post(ROUTES, sent | {"share": "20", "sticky_to": "conversation"}, follow=True))
    assert "the most sensitive document is public or internal" in page
    assert "who asks is in Blue" in page
    assert "for 20 %, always the same conversations" in page
    text(reader.post(ROUTES, {"name": "Long", "engine": key, "least_characters": "200"}, follow=True))
    first, second = RoutingRule.objects.order_by("position")
    reader.post(f"{ROUTES}/{second.pk}/act", {"action": "up"})
    assert list(RoutingRule.objects.order_by("position")) == [second, first]
    assert "passed over" in text(reader.post(f"{ROUTES}/{first.pk}/act", {"action": "off"}, follow=True))
    assert 'value="200"' in text(reader.get(f"{ROUTES}/{second.pk}"))
    reader.post(f"{ROUTES}/{second.pk}", {"name": "Longer", "engine": key, "least_characters": "300"})
    second.refresh_from_db()
    assert (second.name, second.least_characters) == ("Longer", 300)
    reader.post(f"{ROUTES}/{second.pk}/act", {"action": "delete"})
    assert list(RoutingRule.objects.all()) == [first]


def test_hard_questions_have_rules_a_judge_and_a_trial(admin: User) -> None:
    reader = Reader(admin)
    reader.post(MODELS, form())
    model = LanguageModel.objects.get()
    page = text(reader.post(ROUTES, {"name": "Hard", "engine": model.key, "difficulty": "hard"}, follow=True))
    assert "the question is hard" in page
    rule = RoutingRule.objects.get()
    assert '<option value="hard" selected>' in text(reader.get(f"{ROUTES}/{rule.pk}"))
    page = text(reader.post(ROUTES, {"form": "judge", "judge": model.key}, follow=True))
    assert "House will say how hard a question is" in page
    assert current_setup().policy.judge == model.key
    assert "Choose a model" in text(reader.post(ROUTES, {"form": "judge", "judge": "99"}), 400)
    assert "Rules alone will" in text(reader.post(ROUTES, {"form": "judge", "judge": ""}, follow=True))
    reader.post(f"{MODELS}/{model.pk}/act", {"action": "approve"})
    tried = {"form": "try", "q": "Why is the sky <b>, compared with the sea?", "in_play": "internal"}
    page = text(reader.post(ROUTES, tried))
    assert "it asks for reasons (+2)" in page
    assert "Hard: House" in page
    assert "sky &lt;b&gt;" in page
    assert "Otherwise: House" in text(reader.post(ROUTES, tried | {"q": "When does it open?"}))
    page = text(reader.post(ROUTES, tried | {"in_play": "local_only"}))
    assert "may not see these documents" in page
    assert text(reader.post(ROUTES, tried | {"q": " "}), 400)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": ""}, "needs a name"),
        ({"difficulty": "odd"}, "easy questions, hard questions, or any"),
        ({"engine": ""}, "Choose 1 to 4 models"),
        ({"engine": "99"}, "Choose 1 to 4 models"),
        ({"teams": "Nobody"}, "no team named"),
        ({"share": "101"}, "from 1 to 100"),
        ({"least_characters": "9", "most_characters": "3"}, "ends before it begins"),
        ({"most_characters": "x"}, "whole numbers"),
        ({"level": "local_only"}, "would do nothing"),
    ],
)
def test_rules_that_cannot_be(admin: User, changes: dict[str, str], told: str) -> None:
    reader = Reader(admin)
    reader.post(MODELS, form())
    sent = {"name": "Rule", "engine": LanguageModel.objects.get().key} | changes
    assert told in text(reader.post(ROUTES, sent), 400)
    assert not RoutingRule.objects.exists()


def test_the_way_of_a_prompt(admin: User) -> None:
    reader = Reader(admin)
    assert "no $question" in text(reader.post(PROMPTS, {"template": f"{TEMPLATE} $question"}), 400)
    page = text(reader.post(PROMPTS, {"template": f"{TEMPLATE}\n<b>", "note": "Short"}, follow=True))
    assert "Compared with version 1" in page
    assert "Added: </span>&lt;b&gt;" in page
    assert "The sources stand between" in page
    assert "Version 2 is active" in text(reader.post(f"{PROMPTS}/2/act", {"action": "activate"}, follow=True))
    assert "is no draft" in text(reader.post(f"{PROMPTS}/2/act", {"action": "delete"}, follow=True))
    assert "Version 1 is active" in text(reader.post(f"{PROMPTS}/1/act", {"action": "activate"}, follow=True))
    assert PromptVersion.objects.get().state == PromptVersion.State.RETIRED
    assert "no version 9" in text(reader.get(f"{PROMPTS}/9", follow=True))
    assert "&lt;b&gt;" in text(reader.get(f"{PROMPTS}?from=2"))


def test_quotas_are_added_and_removed(admin: User) -> None:
    reader = Reader(admin)
    sent = {"scope": "each", "period": "day", "amount": "100,000", "unit": "tokens"}
    assert "100,000 tokens a day" in text(reader.post(QUOTAS, sent, follow=True))
    sent = {"scope": "person", "whom": "admin@example.com", "period": "month", "amount": "12.50"}
    assert "12.50 USD a month" in text(reader.post(QUOTAS, sent | {"unit": "money"}, follow=True))
    assert "no person with" in text(reader.post(QUOTAS, sent | {"unit": "money", "whom": "x"}), 400)
    assert "The limit is a number" in text(reader.post(QUOTAS, sent | {"amount": "-1"}), 400)
    assert "can refuse" in text(
        reader.post(QUOTAS, sent | {"unit": "money", "engine": "env", "when_reached": "refuse"}), 400
    ) or "Choose a model" in text(reader.post(QUOTAS, sent | {"unit": "money", "engine": "9"}), 400)
    reader.post(QUOTAS, {"form": "remove", "quota": str(Quota.objects.earliest("pk").pk)})
    assert Quota.objects.get().scope == Quota.Scope.PERSON


def test_what_may_leave_is_decided(admin: User) -> None:
    reader = Reader(admin)
    page = text(
        reader.post(OUTBOUND, {"card": "block", "email": "off", "words": "Falcon\nfalcon  two"}, follow=True)
    )
    assert '<option value="block" selected>' in page
    assert "Falcon\nfalcon two</textarea>" in page
    assert "at most 100 characters" in text(reader.post(OUTBOUND, {"words": "x" * 101}), 400)


def test_for_all_others_nothing_of_it_exists(cast: Cast, admin: User) -> None:
    Reader(admin).post(MODELS, form())
    model = LanguageModel.objects.get()
    for person in (cast.alice, cast.bob, cast.charlie):
        reader = Reader(person)
        assert "Language models" not in text(reader.get("/manage/ingestion"))
        for page in PAGES:
            assert reader.get(page).status_code == 404
            assert reader.post(page, form(form="add")).status_code == 404
        assert reader.post(ROUTES, {"form": "judge", "judge": model.key}).status_code == 404
        assert reader.post(ROUTES, {"form": "try", "q": "Why?", "in_play": "public"}).status_code == 404
        for action in ("approve", "test", "delete"):
            assert reader.post(f"{MODELS}/{model.pk}/act", {"action": action}).status_code == 404
        assert reader.post(f"{PROMPTS}/1/act", {"action": "activate"}).status_code == 404
    model.refresh_from_db()
    assert (model.state, model.tested_at) == ("draft", None)
    assert current_setup().policy.judge == ""
    for kept in (RoutingRule, PromptVersion, Quota):
        assert not kept.objects.exists()


@override_settings(LLM_BASE_URL="http://127.0.0.1:9/v1", LLM_MODEL="house")
def test_a_refused_question_gets_a_page_that_says_until_when(cast: Cast) -> None:
    add_quota(draft=QuotaDraft("each", "day", tokens=0, when_reached="refuse"))
    current_setup()  # what a process does with its first question: it learns of the quota
    response = Reader(cast.bob).post("/ask", {"q": "How long is the warranty?"})
    page = text(response, 429)
    assert "It begins again on" in page
    assert int(response["Retry-After"]) > 0
    api = Reader(headers=factories.bearer(cast.bob))
    refused = api.post(
        "/api/v1/answers", {"question": "How long is the warranty?"}, content_type="application/json"
    )
    assert (refused.status_code, refused["Content-Type"]) == (429, "application/problem+json")
    assert int(refused["Retry-After"]) > 0
    assert "Search works on" in refused.json()["detail"]


def test_managers_say_that_a_collection_is_local_only(cast: Cast) -> None:
    sent = {"form": "describe", "title": "Blueprints", "description": "", "sensitivity": "local_only"}
    page = text(Reader(cast.alice).post("/collections/blueprints/settings", sent, follow=True))
    assert '<option value="local_only" selected>' in page
    cast.papers.refresh_from_db()
    assert cast.papers.sensitivity == "local_only"
    sent["sensitivity"] = "cosmic"
    assert "one of the list" in text(Reader(cast.alice).post("/collections/blueprints/settings", sent), 400)
