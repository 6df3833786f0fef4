"""The trial of a reward in its own jail, before anything is trained: a second or so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoreward.evaluation.transitions import Transitions, imagined
from autoreward.findings import Finding
from autoreward.sandbox.contract import JailFailure
from autoreward.sandbox.jail import Jail
from autoreward.schema import StateSchema

_TOLERANCE = 1e-4
Values = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Trial:
    """What a trial found, and what the components did in it."""

    findings: list[Finding]
    components: dict[str, dict[str, float]] = field(default_factory=dict)
    """Component → mean, std, min, max over the recorded transitions."""
    constant: frozenset[str] = frozenset()
    """Components that never change, neither on recorded nor on imagined states."""
    microseconds: float = 0.0
    """Time per transition, the exchange included."""

    def formula_findings(self, used: Sequence[str]) -> list[Finding]:
        """Return what the trial means for a formula that uses the components `used`."""
        if self.components and set(used) <= self.constant:
            return [
                Finding(
                    "constant",
                    "error",
                    "the reward is constant: no component in the formula ever changes",
                    ", ".join(used),
                    "let a component read the state",
                )
            ]
        return [
            Finding("constant-component", "note", f"component {name!r} never changes")
            for name in used
            if name in self.constant
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {"components": self.components, "microseconds_per_transition": self.microseconds}


def try_reward(
    text: str,
    schema: StateSchema,
    transitions: Transitions,
    jail: Jail,
) -> Trial:
    """Load a reward in a fresh jail and call it on recorded transitions.

    Checks: it loads and runs; values are finite, one per row; the same input
    gives the same answer; a row's value does not depend on the other rows; inputs stay untouched.

    Args:
        text: The reward file.
        schema: The state it sees.
        transitions: Recorded random behaviour.
        jail: Ready, and of no other use afterwards.

    Raises:
        SandboxError: The jail was lost through no fault of the reward.
    """
    try:
        jail.load(text, schema)
        return _probe(jail, schema, transitions)
    except JailFailure as failure:
        return Trial([failure.finding()])


def _probe(jail: Jail, schema: StateSchema, data: Transitions) -> Trial:
    values, _ = jail.call(data.batch(check=True))
    seconds = jail.seconds
    findings = []
    # A learner number of its own gives a reward with memory a fresh one for every probe.
    again, _ = jail.call(replace(data.batch(), learner=1))
    if _differ(values, again):
        findings.append(
            Finding(
                "impure",
                "error",
                "the same input gives different values in two calls",
                _differ(values, again),
                "do not keep state outside `memory` and do not draw random numbers",
            )
        )
    order = np.random.default_rng(0).permutation(data.starts.shape[1])
    mixed, _ = jail.call(replace(data.batch(order), learner=2))
    alone, _ = jail.call(replace(data.batch(order[:1]), learner=3))
    expected = {name: block[:, order] for name, block in values.items()}
    first = {name: block[:, order[:1]] for name, block in values.items()}
    if _differ(expected, mixed) or _differ(first, alone):
        findings.append(
            Finding(
                "batch-mixing",
                "error",
                "a row's value depends on the other rows of the batch",
                _differ(expected, mixed) or _differ(first, alone),
                "reduce over the last dimension (dim=-1) only, never over the batch",
            )
        )
    constant = {name for name, block in values.items() if np.ptp(block) == 0}
    try:
        broad, _ = jail.call(replace(imagined(schema, 8, 64), learner=4))
        constant = {name for name in constant if np.ptp(broad[name]) == 0}
    except JailFailure as failure:
        if jail.ended:
            raise
        text = f"{failure.message} for states drawn from the usual ranges"
        findings.append(
            Finding("overflow", "warning", text, suggestion="guard against extreme states")
        )
    summary = {
        name: {
            "mean": float(block.mean()),
            "std": float(block.std()),
            "min": float(block.min()),
            "max": float(block.max()),
        }
        for name, block in values.items()
    }
    return Trial(findings, summary, frozenset(constant), 1e6 * seconds / data.starts.size)


def _differ(expected: Values, found: Values) -> str:
    """Return which component differs and by how much, an empty string if none does."""
    for name, block in expected.items():
        gap = float(np.abs(block - found[name]).max())
        if gap > _TOLERANCE * (1.0 + float(np.abs(block).max())):
            return f"component {name!r} differs by {gap:.3g}"
    return ""
