"""Which engine answers, and the limits it is held to."""

from dataclasses import dataclass
from typing import Literal

from llm.outbound import OutboundPolicy

EngineName = Literal["extractive", "llm"]


@dataclass(frozen=True, slots=True)
class LLMSpec:
    """A chat model behind an OpenAI-compatible server, e.g. `http://vllm:8000/v1`.

    Timeouts are seconds. `context_tokens` is the model's whole window; the prompt is packed into what
    `max_output_tokens` leaves of it. `key` is the registry's name of the model. One that is external is sent
    nothing that stays on the company's machines, and what `outbound` lets through.
    """

    base_url: str
    model: str
    api_key: str = ""
    context_tokens: int = 8192
    max_output_tokens: int = 700
    connect_timeout: float = 3.0
    first_token_timeout: float = 30.0
    between_tokens_timeout: float = 15.0
    total_timeout: float = 120.0
    temperature: float = 0.0
    key: str = ""
    is_external: bool = False
    outbound: OutboundPolicy | None = None


EngineConfig = LLMSpec
