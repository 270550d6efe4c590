"""Passages become an answer: refused, quoted, or written by a model and checked; always as a stream."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from llm.accounting import attempt_of
from llm.ahead import Ahead
from llm.answer_reader import AnswerReader, Read
from llm.chat import ChatModel, ChatPiece
from llm.checking import Checker, Numbering, UngroundedError
from llm.disagreement import Disagreements
from llm.embedding import Embedder
from llm.engines import EngineConfig, EngineName, LLMSpec
from llm.errors import LLMError
from llm.events import (
    AnswerEvent,
    Attempt,
    Citation,
    Conflict,
    EngineChosen,
    Finished,
    Refused,
    Restarted,
    SentenceDone,
    TextDelta,
    Withheld,
)
from llm.evidence import Evidence, Gathering
from llm.extractive import choose_quotes, text_deltas
from llm.grounding import Checks, Source
from llm.passages import Passage
from llm.plain_text import remove_invisible
from llm.prompt import (
    NOT_IN_SOURCES,
    Frame,
    Prompt,
    build_prompt,
    with_fewer_sources,
)
from llm.providers.openai_chat import OpenAIChat
from llm.turns import turns_for
from llm.weighing import TooWeakError, Weighing

__all__ = [
    "AnswerEvent",
    "Attempt",
    "Citation",
    "Conflict",
    "EngineChosen",
    "EngineConfig",
    "Finished",
    "LLMSpec",
    "Passage",
    "Refused",
    "Restarted",
    "SentenceDone",
    "TextDelta",
    "Withheld",
    "is_left_alone",
    "stream_answer",
]

log = logging.getLogger(__name__)

NOT_FOUND = "The documents that you can see do not answer this."
NO_REPLY = "The language model did not answer; these are quotes from the documents."
BROKE_OFF = "The language model's answer broke off; these are quotes from the documents."
WITHHELD = "What was found may not leave for the language model; these are quotes from the documents."
ANOTHER_MODEL = "The first language model's answer broke off; another one answers."
CUT_AT_LIMIT = "The answer was cut here at its greatest length."

_NEAREST = 3
_ATTEMPTS_AT_LENGTH = 4
_SENDING_SECONDS = 0.1


async def stream_answer(
    *,
    question: str,
    passages: Sequence[Passage],
    embedder: Embedder,
    llm: LLMSpec | Sequence[LLMSpec] | None,
    language: str = "en",
    checks: Checks | None = None,
    frame: Frame | None = None,
    notice: str = "",
    attempts: list[Attempt] | None = None,
) -> AsyncGenerator[AnswerEvent, None]:
    """Answer `question` from `passages` (best first), event by event; `Finished` comes last.

    `llm` may be several models: each is asked when the one before it has failed. Without any (`notice` may
    say why), and when all have failed, the answer is made of quotes. One that runs here is asked while the
    evidence is weighed; where that is too weak, its work is stopped and nothing of it told. One that is
    elsewhere is asked afterwards. Where `checks` say to cut, a model's words are told sentence by sentence,
    and only those of sentences that a source supports, well or weakly. Every
    model that was asked is added to `attempts`, also where the reader went away. Of the earlier turns in
    `frame` each model is sent what it may see. Close the iterator to stop the model's work. Raises
    EmbeddingError.
    """
    llms = (llm,) if isinstance(llm, LLMSpec) else tuple(llm or ())
    kept = [] if attempts is None else attempts
    answer = _Answer(
        question,
        passages,
        embedder,
        llms,
        frame or Frame(),
        notice,
        kept,
        checks or Checks(),
    )
    weighing = Weighing(
        partial(Gathering, question=question, passages=passages, embedder=embedder, language=language)
    )
    async with aclosing(weighing), aclosing(answer.events(weighing)) as events:
        async for event in events:
            answer.note(event)
            yield event
    yield answer.finished()


@dataclass
class _Answer:
    """One answer in the making."""

    question: str
    passages: Sequence[Passage]
    embedder: Embedder
    llms: Sequence[LLMSpec]
    frame: Frame
    notice: str
    attempts: list[Attempt]
    checks: Checks
    engine: EngineName = "extractive"
    model: str = ""
    started: float = field(default_factory=time.monotonic)
    first_token_ms: int | None = None
    usage: ChatPiece = field(default_factory=ChatPiece)
    written: str = ""
    shown: bool = False
    cut_at_limit: bool = False

    async def events(self, weighing: Weighing) -> AsyncGenerator[AnswerEvent, None]:
        try:
            async with aclosing(self._answered(weighing)) as events:
                async for event in events:
                    yield event
        except TooWeakError:
            self.usage = ChatPiece()
            yield self._refusal()

    async def _answered(self, weighing: Weighing) -> AsyncGenerator[AnswerEvent, None]:
        await self._weigh_before_asking(weighing)
        notice = self.notice
        for position, llm in enumerate(self.llms, start=1):
            chat = OpenAIChat(llm)
            if chat.is_left_alone:
                self.attempts.append(Attempt(llm.key, llm.model, "unavailable", 0, 0, estimated=False))
                notice = NO_REPLY
                continue
            if llm.is_external or weighing.is_known:
                await weighing.require_enough()
            try:
                async with aclosing(self._written(chat, llm, weighing)) as written:
                    async for event in written:
                        yield event
                    return
            except LLMError as error:
                log.warning("language model failed: kind=%s model=%s", error.kind, llm.model)
                notice = _notice_of(error, shown=self.shown)
            except UngroundedError as error:
                log.warning("language model's answer was stopped: model=%s %s", llm.model, error.notice)
                notice = error.notice
                break
            if self.shown and position < len(self.llms):
                yield Restarted(ANOTHER_MODEL)
                self.shown = False
        if self.shown:
            yield Restarted(notice)
        await weighing.require_enough()
        async for event in self._quoted(await weighing.whole(), notice):
            yield event
            await asyncio.sleep(0)

    async def _weigh_before_asking(self, weighing: Weighing) -> None:
        """Raise TooWeakError before anything is sent, but for a model that runs here and is asked first."""
        asked = next((llm for llm in self.llms if not is_left_alone(llm)), None)
        if asked is None:
            await weighing.whole()
        if asked is None or asked.is_external or not self.passages:
            await weighing.require_enough()

    def note(self, event: AnswerEvent) -> None:
        """Keep what the last event reports on."""
        if isinstance(event, EngineChosen):
            self.engine, self.model = event.engine, event.model
        elif isinstance(event, TextDelta):
            self.shown = True
            if self.first_token_ms is None:
                self.first_token_ms = self._elapsed_ms()

    def finished(self) -> Finished:
        return Finished(
            self.engine,
            self.model,
            self.first_token_ms,
            self._elapsed_ms(),
            self.usage.prompt_tokens,
            self.usage.output_tokens,
        )

    def _elapsed_ms(self) -> int:
        return round((time.monotonic() - self.started) * 1000)

    def _refusal(self) -> Refused:
        return Refused(NOT_FOUND, tuple(passage.key for passage in self.passages[:_NEAREST]))

    async def _quoted(self, evidence: Evidence, notice: str) -> AsyncGenerator[AnswerEvent, None]:
        yield EngineChosen("extractive", self.embedder.name, notice)
        numbering = Numbering(self.passages)
        disagreements = Disagreements(self.passages, evidence.language)
        for number, quote in enumerate(choose_quotes(evidence, self.passages)):
            text = " ".join(remove_invisible(quote.text).split())
            for delta in text_deltas(text):
                yield TextDelta(number, delta)
            source = Source(quote.passage, quote.start, quote.end)
            found = await asyncio.to_thread(disagreements.with_sources, [source])
            citations = numbering.cite([source])
            yield SentenceDone(number, text, citations, "supported", conflicts=numbering.conflicts(found))

    async def _written(
        self, chat: ChatModel, llm: LLMSpec, weighing: Weighing
    ) -> AsyncGenerator[AnswerEvent, None]:
        _require_may_leave(self.passages, llm)
        prompt = build_prompt(
            question=self.question,
            passages=self.passages,
            context_tokens=llm.context_tokens,
            max_output_tokens=llm.max_output_tokens,
            frame=replace(self.frame, turns=turns_for(self.frame.turns, llm)),
        )
        with self._attempt(chat, llm, prompt):
            async with aclosing(Ahead(self._reads(chat, prompt))) as ahead:
                # A thread that computes would hold up the request by Python's lock.
                await ahead.until(chat.sent, seconds=_SENDING_SECONDS)
                await weighing.first()
                ahead.raise_fault()
                await weighing.require_enough()
                async with aclosing(self._checked(ahead, llm, prompt, weighing)) as events:
                    async for event in events:
                        yield event

    async def _checked(
        self, reads: AsyncIterator[Read], llm: LLMSpec, prompt: Prompt, weighing: Weighing
    ) -> AsyncGenerator[AnswerEvent, None]:
        """What a model wrote as events, from when the evidence is known to suffice."""
        checker = Checker(prompt, self.embedder, weighing.whole(), self.checks)
        is_first = True
        async for read in reads:
            if is_first:
                is_first = False
                yield EngineChosen("llm", llm.model)
                if NOT_IN_SOURCES in read.text:
                    yield self._refusal()
                    return
            for event in await checker.check(read):
                yield self._marked_if_cut(event)
        checker.require_grounds()
        if checker.withheld:
            yield Withheld(checker.withheld)

    @contextmanager
    def _attempt(self, chat: ChatModel, llm: LLMSpec, prompt: Prompt) -> Iterator[None]:
        """Keep what this model was asked, and what became of it, however it ends."""
        self.usage, self.written, self.cut_at_limit = ChatPiece(), "", False
        outcome = "abandoned"
        try:
            yield
            outcome = "answered"
        except LLMError as error:
            outcome = error.kind
            raise
        except UngroundedError:
            outcome = "ungrounded"
            raise
        finally:
            self.attempts.append(
                attempt_of(chat, outcome, messages=prompt.messages, written=self.written, usage=self.usage)
            )

    def _marked_if_cut(self, event: AnswerEvent) -> AnswerEvent:
        """Only the last sentence is still unread when the server says that its limit is reached."""
        if self.cut_at_limit and isinstance(event, SentenceDone):
            return replace(event, reason=f"{event.reason} {CUT_AT_LIMIT}".strip())
        return event

    async def _reads(self, chat: ChatModel, prompt: Prompt) -> AsyncGenerator[Read, None]:
        reader = AnswerReader(prompt.marker, whole=NOT_IN_SOURCES)
        async with aclosing(_pieces(chat, prompt)) as pieces:
            async for piece in pieces:
                self.cut_at_limit = self.cut_at_limit or piece.stop_reason == "length"
                self.written += piece.text
                if piece.prompt_tokens is not None or piece.output_tokens is not None:
                    self.usage = piece
                for read in reader.feed(piece.text):
                    yield read
        for read in reader.close():
            yield read


async def _pieces(chat: ChatModel, prompt: Prompt) -> AsyncGenerator[ChatPiece, None]:
    """The model's reply; where the prompt is too long for its server after all, to ever fewer sources."""
    messages = prompt.messages
    for attempts_left in reversed(range(_ATTEMPTS_AT_LENGTH)):
        try:
            async with aclosing(chat.stream(messages)) as pieces:
                async for piece in pieces:
                    yield piece
        except LLMError as error:
            if error.kind != "overflow" or not attempts_left:
                raise
            messages = with_fewer_sources(messages)
        else:
            return


def is_left_alone(llm: LLMSpec) -> bool:
    """Whether a model failed repeatedly and is not asked now."""
    return OpenAIChat(llm).is_left_alone


def _notice_of(error: LLMError, *, shown: bool) -> str:
    if error.kind == "withheld":
        return WITHHELD
    return BROKE_OFF if shown else NO_REPLY


def _require_may_leave(passages: Sequence[Passage], llm: LLMSpec) -> None:
    """Raise LLMError where a passage stays here and the model is elsewhere, whatever route was chosen."""
    if llm.is_external and any(passage.stays_here for passage in passages):
        raise LLMError(f"{llm.model} may not see these passages: they are local only.", kind="withheld")
