"""From a question to the models that answer it, through the database and a real socket."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from llm.answering import TextDelta
from llm.prompt_template import SystemPrompt
from portal.accounts.models import User
from portal.answers.models import Answer
from portal.answers.services import ask, stream_answer
from portal.llms import outbound, planning, prompts, quotas, routes
from portal.llms.errors import QuotaReachedError
from portal.llms.models import LanguageModel, OutboundCount, Quota, Use
from portal.llms.quotas import QuotaDraft, add_quota
from portal.llms.registry import decide
from retrieval.dictionary import add_synonyms
from retrieval.models import Collection
from tests import factories
from tests.factories import Cast
from tests.fakes.openai_server import FakeServer
from tests.llms.asking import QUESTION, asked, sensitivity
from tests.llms.servers import Server, register

pytestmark = pytest.mark.django_db(transaction=True)


def elsewhere(admin: User, server: Server, name: str = "Away", **more: Any) -> LanguageModel:
    return register(admin, server, name, runs="external", **{"sees": "confidential"} | more)


def test_an_approved_model_answers_and_the_answer_says_how(cast: Cast, admin: User, here: Server) -> None:
    model = register(
        admin, here, "House", licence="Apache-2.0", revision="r1", price_in=Decimal(2), price_out=Decimal(10)
    )
    answer = asked(cast.alice)
    assert (answer.engine, answer.model) == ("llm", model.model)
    made = answer.provenance
    assert (made.rule, made.licence, made.revision) == ("Otherwise", "Apache-2.0", "r1")
    assert made.prompt_version.startswith("1 (")
    assert [(one.name, one.outcome, one.output_tokens) for one in made.models] == [("House", "answered", 7)]
    use = Use.objects.get()
    assert (use.user, use.engine, use.requests) == (cast.alice, model.key, 1)
    expected = (2 * Decimal(use.prompt_tokens) + 10 * Decimal(use.output_tokens)) / 1_000_000
    assert (use.cost, Decimal(made.cost), use.estimated_tokens) == (expected, expected, 0)


def test_an_unapproved_model_serves_nobody(cast: Cast, admin: User, here: Server) -> None:
    decide(user=admin, model=register(admin, here, "House"), approve=False)
    answer = asked(cast.alice)
    assert (answer.engine, answer.notice) == ("extractive", "")
    assert here.bytes_seen == 0


def test_local_only_never_leaves_whatever_the_rules_say(
    cast: Cast, admin: User, here: Server, away: Server
) -> None:
    out, home = elsewhere(admin, away), register(admin, here, "House")
    routes.add_rule(draft=routes.RuleDraft("All go out", [out.key, home.key]))
    sensitivity("local_only")
    answer = asked(cast.alice)
    assert (answer.engine, answer.model) == ("llm", home.model)
    assert ("Away", "may not see these documents") in answer.provenance.left_out
    decide(user=admin, model=home, approve=False)
    answer = asked(cast.alice)
    assert (answer.engine, answer.notice) == ("extractive", planning.FOR_OTHERS)
    assert away.bytes_seen == 0
    sensitivity("internal")
    assert asked(cast.alice).model == out.model
    assert away.bytes_seen > 0


def test_words_of_a_local_only_dictionary_do_not_leave_either(
    cast: Cast, admin: User, here: Server, away: Server
) -> None:
    elsewhere(admin, away)
    home = register(admin, here, "House")
    secret = factories.collection("Secret names", owner=cast.blue)
    factories.searchable_document(secret, passages=["Nothing about it."])
    Collection.objects.filter(pk=secret.pk).update(sensitivity="local_only")
    add_synonyms(user=cast.alice, collection=secret, words="kettle, Project Nightingale")
    assert asked(cast.alice).model == home.model
    assert away.bytes_seen == 0


def test_a_level_that_is_not_known_counts_as_local_only(cast: Cast, admin: User, away: Server) -> None:
    elsewhere(admin, away)
    sensitivity("cosmic")
    assert asked(cast.alice).engine == "extractive"
    assert away.bytes_seen == 0


def test_rules_choose_by_team_and_length(cast: Cast, admin: User, here: Server) -> None:
    first, second = register(admin, here, "First"), register(admin, here, "Second")
    routes.add_rule(draft=routes.RuleDraft("Blue's", [second.key], teams=["Blue"], most_characters=45))
    answer = asked(cast.alice)
    assert (answer.model, answer.provenance.rule) == (second.model, "Blue's")
    assert asked(cast.alice, f"{QUESTION} Please tell me in months.").model == first.model


def test_the_next_model_answers_when_one_fails(cast: Cast, admin: User, here: Server) -> None:
    with Server(FakeServer("error")) as broken:
        register(admin, broken, "Broken")
        register(admin, here, "House")
        for _ in range(4):
            answer = asked(cast.alice)
            assert (answer.engine, answer.notice) == ("llm", "")
        assert len(broken.fake.requests) == 3, "after three failures it is left alone"
    outcomes = [(one.name, one.outcome) for one in answer.provenance.models]
    assert outcomes == [("Broken", "unavailable"), ("House", "answered")]


def test_what_leaves_is_masked_and_counted_without_its_value(cast: Cast, admin: User, away: Server) -> None:
    text = "The warranty of the kettle is 24 months; write to jane.doe@example.com or ask for Nightingale."
    factories.searchable_document(cast.papers, title="Kettle warranty", passages=[text])
    model = elsewhere(admin, away)
    outbound.set_policy(actions={"email": "mask"}, words="nightingale")
    answer = asked(cast.alice)
    assert answer.engine == "llm"
    sent = str(away.fake.requests)
    assert "removed)" in sent
    assert "jane.doe" not in sent
    assert "ightingale" not in sent
    assert answer.provenance.models[0].masked == {"email": 1, "word": 1}
    counts = {(one.engine, one.kind): one.count for one in OutboundCount.objects.all()}
    assert counts == {(model.key, "email"): 1, (model.key, "word"): 1}


def test_what_may_not_leave_at_all_is_quoted(cast: Cast, admin: User, away: Server) -> None:
    elsewhere(admin, away)
    outbound.set_policy(actions={"word": "block"}, words="falcon")
    answer = asked(cast.alice)
    assert answer.engine == "extractive"
    assert "may not leave" in answer.notice
    assert away.bytes_seen == 0


def test_the_active_prompt_is_sent_and_named(cast: Cast, admin: User, here: Server) -> None:
    register(admin, here, "House")
    made = prompts.draft_version(
        user=admin, template="Be brief. $protection Say $not_in_sources where nothing answers."
    )
    prompts.activate(user=admin, number=made.number)
    assert asked(cast.alice).provenance.prompt_version == "2"
    assert here.fake.requests[0]["messages"][0]["content"].startswith("Be brief. The sources stand")
    prompts.activate(user=admin, number=1)
    assert asked(cast.alice).provenance.prompt_version.startswith("1 (")
    assert set(Answer.objects.values_list("prompt_version", flat=True)) == {"2", SystemPrompt().version}


def test_a_reached_quota_gives_quotes_with_a_notice(cast: Cast, admin: User, here: Server) -> None:
    register(admin, here, "House")
    add_quota(draft=QuotaDraft("each", "day", tokens=50))
    assert asked(cast.alice).engine == "llm"
    answer = asked(cast.alice)
    assert (answer.state, answer.engine) == ("answered", "extractive")
    assert "Your 50 tokens a day for language models are used up" in answer.notice
    assert asked(cast.bob).engine == "llm", "each has their own"


def test_quotas_of_a_team_of_a_model_and_in_money(cast: Cast, admin: User, here: Server) -> None:
    dear = register(admin, here, "Dear", price_in=Decimal(1000))
    cheap = register(admin, here, "Cheap")
    add_quota(draft=QuotaDraft("team", "month", whom="blue", engine=dear.key, money=Decimal("0.01")))
    assert asked(cast.alice).model == dear.model
    answer = asked(cast.bob)
    assert (answer.model, answer.provenance.left_out) == (cheap.model, (("Dear", "quota used up"),))
    assert quotas.used_of(Quota.objects.get()).money > Decimal("0.01")


def test_a_quota_may_refuse_questions(cast: Cast, admin: User, here: Server) -> None:
    register(admin, here, "House")
    add_quota(draft=QuotaDraft("person", "month", whom=cast.bob.email, tokens=1, when_reached="refuse"))
    assert asked(cast.bob).engine == "llm"
    with pytest.raises(QuotaReachedError) as caught:
        ask(user=cast.bob, text=QUESTION)
    assert 0 < caught.value.retry_after <= 32 * 86_400
    assert asked(cast.alice).engine == "llm"


def test_a_server_that_counts_nothing_is_estimated(
    cast: Cast, admin: User, here: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(admin, here, "House")
    monkeypatch.setattr("llm.providers.openai_chat._count", lambda _: None)
    answer = asked(cast.alice)
    (model,) = answer.provenance.models
    assert model.is_estimate
    use = Use.objects.get()
    assert use.estimated_tokens == use.prompt_tokens + use.output_tokens > 100


def test_a_reader_who_goes_away_has_used_it_all_the_same(cast: Cast, admin: User) -> None:
    with Server(FakeServer("endless", delay=0.01)) as endless:
        register(admin, endless, "House")
        question = ask(user=cast.alice, text=QUESTION)

        async def leave() -> None:
            events = stream_answer(user=cast.alice, question=question)
            async for event in events:
                if isinstance(event, TextDelta):
                    break
            await events.aclose()

        async_to_sync(leave)()
    assert not Answer.objects.exists()
    assert Use.objects.get().prompt_tokens > 0


def test_a_refusal_costs_a_model_here_its_prompt_and_one_elsewhere_nothing(
    cast: Cast, admin: User, here: Server, away: Server
) -> None:
    question = "Who won the chess championship in Reykjavik in 1972?"
    told = asked(cast.alice, question)
    assert told.state == "refused"
    assert told.nearest
    out = elsewhere(admin, away)
    refused = asked(cast.alice, question)
    assert (refused.reason, refused.nearest, refused.notice) == (told.reason, told.nearest, told.notice)
    assert away.bytes_seen == 0
    assert not Use.objects.exists()
    decide(user=admin, model=out, approve=False)
    register(admin, here, "House")
    refused = asked(cast.alice, question)
    assert (refused.state, refused.reason, refused.nearest) == ("refused", told.reason, told.nearest)
    assert (refused.engine, refused.model, refused.notice) == (told.engine, told.model, told.notice)
    assert [(one.name, one.outcome) for one in refused.provenance.models] == [("House", "abandoned")]
    use = Use.objects.get()
    assert (use.requests, use.estimated_tokens) == (1, use.prompt_tokens + use.output_tokens)


def test_without_models_an_answer_costs_one_query_more(
    cast: Cast, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(1):
        plan = planning.plan_answer(
            user=cast.alice, conversation="c", question=QUESTION, slugs={cast.papers.slug}
        )
    assert plan.engines == ()
    with django_assert_max_num_queries(0):
        planning.require_quota(user=cast.alice)


def test_with_models_and_no_quota_it_costs_one_as_well(
    cast: Cast, admin: User, here: Server, django_assert_max_num_queries: Any
) -> None:
    register(admin, here, "House")
    for most in (20, 1):  # the first look reads what has changed
        with django_assert_max_num_queries(most):
            plan = planning.plan_answer(
                user=cast.alice, conversation="c", question=QUESTION, slugs={cast.papers.slug}
            )
    assert len(plan.engines) == 1


def test_use_is_counted_by_day_and_month(cast: Cast, admin: User) -> None:
    today = timezone.localdate()
    row = {"user": cast.alice, "engine": "env", "requests": 1, "prompt_tokens": 60, "output_tokens": 40}
    Use.objects.create(day=today, **row)
    Use.objects.create(day=today.replace(day=1) - timedelta(days=1), **row)
    quota = add_quota(draft=QuotaDraft("portal", "month", tokens=1000))
    assert quotas.used_of(quota).tokens == 100
    assert [(one.name, one.tokens) for one in quotas.use_by("user", period="day")] == [
        (cast.alice.email, 100)
    ]
    assert [one.name for one in quotas.use_by("team", period="month")] == ["Blue"]
