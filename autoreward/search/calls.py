"""Language model calls in the journal, each under the proposal that it is made for."""

from __future__ import annotations

import contextvars

from autoreward.llm.request import Reply
from autoreward.store.journal import Journal

current_proposal: contextvars.ContextVar[int | None] = contextvars.ContextVar(
    "current_proposal", default=None
)
"""The proposal that a language model call is made for."""


class JournaledCalls:
    """Writes language model calls into the run's journal, under the proposal they are made for."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def reserve(self, key: str, role: str, model: str, usd: float, tokens: int) -> None:
        """Book the worst case of a call."""
        proposal = current_proposal.get()
        self._journal.reserve_call(
            key, proposal=proposal, role=role, model=model, usd=usd, tokens=tokens
        )

    def settle(self, key: str, reply: Reply) -> None:
        """Replace it by what the call took."""
        self._journal.settle_call(
            key,
            input_tokens=reply.input_tokens,
            cached_tokens=reply.cached_tokens,
            output_tokens=reply.output_tokens,
            usd=reply.usd,
            seconds=reply.seconds,
        )

    def lose(self, key: str) -> None:
        """The answer was lost on the way: the worst case stays booked."""
        self._journal.lose_call(key)

    def release(self, key: str) -> None:
        """The call failed and cost nothing."""
        self._journal.release_call(key)
