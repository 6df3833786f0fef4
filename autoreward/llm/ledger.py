"""What language models have cost and may cost: one ledger for all models of a run."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Protocol

from autoreward.errors import BudgetExceeded
from autoreward.llm.request import Reply, Request


class CallJournal(Protocol):
    """Where calls are written down (the run's journal). Called by one thread at a time, of many.

    A key may come again: `refresh` asks anew, and after a kill a call that was on the wire is asked
    again. Each time is money of its own.
    """

    def reserve(self, key: str, role: str, model: str, usd: float, tokens: int) -> None:
        """A call goes out and can cost this much; until settled it counts as spent."""
        ...

    def settle(self, key: str, reply: Reply) -> None:
        """The call was answered; `reply.usd` and its token counts are what it took."""
        ...

    def release(self, key: str) -> None:
        """The call failed; providers do not bill errors."""
        ...

    def lose(self, key: str) -> None:
        """The answer was lost on the way and may be billed: it stays booked at its worst case."""
        ...


@dataclass(frozen=True)
class Spent:
    """Totals of a run."""

    usd: float = 0.0
    tokens: int = 0
    """Prompt and answer together."""
    calls: int = 0


class Ledger:
    """Holds calls to the user's limits: what is settled and what is on the wire never exceed them.

    Args:
        max_usd: Most dollars, None for no limit.
        max_tokens: Most tokens, None for no limit.
        spent: What the run had spent before, calls that a kill left on the wire included.
        journal: Told of every call, inside the lock.
        max_calls: Most calls, None for no limit.
    """

    def __init__(
        self,
        max_usd: float | None = None,
        max_tokens: int | None = None,
        spent: Spent | None = None,
        journal: CallJournal | None = None,
        *,
        max_calls: int | None = None,
    ) -> None:
        self.max_usd, self.max_tokens, self.max_calls = max_usd, max_tokens, max_calls
        self._journal = journal
        self._spent, self._held = spent or Spent(), Spent()
        self._changed = threading.Condition()

    @property
    def spent(self) -> Spent:
        """What answered and lost calls took, those before this process included."""
        with self._changed:
            return self._spent

    def reserve(self, request: Request, usd: float, tokens: int) -> None:
        """Set the worst case of a call aside; `settle`, `release` or `lose` must follow.

        If the call fits only once others on the wire turn out cheaper than their worst case, this
        waits for them.

        Raises:
            BudgetExceeded: It does not fit into what is left.
        """
        with self._changed:
            while short := self._short(usd, tokens, self._held):
                if self._short(usd, tokens, Spent()):
                    raise BudgetExceeded(short)
                self._changed.wait()
            if self._journal:
                self._journal.reserve(request.key, request.role, request.model, usd, tokens)
            self._held = _sum(self._held, usd, tokens, 1)

    def settle(self, request: Request, usd: float, tokens: int, reply: Reply) -> None:
        """Replace the reserved `usd` and `tokens` by what `reply` took."""
        with self._changed:
            self._free(usd, tokens)
            took = reply.input_tokens + reply.output_tokens
            self._spent = _sum(self._spent, reply.usd, took, 1)
            if self._journal:
                self._journal.settle(request.key, reply)

    def release(self, request: Request, usd: float, tokens: int) -> None:
        """Give the reserved `usd` and `tokens` back: the call failed."""
        with self._changed:
            self._free(usd, tokens)
            if self._journal:
                self._journal.release(request.key)

    def lose(self, request: Request, usd: float, tokens: int) -> None:
        """Count the reserved `usd` and `tokens` as spent: nobody knows what became of the call."""
        with self._changed:
            self._free(usd, tokens)
            self._spent = _sum(self._spent, usd, tokens, 1)
            if self._journal:
                self._journal.lose(request.key)

    def _free(self, usd: float, tokens: int) -> None:
        self._held = _sum(self._held, -usd, -tokens, -1)
        if not self._held.calls:
            self._held = Spent()  # sheds the rounding of many small sums
        self._changed.notify_all()

    def _short(self, usd: float, tokens: int, held: Spent) -> str:
        """Return why so much more does not fit, empty if it does."""
        checks = (
            (self.max_usd, self._spent.usd, held.usd, usd, "USD"),
            (self.max_tokens, self._spent.tokens, held.tokens, tokens, "tokens"),
            (self.max_calls, self._spent.calls, held.calls, 1, "calls"),
        )
        for limit, spent, waiting, more, unit in checks:
            if limit is not None and spent + waiting + more > limit:
                return (
                    f"the limit of {limit:g} {unit} for language models is reached: {spent:.6g} "
                    f"spent, and the next call could take {more:.6g} more"
                )
        return ""


def _sum(total: Spent, usd: float, tokens: int, calls: int) -> Spent:
    return Spent(total.usd + usd, total.tokens + tokens, total.calls + calls)
