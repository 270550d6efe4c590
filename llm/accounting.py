"""What a model that was asked has used: the server's own counts, or an estimate where it sent none."""

from collections.abc import Sequence

from llm.chat import ChatModel, ChatPiece, Message
from llm.events import Attempt
from llm.prompt import estimate_tokens

# What a server may have read, and may ask money for, although it sent nothing that can be used.
_READ_THE_PROMPT = {"answered", "ungrounded", "abandoned", "timeout", "cut", "empty", "malformed"}


def attempt_of(
    chat: ChatModel,
    outcome: str,
    *,
    messages: Sequence[Message],
    written: str,
    usage: ChatPiece,
    went_well: bool = False,
) -> Attempt:
    """Return what was used for `messages` and for what was `written`, however it ended."""
    sent, received = usage.prompt_tokens, usage.output_tokens
    is_incomplete = sent is None or received is None
    if sent is None:
        was_read = went_well or bool(written) or outcome in _READ_THE_PROMPT
        sent = sum(estimate_tokens(message.content) for message in messages) if was_read else 0
    if received is None:
        received = estimate_tokens(written)
    is_estimate = is_incomplete and bool(sent or received)
    return Attempt(chat.spec.key, chat.spec.model, outcome, sent, received, is_estimate, chat.masked)
