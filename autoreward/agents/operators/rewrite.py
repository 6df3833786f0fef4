"""Rewrite: the same idea of the task, measured by other means."""

from __future__ import annotations

from collections.abc import Sequence

from autoreward.agents.designer import Attempt, Brief, Operator
from autoreward.agents.operators.faults import hack
from autoreward.agents.operators.turns import in_turn

_STALLS = 2


class RewriteOperator:
    """For a parent that small changes do not help: it stalled twice, or it is being hacked."""

    name: Operator = "rewrite"

    def fits(self, brief: Brief) -> bool:
        """Return whether the parent whose turn it is needs other measures."""
        return bool(brief.history) and bool(_reason(brief, in_turn(brief)))

    def parents(self, brief: Brief) -> tuple[Attempt, ...]:
        """Return the parent whose turn it is."""
        return (in_turn(brief),)

    def variables(self, brief: Brief, parents: Sequence[Attempt]) -> dict[str, object]:
        """Return `reason`: why the parent's measures do not do."""
        return {"reason": _reason(brief, parents[0])}


def _reason(brief: Brief, attempt: Attempt) -> str:
    """Return why an attempt needs other measures, '' if it does not."""
    if found := hack(attempt):
        return f"its reward is earned without the task: {found}"
    ids = [other.id for other in brief.history]  # best first
    children = [other for other in brief.history if attempt.id in other.parents]
    if len(children) >= _STALLS and ids.index(attempt.id) < ids.index(children[0].id):
        named = ", ".join(child.id for child in children)
        return f"{len(children)} rewards were made from it ({named}), and none of them is better"
    line = [attempt, *(other for other in brief.history if other.id in attempt.parents)]
    if sum(any(f.code == "stall" for f in other.findings) for other in line) >= _STALLS:
        return "learning stalled with it and with a parent of it, too"
    return ""
