"""What is asked of a language model, what comes back, and the one protocol between them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol


@dataclass(frozen=True)
class Message:
    """One turn of a conversation. What stays the same from call to call goes first, as `system`."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Request:
    """Everything that decides an answer. Build it with `LLMSettings.request`."""

    model: str
    """`openai/NAME`, `anthropic/NAME`, `manual`, or a LiteLLM name."""
    messages: tuple[Message, ...]
    max_tokens: int = 8192
    """Most tokens of the answer, reasoning included."""
    temperature: float | None = None
    """None leaves it to the provider (several models accept nothing else)."""
    sample: int = 0
    """The i-th independent draw of one prompt: each is cached, retried and paid on its own."""
    role: str = ""
    """Which agent asks, for the journal; not part of the key."""

    @cached_property
    def key(self) -> str:
        """64 hex digits of what decides the answer (role, address, key, time-out do not)."""
        turns = [[message.role, message.content] for message in self.messages]
        parts = [self.model, turns, self.max_tokens, self.temperature, self.sample]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Reply:
    """An answer and what it took."""

    text: str
    model: str
    """The model's own name for itself, which may be more precise than the one asked for."""
    finish: str = "stop"
    """`stop`; `length`: cut off by `max_tokens`; `content_filter`: refused; else verbatim."""
    input_tokens: int = 0
    """Tokens of the prompt, those read from and written to the provider's prompt cache included."""
    cached_tokens: int = 0
    """Of these, read from the provider's prompt cache."""
    written_tokens: int = 0
    """Of these, written to the provider's prompt cache."""
    output_tokens: int = 0
    """Tokens of the answer, reasoning included."""
    usd: float = 0.0
    """What it cost when it was asked; read from our own cache it costs nothing again."""
    seconds: float = 0.0
    """From asking to the answer, in the attempt that was answered."""


class LLM(Protocol):
    """Anything that answers requests; safe to call from many threads at once."""

    def __call__(self, request: Request) -> Reply:
        """Answer `request`; raises LLMError or BudgetExceeded."""
        ...
