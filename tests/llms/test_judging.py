"""Hard questions go to another model: by rules, or by a model that is asked where it may see them."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import DatabaseError
from django.test import override_settings

from portal.accounts.models import User
from portal.answers.services import ask, stream_answer
from portal.llms import judging, routes
from portal.llms.models import LanguageModel, Revision, Use
from portal.llms.quotas import QuotaDraft, add_quota
from portal.llms.registry import decide, delete_model
from portal.llms.setup import current_setup
from retrieval.errors import InvalidInputError
from tests.factories import Cast
from tests.fakes.openai_server import FakeServer
from tests.llms.asking import QUESTION, asked, sensitivity
from tests.llms.servers import Server, register

pytestmark = pytest.mark.django_db(transaction=True)

EASY = QUESTION
HARD = "How long is the warranty of the kettle compared with other kettles?"


@pytest.fixture
def judge() -> Iterator[Server]:
    """Says that every question is hard."""
    with Server(FakeServer("say", reply="hard")) as server:
        yield server


@pytest.fixture
def large(admin: User, here: Server) -> LanguageModel:
    """A small model answers; hard questions go to this one."""
    register(admin, here, "Small")
    model = register(admin, here, "Large", by_rule_only=True)
    routes.add_rule(draft=routes.RuleDraft("Hard ones", [model.key], difficulty="hard"))
    return model


def appoint(admin: User, server: Server, **more: Any) -> LanguageModel:
    model = register(admin, server, "Judge", **{"by_rule_only": True} | more)
    judging.appoint_judge(key=model.key)
    return model


def test_a_hard_question_goes_to_another_model_and_the_answer_says_why(
    cast: Cast, large: LanguageModel
) -> None:
    easy, hard = asked(cast.alice, EASY), asked(cast.alice, HARD)
    assert (easy.model == large.model, hard.model) == (False, large.model)
    assert (easy.provenance.rule, hard.provenance.rule) == ("Otherwise", "Hard ones")
    made = hard.provenance
    assert (made.difficulty, made.judged_by) == ("hard", "")
    assert "compares" in made.signs
    assert easy.provenance.difficulty == "easy"


def test_a_model_says_it_and_is_counted(cast: Cast, admin: User, large: LanguageModel, judge: Server) -> None:
    model = appoint(admin, judge)
    answer = asked(cast.alice, EASY)
    made = answer.provenance
    assert (answer.model, made.rule, made.difficulty, made.judged_by) == (
        large.model,
        "Hard ones",
        "hard",
        "Judge",
    )
    assert [(one.name, one.told) for one in made.models] == [
        ("Judge", "said how hard the question is"),
        ("Large", "answered"),
    ]
    use = Use.objects.get(engine=model.key)
    assert (use.user, use.requests) == (cast.alice, 1)
    assert use.prompt_tokens > 0
    assert "warranty" in str(judge.fake.requests)
    assert "24 months" not in str(judge.fake.requests), "it is sent the question, no passage"


@pytest.mark.parametrize("behaviour", ["hang-before-headers", "error", "empty", "endless", "quote"])
@override_settings(DIFFICULTY_JUDGE_MS=300)
def test_where_it_fails_the_rules_say_it(
    cast: Cast, admin: User, large: LanguageModel, behaviour: str
) -> None:
    with Server(FakeServer(behaviour)) as broken:
        appoint(admin, broken)
        began = time.monotonic()
        easy, hard = asked(cast.alice, EASY), asked(cast.alice, HARD)
        assert time.monotonic() - began < 10
    assert (easy.model == large.model, hard.model) == (False, large.model)
    assert (hard.provenance.difficulty, hard.provenance.judged_by) == ("hard", "")
    assert hard.provenance.models[0].name == "Judge"


def test_one_elsewhere_is_sent_nothing_that_is_local_only(
    cast: Cast, admin: User, large: LanguageModel, judge: Server
) -> None:
    appoint(admin, judge, runs="external", sees="confidential")
    sensitivity("local_only")
    answer = asked(cast.alice, HARD)
    assert (answer.model, answer.provenance.judged_by) == (large.model, "")
    assert judge.bytes_seen == 0
    sensitivity("internal")
    assert asked(cast.alice, EASY).provenance.judged_by == "Judge"
    assert judge.bytes_seen > 0


def test_it_is_not_asked_where_it_may_not_serve_or_decides_nothing(
    cast: Cast, admin: User, large: LanguageModel, judge: Server
) -> None:
    model = appoint(admin, judge)
    (rule,) = routes.list_rules()
    routes.turn(rule=rule, on=False)
    assert asked(cast.alice, EASY).provenance.judged_by == ""
    routes.turn(rule=rule, on=True)
    quota = add_quota(draft=QuotaDraft("each", "day", engine=model.key, tokens=0))
    assert asked(cast.alice, EASY).provenance.judged_by == ""
    quota.delete()
    decide(user=admin, model=model, approve=False)
    assert asked(cast.alice, EASY).provenance.judged_by == ""
    assert judge.bytes_seen == 0


def test_a_judge_that_is_deleted_judges_no_more(
    cast: Cast, admin: User, large: LanguageModel, judge: Server
) -> None:
    model = appoint(admin, judge)
    assert current_setup().policy.judge == model.key
    delete_model(model=model)
    assert (Revision.objects.get().judge, current_setup().policy.judge) == ("", "")
    assert asked(cast.alice, HARD).model == large.model
    with pytest.raises(InvalidInputError, match="Choose a model"):
        judging.appoint_judge(key="99")


@override_settings(DIFFICULTY_JUDGE_MS=5000)
def test_a_reader_who_goes_away_has_used_it_all_the_same(
    cast: Cast, admin: User, large: LanguageModel
) -> None:
    with Server(FakeServer("hang-before-headers")) as slow:
        model = appoint(admin, slow)
        question = ask(user=cast.alice, text=EASY)

        async def leave() -> None:
            async def read() -> None:
                async for _ in stream_answer(user=cast.alice, question=question):
                    pass

            reading = asyncio.ensure_future(read())
            for _ in range(200):
                await asyncio.sleep(0.05)
                if slow.fake.requests:
                    break
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

        async_to_sync(leave)()
    assert Use.objects.get(engine=model.key).prompt_tokens > 0


def test_a_use_that_cannot_be_counted_keeps_no_answer_away(
    cast: Cast, admin: User, large: LanguageModel, judge: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    appoint(admin, judge)

    def fail(**_: object) -> None:
        raise DatabaseError

    monkeypatch.setattr("portal.llms.quotas.note_use", fail)
    assert asked(cast.alice, EASY).provenance.judged_by == "Judge"


def test_a_question_is_tried_without_being_asked(
    cast: Cast, admin: User, large: LanguageModel, judge: Server
) -> None:
    tried = judging.try_question(user=admin, text=HARD, level="internal")
    assert (tried.rule, tried.engines, tried.assessment.difficulty) == ("Hard ones", ("Large",), "hard")
    assert judging.try_question(user=admin, text=EASY, level="internal").engines == ("Small",)
    model = appoint(admin, judge, runs="external", sees="internal")
    tried = judging.try_question(user=admin, text=EASY, level="internal")
    assert (tried.judge, tried.judge_failed, tried.engines) == ("Judge", False, ("Large",))
    assert Use.objects.get(engine=model.key).user == admin
    seen = judge.bytes_seen
    tried = judging.try_question(user=admin, text=EASY, level="confidential")
    assert (tried.judge, tried.engines) == ("", ("Small",))
    assert judge.bytes_seen == seen
    with pytest.raises(InvalidInputError):
        judging.try_question(user=admin, text="  ", level="internal")
