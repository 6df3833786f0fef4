"""Cross: one clear idea out of two parents."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from autoreward.agents.designer import Attempt, Brief, Operator
from autoreward.agents.operators.turns import in_turn
from autoreward.seeds import rng


class CrossOperator:
    """For two parents that are good at different things."""

    name: Operator = "cross"

    def fits(self, brief: Brief) -> bool:
        """Return whether there are two parents."""
        return len(brief.history) > 1

    def parents(self, brief: Brief) -> tuple[Attempt, ...]:
        """Return the parent whose turn it is, and another one drawn by rank."""
        first = in_turn(brief)
        others = [attempt for attempt in brief.history if attempt is not first]
        return first, _by_rank(others, rng(brief.run_seed, "llm", brief.proposal, brief.retry))

    def variables(self, brief: Brief, parents: Sequence[Attempt]) -> dict[str, object]:
        """Return nothing: the two parents are all there is to say."""
        return {}


def _by_rank(ranked: Sequence[Attempt], random: Random) -> Attempt:
    """Draw one; the one at rank r (from 1) with weight 1 / r."""
    return random.choices(ranked, [1.0 / rank for rank in range(1, len(ranked) + 1)])[0]
