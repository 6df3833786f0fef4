"""Mutate: correct the one thing that is worst in a parent, and keep the rest."""

from __future__ import annotations

from collections.abc import Sequence

from autoreward.agents.designer import Attempt, Brief, Operator
from autoreward.agents.operators.faults import faults
from autoreward.agents.operators.turns import elites, in_turn


class MutateOperator:
    """For a parent that works in part: the usual way on."""

    name: Operator = "mutate"

    def fits(self, brief: Brief) -> bool:
        """Return whether anything was trained."""
        return bool(brief.history)

    def parents(self, brief: Brief) -> tuple[Attempt, ...]:
        """Return the parent whose turn it is."""
        return (in_turn(brief),)

    def variables(self, brief: Brief, parents: Sequence[Attempt]) -> dict[str, object]:
        """Return `fault`: what to correct, None where nothing was found.

        A parent that has several turns in a generation is corrected in another point each time.
        """
        known = faults(brief, parents[0])
        # Two neighbouring places share a parent; see `turn`.
        visit = brief.index // 2 // len(elites(brief)) + brief.index % 2
        return {"fault": known[visit % len(known)] if known else None}
