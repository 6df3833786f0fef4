"""Checks of the reward as a whole: what a formula makes of the components of a trial."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from autoreward.errors import did_you_mean
from autoreward.evaluation.checks.case import COST, EFFORT, LIVED, PROBES, Case, words
from autoreward.evaluation.checks.payment import EarlyEnd, Flooding, StandingStill
from autoreward.evaluation.checks.signs import CostSign, EffortSign, MeaningSign
from autoreward.evaluation.checks.trial import Trial
from autoreward.findings import Finding, has_error
from autoreward.rewards.formula import Binary, Component, Formula, Node, Number, Unary
from autoreward.rewards.indicators import indicators
from autoreward.sandbox.jail import MAX_ABSOLUTE

DOMINATING = 0.99
"""Share of the reward's spread beyond which one component dominates."""


class FormulaCheck(Protocol):
    """Looks at one reward as a whole."""

    def find(self, case: Case) -> Iterator[Finding]:
        """Yield what is wrong."""


class NotFinite:
    """The formula's value is NaN, infinite or absurdly large."""

    def find(self, case: Case) -> Iterator[Finding]:
        """See `FormulaCheck`."""
        for block in (*LIVED, *PROBES):
            if block not in case.answers:
                continue
            reward = case.reward(block)
            bad = float((~(np.abs(reward) <= MAX_ABSOLUTE)).mean())
            if not bad:
                continue
            fix = "bound what can grow (clip, tanh) and keep divisors away from 0"
            if block in LIVED:
                message = f"the reward is not finite or beyond {MAX_ABSOLUTE:g} in {bad:.1%} of the"
                yield Finding("bad-values", "error", f"{message} recorded steps", block, fix)
            else:
                message = f"the reward is not finite or beyond {MAX_ABSOLUTE:g} for extreme states"
                severity = "note" if block == "beyond" else "warning"
                yield Finding("overflow", severity, message, block, fix)  # type: ignore[arg-type]
            return


class ConstantReward:
    """Every behaviour is paid alike: there is nothing to learn."""

    def find(self, case: Case) -> Iterator[Finding]:
        """See `FormulaCheck`."""
        blocks = [block for block in (*LIVED, *PROBES) if block in case.answers]
        if any(np.ptp(case.reward(block)) > 0 for block in blocks) or not set(blocks) & set(PROBES):
            return
        used = ", ".join(case.formula.components)
        if set(case.formula.components) & indicators(case.source):
            message = "nothing recorded or drawn from the usual ranges changes the reward"
            fix = "add a graded component that leads to what the indicators ask for"
            yield Finding("constant", "warning", message, used, fix)
        else:
            message = "the reward is constant: no component in the formula ever changes it"
            yield Finding("constant", "error", message, used, "let a component read the state")


class Dominating:
    """One component makes nearly all of the spread, so the others say nothing.

    Only terms of a sum are compared. Costs of effort are meant to be small, and indicators to be
    rare: they are not counted.
    """

    def find(self, case: Case) -> Iterator[Finding]:
        """See `FormulaCheck`."""
        recorded, rare = case.answers["recorded"].components, indicators(case.source)
        main = [
            name
            for name in dict.fromkeys(terms(case.formula.root))
            if not words(name) & (EFFORT | COST) and name not in rare and np.ptp(recorded[name]) > 0
        ]
        if len(main) < 2 or "zero" not in case.answers:
            return
        largest: set[str] = set()
        least = 1.0
        for block in LIVED:
            if block not in case.answers:
                continue
            spread = {name: self._spread(case, block, name) for name in main}
            total = sum(spread.values())
            if total <= 0:
                return
            name = max(spread, key=lambda part: spread[part])
            largest.add(name)
            least = min(least, spread[name] / total)
        if len(largest) == 1 and least > DOMINATING:
            (name,) = largest
            rest = ", ".join(other for other in main if other != name)
            yield Finding(
                "dominating",
                "warning",
                f"component {name!r} makes nearly all of the reward's spread: {rest} hardly count",
                f"at least {least:.1%} of the spread in every recorded behaviour",
                "bring the components to one scale, each in [0, 1], and let the formula weigh them",
            )

    def _spread(self, case: Case, block: str, name: str) -> float:
        """Return the reward's standard deviation when only `name` varies in the block."""
        others = {
            other: np.full_like(values, case.steps(block, values).mean())
            for other, values in case.answers[block].components.items()
            if other != name
        }
        return float(case.steps(block, case.reward_with(block, others)).std())


def terms(node: Node) -> Iterator[str]:
    """Yield the components that stand alone in a term of a sum, whatever their number."""
    match node:
        case Component(name=name):
            yield name
        case Unary(operand=operand):
            yield from terms(operand)
        case Binary(operator="+" | "-", left=left, right=right):
            yield from terms(left)
            yield from terms(right)
        case Binary(operator="*", left=Number(), right=other) | Binary(left=other, right=Number()):
            yield from terms(other)


CHECKS: tuple[FormulaCheck, ...] = (
    ConstantReward(),
    Dominating(),
    EffortSign(),
    CostSign(),
    MeaningSign(),
    Flooding(),
    StandingStill(),
    EarlyEnd(),
)


def formula_findings(trial: Trial, formula: Formula) -> list[Finding]:
    """Return what the checks find in a formula over the components of a trial.

    Nothing where the components failed; the trial's own findings say so.
    """
    if not trial.answers:
        return []
    known = trial.answers["recorded"].components
    for name in formula.components:
        if name not in known:  # only a `compute_reward` file can come here with one
            message = f"there is no component {name!r}{did_you_mean(name, known)}"
            return [Finding("unknown-name", "error", message, "FORMULA")]
    case = Case(trial, formula)
    found = list(NotFinite().find(case))
    if has_error(found):
        return found  # no number to judge
    return found + [finding for check in CHECKS for finding in check.find(case)]
