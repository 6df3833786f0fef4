"""The `llm:` section of a configuration."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from autoreward.llm.request import Message, Reply, Request

CACHE_WRITE_FACTOR = 1.25
"""Writing to a prompt cache costs this much of the input price (Anthropic's 5-minute cache; others
write for free and report no written tokens)."""


class Price(BaseModel):
    """USD per million tokens; surcharges for very long prompts (> 100k tokens) are not modelled."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    input: float = Field(ge=0)
    """USD per million tokens of the prompt."""
    output: float = Field(ge=0)
    """USD per million tokens of the answer."""
    cached: float | None = Field(default=None, ge=0)
    """USD per million prompt tokens read from the provider's cache; default: as `input`."""

    def of(self, reply: Reply) -> float:
        """Return what `reply` cost in USD, from its token counts."""
        cached = self.input if self.cached is None else self.cached
        plain = reply.input_tokens - reply.cached_tokens - reply.written_tokens
        prompt = (plain + CACHE_WRITE_FACTOR * reply.written_tokens) * self.input
        return (prompt + reply.cached_tokens * cached + reply.output_tokens * self.output) / 1e6

    def worst(self, input_tokens: int, output_tokens: int) -> float:
        """Return the most that so many tokens can cost in USD."""
        dearest = max(CACHE_WRITE_FACTOR * self.input, self.cached or 0.0)
        return (input_tokens * dearest + output_tokens * self.output) / 1e6


class LLMSettings(BaseModel):
    """Which language model is asked, how, and at what price."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    model: str | None = None
    """`openai/NAME` (also any OpenAI-compatible server, with `api_base`), `anthropic/NAME`, any
    LiteLLM name such as `gemini/NAME`, or `manual` (prompts and answers as files). None: no
    language model."""
    api_base: str | None = None
    """Address of the server, e.g. `http://127.0.0.1:8000/v1`; default: the provider's own."""
    api_key_env: str | None = None
    """Name of the environment variable that holds the key; default: the provider's usual one."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """Sampling temperature; None leaves it to the provider, which several models insist on."""
    max_tokens: int = Field(default=8192, ge=1)
    """Most tokens of one answer, reasoning included."""
    timeout_s: float = Field(default=300.0, gt=0)
    """Seconds a server may stay silent before the attempt is given up."""
    concurrency: int = Field(default=4, ge=1)
    """Most calls on the wire at once."""
    attempts: int = Field(default=5, ge=1)
    """Most attempts at one answer; retried is only what can pass (429, 5xx, lost connection, …)."""
    cache: Literal["auto", "replay", "refresh"] = "auto"
    """`auto` asks once ever; `replay` never asks (no answer is an error); `refresh` asks anew."""
    price: Price | None = None
    """USD per million tokens; default: LiteLLM's table. Without it a server on this machine costs
    0, and any other model whose price is not in the table is refused."""

    def request(self, *messages: Message, sample: int = 0, role: str = "") -> Request:
        """Return a request for this model with these settings.

        Raises:
            ValueError: There is no model.
        """
        if self.model is None:
            raise ValueError("no language model is set")
        return Request(self.model, messages, self.max_tokens, self.temperature, sample, role)
