"""Simplify: a parent without what does not help."""

from __future__ import annotations

from collections.abc import Sequence

from autoreward.agents.designer import Attempt, Brief, Operator
from autoreward.agents.operators.faults import useless
from autoreward.agents.operators.turns import elites

_MANY = 5
"""Components from which on a reward is worth simplifying even if each of them pays."""


class SimplifyOperator:
    """For a parent with components that never paid, or with very many."""

    name: Operator = "simplify"

    def fits(self, brief: Brief) -> bool:
        """Return whether one of the parents has something to drop."""
        return any(_has_ballast(brief, attempt) for attempt in elites(brief))

    def parents(self, brief: Brief) -> tuple[Attempt, ...]:
        """Return the first parent that has something to drop."""
        return (next(attempt for attempt in elites(brief) if _has_ballast(brief, attempt)),)

    def variables(self, brief: Brief, parents: Sequence[Attempt]) -> dict[str, object]:
        """Return `idle`: component → remark, for those that a policy could not learn from."""
        return {"idle": useless(brief, parents[0])}


def _has_ballast(brief: Brief, attempt: Attempt) -> bool:
    count = len(attempt.components[-1]) if attempt.components else 0
    return count >= _MANY or (count > 1 and bool(useless(brief, attempt)))
