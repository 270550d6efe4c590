"""How hard a question is: by rules with reasons, and by a model that says one word."""

import asyncio
import time

import pytest

from llm.difficulty import HARD, Difficulty, assess
from llm.difficulty_judge import JUDGED, judge_difficulty, said
from llm.events import Attempt
from llm.outbound import OutboundPolicy
from tests.fakes.openai_server import FakeServer
from tests.llm.conftest import spec_of

EASY = [
    "How long is the warranty of the kettle?",
    "When was the plant in Lyon opened?",
    "In which year did the company move?",
    "Who approves a trip?",
    "How do I reset my password?",
    "kettle warranty",
    "How many rooms have more than 20 seats?",
    "Which rooms may not be booked?",
    "Wie lange gilt die Garantie?",
    "Wie heißt der Vorstand?",
    "Quand a ouvert le magasin de Lyon ?",
    "¿Cuándo abrió la tienda?",
    "第二四半期の売上は?",
    "",
]
HARDER = [
    ("Why did sales fall in 2023?", "asks for reasons"),
    ("What is the difference between the standard and the premium warranty?", "compares"),
    ("How long is the warranty compared with that of other kettles?", "compares"),
    ("Is the hotel in Paris cheaper than the one in Rome?", "compares"),
    ("How do I reset my password if I lost my phone?", "has a condition"),
    ("Who may approve a trip, and what happens then, and why?", "asks 3 things at once"),
    ("What does it cost? What is included? Where is it?", "asks 3 things at once"),
    ("How is leave not taken by the end of the year paid out?", "asks for what is not"),
    ("How do Acme, Globex and Initech report to Hooli?", "names 4 things"),
    ("Summarise the travel policy.", "asks for an explanation or a summary"),
    ("What " + "very " * 55 + "long thing is this?", "is long: 60 words"),
    ("Warum ist die Marge in Lyon gesunken?", "asks for reasons"),
    ("Was ist der Unterschied zwischen Tarif A und Tarif B?", "compares"),
    ("Wie beantrage ich Urlaub, wenn ich krank bin?", "has a condition"),
    ("Pourquoi les ventes ont-elles baissé ?", "asks for reasons"),
    ("¿Por qué bajaron las ventas?", "asks for reasons"),
]


@pytest.mark.parametrize("question", EASY)
def test_what_asks_for_one_thing_is_easy(question: str) -> None:
    assert assess(question).difficulty == "easy"


@pytest.mark.parametrize(("question", "sign"), HARDER)
def test_what_asks_for_more_is_hard_and_says_why(question: str, sign: str) -> None:
    found = assess(question)
    assert found.difficulty == "hard"
    assert sign in [one.told for one in found.signs]
    assert found.score == sum(one.points for one in found.signs) >= HARD


def test_a_follow_up_is_harder_by_a_point() -> None:
    alone, leaning = (assess("How do I reset my password?", follows_up=one) for one in (False, True))
    assert leaning.score == alone.score + 1
    assert (alone.difficulty, leaning.difficulty) == ("easy", "hard")


def test_the_words_of_a_name_are_one_thing() -> None:
    three = assess("What did Ada Lovelace Byron tell?")
    assert not [one for one in three.signs if one.told.startswith("names")]


@pytest.mark.parametrize("text", ["why " * 4_000, "and what " * 4_000, "? " * 20_000, "a" * 40_000])
def test_long_nonsense_is_assessed_quickly(text: str) -> None:
    began = time.monotonic()
    assess(text)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("hard", "hard"),
        (" Easy.\n", "easy"),
        ('"HARD"', "hard"),
        ("**hard**", "hard"),
        ("<think>\n\n</think>\n\neasy", "easy"),
        ("", None),
        ("hardly", None),
        ("easy or hard", None),
        ("It is hard", None),
        ("<think>Is this easy", None),
    ],
)
def test_one_word_is_a_verdict_and_nothing_else(written: str, word: Difficulty | None) -> None:
    assert said(written) == word


def judged(
    server: FakeServer, *, seconds: float = 0.6, stays_here: bool = False, **more: object
) -> tuple[Difficulty | None, Attempt]:
    async def run() -> tuple[Difficulty | None, Attempt]:
        attempts: list[Attempt] = []
        async with server.running():
            spec = spec_of(server, key="1", **more)
            question = "Why did jo@example.com pay?"
            found = await judge_difficulty(
                question=question, llm=spec, seconds=seconds, stays_here=stays_here, attempts=attempts
            )
        (attempt,) = attempts
        return found, attempt

    return asyncio.run(run())


def test_a_model_is_asked_for_one_word() -> None:
    server = FakeServer("say", reply="hard")
    found, attempt = judged(server)
    assert (found, attempt.outcome) == ("hard", JUDGED)
    assert attempt.prompt_tokens > 0
    assert server.requests[0]["max_tokens"] == 16
    assert "Why did" in str(server.requests[0]["messages"])


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [("hang-before-headers", "timeout"), ("error", "server"), ("slow-drip", "timeout"), ("empty", "empty")],
)
def test_one_that_is_slow_or_down_says_nothing(behaviour: str, outcome: str) -> None:
    began = time.monotonic()
    found, attempt = judged(FakeServer(behaviour))
    assert (found, attempt.outcome) == (None, outcome)
    assert time.monotonic() - began < 10


def test_one_that_talks_on_is_cut_off() -> None:
    found, attempt = judged(FakeServer("say", reply="hard " * 200))
    assert (found, attempt.outcome) == (None, "malformed")


def test_what_may_not_leave_is_masked_for_it_or_keeps_it_from_being_asked() -> None:
    server = FakeServer("say", reply="hard")
    _, attempt = judged(server, outbound=OutboundPolicy())
    assert "jo@example.com" not in str(server.requests)
    assert dict(attempt.masked) == {"email": 1}
    held = FakeServer("say", reply="hard")
    found, attempt = judged(held, outbound=OutboundPolicy(email="block"))
    assert (found, attempt.outcome, held.requests) == (None, "withheld", [])


def test_a_question_that_stays_here_goes_to_no_model_elsewhere() -> None:
    server = FakeServer("say", reply="hard")
    found, attempt = judged(server, stays_here=True, is_external=True)
    assert (found, attempt.outcome, attempt.prompt_tokens) == (None, "withheld", 0)
    assert server.requests == []
    assert judged(server, stays_here=True)[0] == "hard"
