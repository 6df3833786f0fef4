"""Draft: a reward from scratch, the drafts of a generation with an emphasis each."""

from __future__ import annotations

from collections.abc import Sequence

from autoreward.agents.designer import Attempt, Brief, Operator


class DraftOperator:
    """For the first generation, and where there is nothing to start from."""

    name: Operator = "draft"

    def fits(self, brief: Brief) -> bool:
        """Return True: a draft needs nothing."""
        return True

    def parents(self, brief: Brief) -> tuple[Attempt, ...]:
        """Return none."""
        return ()

    def variables(self, brief: Brief, parents: Sequence[Attempt]) -> dict[str, object]:
        """Return nothing: the template chooses the emphasis by the proposal's place."""
        return {}
