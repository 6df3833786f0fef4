"""What the settings of a language model mean to the calls: requests made, tokens priced."""

from __future__ import annotations

from autoreward.config import LLMSettings, PriceSettings
from autoreward.llm.request import Message, Reply, Request

CACHE_WRITE_FACTOR = 1.25
"""Writing to a prompt cache costs this much of the input price (Anthropic's 5-minute cache; others
write for free and report no written tokens)."""


class Price(PriceSettings):
    """USD per million tokens; surcharges for very long prompts (> 100k tokens) are not modelled."""

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


def request_for(
    settings: LLMSettings, *messages: Message, sample: int = 0, role: str = ""
) -> Request:
    """Return a request for the settings' model.

    Raises:
        ValueError: There is no model.
    """
    if settings.model is None:
        raise ValueError("no language model is set")
    return Request(
        settings.model, messages, settings.max_tokens, settings.temperature, sample, role
    )
