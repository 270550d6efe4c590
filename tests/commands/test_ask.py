import io
import json

import pytest
from django.core.management import CommandError, call_command

from tests import factories
from tests.factories import WARRANTY, Cast

QUESTION = "How long is the kettle's warranty?"


@pytest.fixture
def cast(db: None) -> Cast:
    return factories.cast(searchable=True)


def _ask(question: str = QUESTION, **options: object) -> str:
    out = io.StringIO()
    call_command("ask", question, stdout=out, **({"user": "bob@example.com"} | options))
    return out.getvalue()


def test_answer_with_citations(cast: Cast) -> None:
    out = _ask()
    assert "24 months" in out.splitlines()[0]
    assert "[1]" in out.splitlines()[0]
    assert "[1] Warranty terms (warranty.txt, page 1), Blueprints, score" in out
    assert "engine extractive" in out
    assert " ms" in out.splitlines()[-1]


def test_json(cast: Cast) -> None:
    shown = json.loads(_ask(json=True))
    assert shown["state"] == "answered"
    assert shown["citations"][0]["passage"] == WARRANTY
    assert shown["citations"][0]["document_id"] == str(cast.paper.pk)


def test_an_outsider_is_refused(cast: Cast) -> None:
    out = _ask(user="charlie@example.com")
    assert "24 months" not in out
    assert "Warranty terms" not in out
    assert json.loads(_ask(user="charlie@example.com", json=True))["state"] == "refused"


def test_a_hidden_collection_is_like_a_missing_one(cast: Cast) -> None:
    messages = []
    for slug in ("blueprints", "missing"):
        with pytest.raises(CommandError) as error:
            _ask(user="charlie@example.com", collection=[slug])
        messages.append(str(error.value))
    assert messages[0] == messages[1]


@pytest.mark.parametrize("question", ["", "x" * 100_000])
def test_questions_that_cannot_be_asked(cast: Cast, question: str) -> None:
    with pytest.raises(CommandError, match="question"):
        _ask(question)


def test_a_passage_does_not_steer_the_terminal(cast: Cast) -> None:
    factories.searchable_document(
        cast.papers, title="Trick\x1b]0;title", passages=["The pump\x1b[2J weighs 5 kg."]
    )
    out = _ask("How much does the pump weigh?")
    assert "5 kg" in out
    assert "\x1b" not in out


def test_signs_are_understood(cast: Cast) -> None:
    assert "24 months" in _ask(f"{QUESTION} collection:blueprints").splitlines()[0]
    assert json.loads(_ask(f"{QUESTION} -collection:blueprints", json=True))["state"] == "refused"
    with pytest.raises(CommandError, match="after:2024"):
        _ask(f"{QUESTION} after:yesterday")
