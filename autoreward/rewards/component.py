"""What is known about a component of a reward file without running it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ComponentSource:
    """One component: a public function `(state, action, next_state) -> Tensor[B]`."""

    name: str
    doc: str
    """First paragraph of its docstring, "" without one."""
    line: int
    """1-based line of its `def` (or of its dict key in a `compute_reward` file)."""
    reads: frozenset[str]
    """Which of `state`, `action` and `next_state` it may read, through helpers too."""
    memory: bool
    """Whether it takes the fourth argument, so that its value depends on the steps before."""
    state_fields: frozenset[str]
    """Names read as `state.NAME` or `next_state.NAME`, through helpers too."""
