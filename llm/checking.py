"""What a model wrote, sentence by sentence: what each rests on, and when to stop listening."""

import asyncio
from collections.abc import Awaitable, Sequence

from llm.answer_reader import Read, Sentence
from llm.disagreement import Disagreement, Disagreements
from llm.embedding import Embedder
from llm.errors import LLMError
from llm.events import AnswerEvent, Citation, Conflict, SentenceDone, TextDelta
from llm.evidence import Evidence
from llm.grounding import Checks, Grounder, Judgement, Source
from llm.leaks import LeakedError, LeakGuard
from llm.passages import Passage
from llm.prompt import Prompt

UNGROUNDED = "The language model's answer was not in the documents; these are quotes from them."
LEAKED = "The language model wrote its instructions; these are quotes from the documents instead."

_UNSUPPORTED_IN_A_ROW = 3


class UngroundedError(Exception):
    """The model writes, but what it writes is not an answer from the passages; `notice` is for the reader."""

    def __init__(self, notice: str) -> None:
        super().__init__(notice)
        self.notice = notice


class Checker:
    """Turns what the model wrote into events, each sentence with what it rests on.

    The whole evidence is waited for where a sentence ends, so that its first words need not wait.
    """

    def __init__(
        self, prompt: Prompt, embedder: Embedder, whole: Awaitable[Evidence], checks: Checks
    ) -> None:
        self.withheld = 0
        self._prompt, self._embedder, self._whole = prompt, embedder, whole
        self._grounder: Grounder | None = None
        self._guard = LeakGuard(prompt.messages[0].content, [passage.text for passage in prompt.passages])
        self._numbering = Numbering(prompt.passages)
        self._cut_unsupported = checks.cut_unsupported
        self._model = checks.model
        self._sentence = 0
        self._judged = 0
        self._grounded = 0

    async def check(self, read: Read) -> list[AnswerEvent]:
        if isinstance(read, Sentence):
            return await self._sentence_events(read)
        try:
            words = self._guard.feed(read.text)
        except LeakedError as error:
            raise UngroundedError(LEAKED) from error
        return [TextDelta(self._sentence, words)] if words and not self._cut_unsupported else []

    async def _sentence_events(self, read: Sentence) -> list[AnswerEvent]:
        if self._grounder is None:
            evidence, passages = await self._whole, self._prompt.passages
            self._grounder = Grounder(
                passages, self._embedder, evidence.language, evidence.candidates, self._model
            )
            self._disagreements = Disagreements(passages, evidence.language)
        judgement, found = await asyncio.to_thread(self._judge, self._grounder, read)
        self._judged += 1
        self._grounded += judgement.support != "unsupported"
        if self._judged >= _UNSUPPORTED_IN_A_ROW and not self._grounded:
            raise UngroundedError(UNGROUNDED)
        held = self._guard.flush()
        if self._cut_unsupported and judgement.support == "unsupported":
            self.withheld += 1
            return []
        return [*self._rest(read.text if self._cut_unsupported else held), self._done(read, judgement, found)]

    def _judge(self, grounder: Grounder, read: Sentence) -> tuple[Judgement, Sequence[Disagreement]]:
        judgement = grounder.judge(read.text, read.numbers)
        if judgement.support == "unsupported":
            return judgement, ()
        return judgement, self._disagreements.with_sources(judgement.sources)

    def _rest(self, text: str) -> list[AnswerEvent]:
        return [TextDelta(self._sentence, text)] if text else []

    def _done(self, read: Sentence, judgement: Judgement, found: Sequence[Disagreement]) -> SentenceDone:
        number, self._sentence = self._sentence, self._sentence + 1
        return SentenceDone(
            number,
            read.text,
            self._numbering.cite(judgement.sources),
            judgement.support,
            judgement.reason,
            judgement.repair,
            self._numbering.conflicts(found),
        )

    def require_grounds(self) -> None:
        """Raise unless something of the answer is in the passages."""
        if not self._judged:
            raise LLMError("The language model's reply held no text.", kind="empty")
        if not self._grounded:
            raise UngroundedError(UNGROUNDED)


class Numbering:
    """Numbers passages in the order in which an answer first cites them."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = passages
        self._numbers: dict[int, int] = {}

    def cite(self, sources: Sequence[Source]) -> tuple[Citation, ...]:
        return tuple(
            Citation(
                self._numbers.setdefault(source.passage, len(self._numbers) + 1),
                self._passages[source.passage].key,
                source.start,
                source.end,
            )
            for source in sources
        )

    def conflicts(self, found: Sequence[Disagreement]) -> tuple[Conflict, ...]:
        return tuple(
            Conflict(self.cite([Source(one.passage, one.start, one.end)])[0], one.ours, one.theirs)
            for one in found
        )
