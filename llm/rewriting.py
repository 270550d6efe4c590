"""A follow-up question made to stand alone by a language model: one short call that may fail at any time.

The model is given earlier questions of the same person and no answer. What it writes is a question made of
their words, or it is not used.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from llm.chat import Message
from llm.engines import LLMSpec
from llm.events import Attempt
from llm.plain_text import remove_invisible
from llm.prompt import disarmed
from llm.short_call import ask_shortly
from llm.words import content_terms, guess_language, numbers

REWROTE = "rewrote"
_OUTPUT_TOKENS = 120
_MOST_EARLIER = 4
_EARLIER_CHARACTERS = 400
_LONGEST = 500
_SHORTEST = 5
_MOST_NEW_TERMS = 1
_LEAST_KEPT = 0.5
_SIGNS = re.compile(r'["\u201c\u201d\u201e\u201f*\[\]{}<>]|\b[A-Za-z]+:\S|(?:^|\s)-\w|://')
_LABEL = re.compile(r"^(?:rewritten question|stand-?alone question|question|frage)\s*:\s*", re.IGNORECASE)
_THOUGHT = re.compile(r"<think>.*?(?:</think>|$)", re.DOTALL)

_SYSTEM = """You rewrite the last question of a conversation so that it can be understood without the others.
Rules:
1. Replace words such as "it" or "one", and add what is left out, with words of the earlier questions.
2. Change nothing else, and add nothing that no question says. Keep its language, names, numbers and dates.
3. If it can be understood alone already, repeat it as it is.
4. Reply with the question in one line and nothing else. Do not answer it."""


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What a model made of a question; empty where it cannot be used. `attempt` is what it has used."""

    question: str
    attempt: Attempt


async def rewrite(*, question: str, before: Sequence[str], llm: LLMSpec, seconds: float) -> Rewriting:
    """Ask a model to make `question` stand alone; `before` are the earlier ones, the last one first.

    Takes `seconds` at most.
    """
    attempts: list[Attempt] = []
    written = await ask_shortly(
        _messages(question, before),
        llm=llm,
        seconds=seconds,
        output_tokens=_OUTPUT_TOKENS,
        purpose="rewriting",
        outcome=REWROTE,
        attempts=attempts,
    )
    return Rewriting(usable(written, question, before), attempts[0])


def usable(written: str, question: str, before: Sequence[str]) -> str:
    """Return what a model wrote as a question, or nothing where it is none made of these questions' words."""
    lines = [line.strip() for line in _THOUGHT.sub("", written).splitlines() if line.strip()]
    if len(lines) != 1:
        return ""
    line = _LABEL.sub("", " ".join(remove_invisible(lines[0]).split())).strip("\"'\u201c\u201d ")
    if not _SHORTEST <= len(line) <= _LONGEST or _SIGNS.search(line):
        return ""
    language = guess_language(" ".join((question, *before)), "en")
    known = {term for one in (question, *before) for term in content_terms(one, language)}
    own, has = set(content_terms(question, language)), set(content_terms(line, language))
    is_faithful = (
        len(has - known) <= _MOST_NEW_TERMS
        and numbers(line) <= {number for one in (question, *before) for number in numbers(one)}
        and numbers(question) <= numbers(line)
        and len(own & has) >= _LEAST_KEPT * len(own)
    )
    return line if has and is_faithful else ""


def _messages(question: str, before: Sequence[str]) -> list[Message]:
    earlier = [disarmed(one)[:_EARLIER_CHARACTERS] for one in reversed(before[:_MOST_EARLIER])]
    told = "\n".join(f"{number}. {one}" for number, one in enumerate(earlier, 1))
    return [
        Message("system", _SYSTEM),
        Message("user", f"Earlier questions:\n{told}\nLast question: {disarmed(question)}"),
    ]
