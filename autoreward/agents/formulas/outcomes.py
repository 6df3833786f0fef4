"""What became of a formula: the validation feedback that the formula policy is trained by."""

from __future__ import annotations

from dataclasses import dataclass

from autoreward.agents.formulas.parts import Part


@dataclass(frozen=True)
class Outcome:
    """One formula and how it did. Groups of outcomes are compared within themselves."""

    formula: str
    parts: tuple[Part, ...]
    """The components that it could use."""
    scores: tuple[float, ...] = ()
    """Mean primary fitness on validation seeds at each rung it reached, the lowest first, its sign
    turned where lower is better. Scores of different rungs are never compared."""
    errors: tuple[float, ...] = ()
    """Their standard errors."""
    degenerate: bool = False
    """Whether it said nothing or broke: refused, constant, or its training failed. It then counts
    as worse than every other formula of its group."""
