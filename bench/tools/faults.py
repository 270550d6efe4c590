"""The faults of a model server, each as a server of ours has it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """`behaviour` is that of `tests.fakes.openai_server`; empty, nothing listens there.

    `survives` tells that the model answers in spite of it, `opens_breaker` that the server is not well.
    """

    name: str
    behaviour: str
    survives: bool = False
    opens_breaker: bool = True


FAULTS = (
    Fault("connection refused", ""),
    Fault("hangs before headers", "hang-before-headers"),
    Fault("hangs in mid-stream", "hang-mid-stream"),
    Fault("429 with Retry-After", "rate-limited-for-seconds"),
    Fault("429 without Retry-After", "rate-limited"),
    Fault("500", "error"),
    Fault("503", "unavailable"),
    Fault("stream cut", "cut"),
    Fault("invalid UTF-8", "invalid-utf8"),
    Fault("invalid JSON", "invalid-json"),
    Fault("endless output", "endless"),
    Fault("empty output", "empty"),
    Fault("wrong model name", "wrong-model"),
    Fault("context overflow", "overflow", survives=True, opens_breaker=False),
    Fault("context overflow, whatever is sent", "overflow-always", opens_breaker=False),
    Fault("slow drip", "slow-drip"),
)
