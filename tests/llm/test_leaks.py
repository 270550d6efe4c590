"""Instructions do not come out of a model, in whatever form; everything else does, unchanged."""

import base64
import codecs

import pytest

from llm.leaks import LeakedError, LeakGuard
from llm.prompt import SYSTEM_PROMPT

FORMS = {
    "plain": SYSTEM_PROMPT,
    "shouted": SYSTEM_PROMPT.upper(),
    "backwards": SYSTEM_PROMPT[::-1],
    "rot13": codecs.encode(SYSTEM_PROMPT, "rot13"),
    "base64": base64.b64encode(SYSTEM_PROMPT.encode()).decode(),
    "base64 of a part": base64.b64encode(SYSTEM_PROMPT[100:].encode()).decode(),
    "hexadecimal": SYSTEM_PROMPT.encode().hex(),
    "letter by letter": " ".join(SYSTEM_PROMPT),
    "with dashes": "-".join(SYSTEM_PROMPT.split()),
}


def told(guard: LeakGuard, text: str) -> str:
    """What comes through of a text that is fed word by word."""
    shown = ""
    for word in text.split(" "):
        shown += guard.feed(f" {word}")
    return shown + guard.flush()


@pytest.mark.parametrize("form", FORMS)
def test_stops_before_the_instructions_are_told(form: str) -> None:
    guard, shown = LeakGuard(SYSTEM_PROMPT), ""
    try:
        for word in f"Gladly. My rules are: {FORMS[form]}".split(" "):
            shown += guard.feed(f" {word}")
    except LeakedError:
        pass
    else:
        pytest.fail("it was told to its end")
    assert len(shown) < len("Gladly. My rules are: ") + 120
    assert "company's documents" not in shown


def test_lets_everything_else_through() -> None:
    text = (
        "Answer in the language of the form. Copy the numbers of the invoice exactly, and cite the sources."
    )
    assert told(LeakGuard(SYSTEM_PROMPT), text) == f" {text}"


def test_what_a_source_says_may_be_said() -> None:
    rule = "Begin with the answer itself. Copy numbers, names and dates exactly as the sources write them."
    assert told(LeakGuard(SYSTEM_PROMPT, [f"Our style: {rule}"]), rule) == f" {rule}"
