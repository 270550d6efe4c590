"""What happens while an answer is made, in the order in which a page can show it."""

from dataclasses import dataclass
from typing import Literal

from llm.engines import EngineName

Support = Literal["supported", "weak", "unsupported"]
Repair = Literal["", "moved", "added"]


@dataclass(frozen=True, slots=True)
class EngineChosen:
    """`engine` answers from here on; `notice` tells people when it is not the one they expect."""

    engine: EngineName
    model: str
    notice: str = ""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Plain text to append to sentence number `sentence` (from 0)."""

    sentence: int
    text: str


@dataclass(frozen=True, slots=True)
class Citation:
    """`number` (from 1, by first use in this answer) stands for a passage; `start:end` is the span that
    supports the sentence, in characters of the passage's text."""

    number: int
    passage_key: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another source says `theirs` where what the sentence rests on says `ours`."""

    citation: Citation
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class SentenceDone:
    """A whole sentence, what it cites, and whether what it cites supports it.

    `repair` tells that a citation was moved to the passage that does say it, or added.
    """

    sentence: int
    text: str
    citations: tuple[Citation, ...]
    support: Support
    reason: str = ""
    repair: Repair = ""
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True, slots=True)
class Withheld:
    """So many sentences of the answer are not shown, because no source supports them."""

    sentences: int


@dataclass(frozen=True, slots=True)
class Restarted:
    """Everything shown so far is void: the engine failed, and another begins again from sentence 0."""

    notice: str


@dataclass(frozen=True, slots=True)
class Refused:
    """There is no answer in these passages; `nearest` are the keys of the closest ones."""

    reason: str
    nearest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A model that was asked. `outcome` is "answered", "ungrounded", "abandoned", what a model was asked
    beside the answer, or the kind of the fault.

    Tokens are the server's own counts, or `estimated` from characters. `masked` counts what was taken out of
    the prompt, by kind.
    """

    key: str
    model: str
    outcome: str
    prompt_tokens: int
    output_tokens: int
    estimated: bool
    masked: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event. Milliseconds count from the call; token counts are the server's own, or None."""

    engine: EngineName
    model: str
    first_token_ms: int | None
    total_ms: int
    prompt_tokens: int | None = None
    output_tokens: int | None = None


AnswerEvent = EngineChosen | TextDelta | SentenceDone | Withheld | Restarted | Refused | Finished
