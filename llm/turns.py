"""Earlier turns of a conversation, as they may go to a model beside the passages."""

from collections.abc import Sequence
from dataclasses import dataclass

from llm.engines import LLMSpec


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier question, standing alone, and what was answered; citations are left out.

    `seen_by` are the keys of the models that may be sent it. What `stays_here` is sent to no model outside
    the company's machines, whatever its key.
    """

    question: str
    answer: str
    seen_by: frozenset[str] = frozenset()
    stays_here: bool = True


def turns_for(turns: Sequence[Turn], llm: LLMSpec) -> tuple[Turn, ...]:
    """Return those of the turns that may be sent to a model, in their order."""
    return tuple(
        turn for turn in turns if llm.key in turn.seen_by and not (turn.stays_here and llm.is_external)
    )
