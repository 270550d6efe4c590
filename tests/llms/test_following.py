"""Follow-ups in their conversation: rewritten, given what was said before, and never more than may leave."""

from typing import Any

import pytest
from django.test import override_settings

from portal.accounts.models import User
from portal.answers import changing
from portal.answers.models import Answer, Question
from portal.answers.services import answer_now, ask, get_question
from portal.answers.shown import ShownAnswer
from portal.llms import routes
from portal.llms.models import LanguageModel, Use
from portal.llms.registry import decide
from retrieval.models import Collection
from tests import factories
from tests.factories import Cast
from tests.fakes.openai_server import FakeServer
from tests.llms.servers import Server, register

pytestmark = pytest.mark.django_db(transaction=True)

FIRST = "How long is the warranty of the Falcon kettle?"
SECRET = "The Falcon kettle is recalled because its heater melts at Tuttlingen."
SECRET_QUESTION = "Why is the Falcon kettle recalled?"


def elsewhere(admin: User, server: Server, **more: Any) -> LanguageModel:
    return register(admin, server, "Away", runs="external", **{"sees": "confidential"} | more)


def asked(user: User, text: str, after: Question | None = None) -> tuple[Question, ShownAnswer]:
    question = ask(user=user, text=text, conversation=after.conversation_id if after else None)
    shown = answer_now(user=user, question=question)
    return get_question(user=user, question_id=question.pk), shown


def secret_papers(cast: Cast) -> Collection:
    """A collection of Blue that is local only, with one document."""
    papers = factories.collection("Recalls", owner=cast.blue)
    factories.searchable_document(papers, title="Recall", passages=[SECRET])
    Collection.objects.filter(pk=papers.pk).update(sensitivity="local_only")
    return papers


def narrowed(user: User, text: str, slug: str, after: Question | None = None) -> Question:
    question = ask(
        user=user, text=text, collections=[slug], conversation=after.conversation_id if after else None
    )
    answer_now(user=user, question=question)
    return get_question(user=user, question_id=question.pk)


def test_without_a_model_rules_make_it_stand_alone(cast: Cast) -> None:
    first, _ = asked(cast.bob, FIRST)
    second, shown = asked(cast.bob, "And since when?", first)
    assert shown.searched_for == "How long is the warranty of the Falcon kettle, and since when?"
    assert (second.rewritten_by, shown.state) == ("rules", "answered")
    assert "24 months" in shown.sentences[0].text
    third, shown = asked(cast.bob, "Are returns free of charge?", second)
    assert (third.rewritten_by, shown.searched_for) == ("", "")


def test_filters_of_the_question_before_stay(cast: Cast) -> None:
    first, _ = asked(cast.bob, f"{FIRST} type:text")
    _, shown = asked(cast.bob, "And why?", first)
    assert shown.searched_for == "How long is the warranty of the Falcon kettle, and why? type:text"


def test_a_model_rewrites_by_the_same_quota_and_says_so(cast: Cast, admin: User) -> None:
    wanted = "How long is the warranty of the Falcon kettle in months?"
    with Server(FakeServer("say", reply=wanted, delay=0)) as server:
        register(admin, server, "House")
        first, _ = asked(cast.bob, FIRST)
        before = Use.objects.get().requests
        second, shown = asked(cast.bob, "and in months?", first)
        assert (second.rewritten_by, second.searched_for) == ("model", wanted)
        assert shown.provenance.models[0].told == "made the question stand alone"
        assert Use.objects.get().requests == before + 2
        asked_for = server.fake.requests[-1]["messages"]
    assert "Question: " + wanted in asked_for[-1]["content"]


def test_a_model_that_is_away_leaves_it_to_the_rules(cast: Cast, admin: User) -> None:
    first, _ = asked(cast.bob, FIRST)
    with Server(FakeServer("error")) as server:
        register(admin, server, "House")
        second, shown = asked(cast.bob, "And why?", first)
    assert (second.rewritten_by, shown.state) == ("rules", "answered")
    assert second.searched_for.endswith("Falcon kettle, and why?")


def test_what_was_said_goes_along_without_the_passages(cast: Cast, admin: User, here: Server) -> None:
    register(admin, here, "House")
    first, shown = asked(cast.bob, FIRST)
    assert "24 months" in shown.sentences[0].text
    asked(cast.bob, "Are returns free of charge?", first)
    messages = here.fake.requests[-1]["messages"]
    assert [one["role"] for one in messages] == ["system", "user", "assistant", "user"]
    assert messages[1]["content"] == FIRST
    assert "24" in messages[2]["content"]
    assert "SOURCES" not in messages[1]["content"] + messages[2]["content"]
    with override_settings(CONVERSATION_CONTEXT_TOKENS=0):
        asked(cast.bob, "Are returns free of charge?", first)
    assert len(here.fake.requests[-1]["messages"]) == 2


def test_nothing_of_another_conversation_goes_along(cast: Cast, admin: User, here: Server) -> None:
    register(admin, here, "House")
    asked(cast.bob, FIRST)
    asked(cast.bob, "Are returns free of charge?")
    assert len(here.fake.requests[-1]["messages"]) == 2


def test_a_closed_turn_does_not_go_along_and_leaves_no_word(cast: Cast, admin: User, here: Server) -> None:
    register(admin, here, "House")
    secret = factories.collection("Recalls", owner=cast.red)
    grant = factories.grant(secret, team=cast.blue)
    factories.searchable_document(secret, title="Recall", passages=[SECRET])
    first = narrowed(cast.bob, SECRET_QUESTION, secret.slug)
    assert "Tuttlingen" in str(Answer.objects.get().sentences)
    grant.delete()
    here.fake.requests.clear()
    asked(cast.bob, "how do I return it?", first)
    sent = str(here.fake.requests)
    assert "recalled" in sent, "the person's own question may go into the rewriting"
    assert "Tuttlingen" not in sent
    assert "heater" not in sent


def test_a_turn_of_a_local_only_collection_never_leaves(
    cast: Cast, admin: User, here: Server, away: Server
) -> None:
    """The recording server elsewhere sees neither its answer nor its question, and the one here sees both."""
    out, home = elsewhere(admin, away), register(admin, here, "House")
    routes.add_rule(draft=routes.RuleDraft("All go out", [out.key, home.key]))
    papers = secret_papers(cast)
    first = narrowed(cast.bob, SECRET_QUESTION, papers.slug)
    assert Answer.objects.get(question=first).model == home.model
    assert away.bytes_seen == 0
    public = narrowed(cast.bob, "Are returns free of charge within 30 days?", cast.papers.slug, first)
    assert Answer.objects.get(question=public).model == out.model
    seen = str(away.fake.requests)
    assert "Are returns free" in seen, "nothing was sent at all: the test would prove nothing"
    for word in ("Tuttlingen", "recalled", "heater", "Falcon kettle is"):
        assert word not in seen
    decide(user=admin, model=out, approve=False)
    narrowed(cast.bob, "Are returns free of charge within 30 days?", cast.papers.slug, public)
    assert "Tuttlingen" in str(here.fake.requests[-1]["messages"][1:-1])


def test_a_follow_up_that_leans_on_a_local_only_turn_does_not_leave_either(
    cast: Cast, admin: User, here: Server, away: Server
) -> None:
    out, home = elsewhere(admin, away), register(admin, here, "House")
    routes.add_rule(draft=routes.RuleDraft("All go out", [out.key, home.key]))
    papers = secret_papers(cast)
    first = narrowed(cast.bob, SECRET_QUESTION, papers.slug)
    second = narrowed(cast.bob, "and since when?", cast.papers.slug, first)
    assert second.searched_for
    assert second.leans_on == [papers.pk]
    assert away.bytes_seen == 0
    third = narrowed(cast.bob, "Are returns free of charge within 30 days?", cast.papers.slug, second)
    assert third.leans_on == []
    assert away.bytes_seen > 0
    assert "recalled" not in str(away.fake.requests)


def test_a_follow_up_is_not_sent_out_for_rewriting_where_something_searched_must_stay(
    cast: Cast, admin: User, away: Server
) -> None:
    """Before the search nobody knows what the question is about."""
    (first, _), (other, _) = asked(cast.bob, FIRST), asked(cast.bob, FIRST)
    secret_papers(cast)
    elsewhere(admin, away)
    second, _ = asked(cast.bob, "And why?", first)
    assert second.rewritten_by == "rules"
    assert away.bytes_seen == 0
    narrowed(cast.bob, "And why?", cast.papers.slug, other)
    assert "Last question: And why?" in str(away.fake.requests)


def test_a_turn_becomes_local_only_with_its_collection(cast: Cast, admin: User, away: Server) -> None:
    elsewhere(admin, away)
    first, shown = asked(cast.bob, FIRST)
    assert shown.engine == "llm"
    other = factories.collection("Prices", owner=cast.blue)
    factories.searchable_document(other, title="Prices", passages=["The toaster costs 30 euros."])
    Collection.objects.filter(pk=cast.papers.pk).update(sensitivity="local_only")
    away.fake.requests.clear()
    narrowed(cast.bob, "How much does the toaster cost?", other.slug, first)
    assert "toaster" in str(away.fake.requests)
    assert "warranty" not in str(away.fake.requests)


def test_an_answer_of_before_conversations_never_leaves(cast: Cast, admin: User, away: Server) -> None:
    elsewhere(admin, away)
    first, _ = asked(cast.bob, FIRST)
    Answer.objects.update(in_play=None)
    away.fake.requests.clear()
    asked(cast.bob, "Are returns free of charge within 30 days?", first)
    assert "24 months" not in str([body["messages"][1:-1] for body in away.fake.requests])


def test_a_share_is_sticky_to_the_conversation(cast: Cast, admin: User, here: Server, away: Server) -> None:
    one, other = register(admin, here, "One"), register(admin, away, "Other")
    rule = routes.RuleDraft("Half", [one.key], share=50, sticky_to="conversation")
    routes.add_rule(draft=rule)
    routes.add_rule(draft=routes.RuleDraft("Rest", [other.key]))
    seen = set()
    for _ in range(6):
        first, shown = asked(cast.bob, FIRST)
        models = {shown.model}
        for _ in range(2):
            models.add(asked(cast.bob, "Are returns free of charge?", first)[1].model)
        assert len(models) == 1
        seen |= models
    assert seen <= {one.model, other.model}


def test_what_is_searched_for_can_be_changed(cast: Cast) -> None:
    first, _ = asked(cast.bob, FIRST)
    second, _ = asked(cast.bob, "And why?", first)
    changing.search_for(user=cast.bob, question=second, text="Are returns free of charge?")
    again = get_question(user=cast.bob, question_id=second.pk)
    shown = answer_now(user=cast.bob, question=again)
    assert (shown.question, shown.searched_for) == ("And why?", "Are returns free of charge?")
    assert "30 days" in shown.sentences[0].text
    changing.search_for(user=cast.bob, question=again, text="And why?")
    typed = get_question(user=cast.bob, question_id=second.pk)
    shown = answer_now(user=cast.bob, question=typed)
    assert (shown.searched_for, typed.rewritten_by) == ("", "reader")
