"""Follow-up questions by rules: what they become, and what must stay as it is."""
# ruff: noqa: E501  a line of the table is a conversation

import pytest

from llm.follow_up import may_depend, stand_alone

REWRITTEN = [
    ("How much may staff spend on a hotel in Paris?", "and in Berlin?", "How much may staff spend on a hotel in Berlin?"),
    ("What was the revenue in 2022?", "and in 2023?", "What was the revenue in 2023?"),
    ("What was the revenue in 2022?", "2023?", "What was the revenue in 2023?"),
    ("What was the revenue of Apple in Q2 2022?", "and in Q3?", "What was the revenue of Apple in Q3 2022?"),
    ("What was the revenue of Apple in 2022?", "and in Q3 2023?", "What was the revenue of Apple in Q3 2023?"),
    ("What was the revenue?", "and in 2023?", "What was the revenue in 2023?"),
    ("What was revenue in March?", "And April?", "What was revenue in April?"),
    ("How long is the warranty of the Falcon kettle?", "what about the Eagle?", "How long is the warranty of the Eagle kettle?"),
    ("How do I return the kettle?", "what about the toaster?", "How do I return the toaster?"),
    ("How many days of annual leave do employees get?", "and part-time staff?", "How many days of annual leave do employees get for part-time staff?"),
    ("How many days of leave do I get?", "and for interns?", "How many days of leave do I get for interns?"),
    ("How long is the warranty of the Falcon kettle?", "And why?", "How long is the warranty of the Falcon kettle, and why?"),
    ("How long is the warranty?", "since when?", "How long is the warranty, and since when?"),
    ("Do I need a PIN?", "Why?", "Why do I need a PIN?"),
    ("How do I add a generation?", "how do I remove one?", "How do I remove a generation?"),
    ("How do I make an API token?", "And how do I revoke it?", "How do I revoke the API token?"),
    ("What is the notice period?", "Can it be extended?", "Can the notice period be extended?"),
    ("What is the notice period for employees?", "Who decides about it?", "Who decides about the notice period for employees?"),
    ("How long is parental leave?", "Who pays for it?", "Who pays for parental leave?"),
    ("How do I reset passwords?", "How often must I change them?", "How often must I change passwords?"),
    ("Who is the head of Blue?", "When did she join?", "When did the head of Blue join?"),
    ("Does Cited support PDF files?", "how large may they be?", "How large may PDF files be?"),
    ("Where can I find the travel policy?", "Who wrote it?", "Who wrote the travel policy?"),
    ("What does the Falcon kettle weigh?", "What is its price?", "What is the price of the Falcon kettle?"),
    ("Is remote work allowed?", "Does that include Fridays?", "Is remote work allowed: does that include Fridays?"),
    ("Wie viel dürfen Mitarbeiter für ein Hotel in Paris ausgeben?", "und in Berlin?", "Wie viel dürfen Mitarbeiter für ein Hotel in Berlin ausgeben?"),
    ("Wie hoch war der Umsatz im Jahr 2022?", "und 2023?", "Wie hoch war der Umsatz im Jahr 2023?"),
    ("Wie hoch war der Umsatz im Jahr 2022?", "Und im Jahr 2023?", "Wie hoch war der Umsatz im Jahr 2023?"),
    ("Wie lange gilt die Garantie für den Toaster?", "und die Waschmaschine?", "Wie lange gilt die Garantie für die Waschmaschine?"),
    ("Wie hoch ist die Grenze für ein Hotel in Paris?", "Was ist mit Berlin?", "Wie hoch ist die Grenze für ein Hotel in Berlin?"),
    ("Wie lange gilt die Garantie?", "Warum?", "Wie lange gilt die Garantie, und warum?"),
    ("Brauche ich eine PIN?", "Warum?", "Warum brauche ich eine PIN?"),
    ("Wie füge ich eine Generation hinzu?", "Wie entferne ich sie?", "Wie entferne ich eine Generation?"),
    ("Wie viele Urlaubstage bekommen Mitarbeiter?", "und für Praktikanten?", "Wie viele Urlaubstage bekommen Mitarbeiter für Praktikanten?"),
    ("Was kostet der Wasserkocher?", "Wer bezahlt dafür?", "Was kostet der Wasserkocher: wer bezahlt dafür?"),
    ("Wo finde ich die Reiserichtlinie?", "Wer hat sie geschrieben?", "Wer hat die Reiserichtlinie geschrieben?"),
    ("Wie lange ist die Probezeit?", "Kann man sie verlängern?", "Kann man die Probezeit verlängern?"),
    ("Wie beantrage ich Elternzeit?", "Seit wann?", "Wie beantrage ich Elternzeit, und seit wann?"),
]  # fmt: skip
BEFORE = "How long is the warranty of the Falcon kettle?"
VORHER = "Wie lange gilt die Garantie für den Wasserkocher?"
KEPT = [
    (BEFORE, "And what is the maximum size of a file?"),
    (BEFORE, "Is it possible to export answers?"),
    (BEFORE, "When an employee is ill, whom do they tell?"),
    (BEFORE, "If the box is open, can it be returned?"),
    (BEFORE, "How do I remove a generation?"),
    (BEFORE, "What does this portal do?"),
    (BEFORE, "How long does it take to index a file?"),
    (BEFORE, "Who is Ada Lovelace?"),
    (BEFORE, "How much does one licence cost?"),
    (BEFORE, "What was the revenue of Apple in 2023?"),
    (BEFORE, "vacation policy"),
    (BEFORE, "Who said that the office closes early?"),
    (BEFORE, "Are there parking places?"),
    (BEFORE, "How do managers and their teams plan leave?"),
    (VORHER, "Gibt es Parkplätze?"),
    (VORHER, "Ist es möglich, Antworten zu exportieren?"),
    (VORHER, "Wie füge ich eine Generation hinzu?"),
    (VORHER, "Wie können Sie mir helfen?"),
    (VORHER, "Wenn ein Mitarbeiter krank ist, wem muss er es melden?"),
    (VORHER, "Wer leitet die Abteilung Vertrieb?"),
    ("¿Cuánto dura la garantía del hervidor de agua y para quién?", "¿y en Berlín?"),
]


@pytest.mark.parametrize(("before", "question", "wanted"), REWRITTEN)
def test_a_follow_up_is_made_to_stand_alone(before: str, question: str, wanted: str) -> None:
    assert stand_alone(question, [before]) == wanted
    assert may_depend(question, [before])


@pytest.mark.parametrize(("before", "question"), KEPT)
def test_what_stands_alone_stays_as_it_is(before: str, question: str) -> None:
    assert stand_alone(question, [before]) == question


def test_the_first_question_of_a_conversation_stays_whatever_it_says() -> None:
    assert stand_alone("and in 2023?", []) == "and in 2023?"
    assert not may_depend("and in 2023?", [])


def test_whole_questions_are_not_even_asked_about() -> None:
    for question in ("How do I remove a generation?", "What was the revenue of Apple in 2023?"):
        assert not may_depend(question, [BEFORE])


def test_a_long_question_costs_no_time() -> None:
    long = "the " * 5_000
    assert stand_alone(f"why is {long} it?", [f"What is {long}?"])
