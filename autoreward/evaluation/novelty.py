"""Whether a reward is new, before it is trained: the same file, the same idea, the same values.

And how far two rewards are apart as aims (`reward_distance`), which is shown, never decided by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoreward.evaluation.checks.case import Case
from autoreward.evaluation.checks.material import SHUFFLED
from autoreward.evaluation.checks.trial import Trial
from autoreward.findings import Finding
from autoreward.rewards.distance import Distance, starc_distance
from autoreward.rewards.formula import Formula

Array = NDArray[np.float32]
OF_ONE_SKELETON = 3
"""Rewards that may differ in numbers alone, each asked of a model."""
_MOVES_NUMBERS = frozenset({"sample", "tune", "vary", "ablate", "graft"})
"""Operators that are there to try other numbers, or cost nothing to ask."""
_BLOCKS = ("recorded", "imagined", "ends")
"""What values are compared on. Random behaviour alone would not do: rewards for something that it
never reaches are all 0 there."""


@dataclass(frozen=True)
class Known:
    """What has to be known of a reward to find its twins."""

    id: str
    """Hash of its normal form."""
    skeleton: str
    """Equal for rewards that differ in numbers alone."""
    fingerprint: Array | None = None
    """None where its values are not known."""
    operator: str = ""
    """How it was made."""
    score: float | None = None
    """Mean of the primary fitness, in its own unit and sign; None while it is not trained."""


@dataclass(frozen=True)
class Twin:
    """An earlier reward that makes a new one needless, and what to tell who wrote that."""

    known: Known
    same: bool
    """Whether it is the very same reward but for names and layout."""
    finding: Finding


def reward_values(trial: Trial, formula: Formula) -> Array | None:
    """Return a reward on recorded transitions and on states drawn from the usual ranges, [rows].

    Of two rewards of one run the rows are the same ones.

    Returns:
        None where the components failed.
    """
    if not trial.answers:
        return None
    case = Case(trial, formula)
    return np.concatenate([case.reward(b).ravel() for b in _BLOCKS if b in trial.answers])


def fingerprint(values: Array) -> Array:
    """Return values [rows] divided by their root mean square; zeros where that is 0.

    The scale of a reward is its learner's business. Its zero is not: where episodes end early a
    constant more for every step is another aim, so nothing is subtracted.
    """
    size = float(np.sqrt(np.square(values, dtype=np.float64).mean())) if len(values) else 0.0
    return np.asarray(values / size if size > 0 else np.zeros_like(values), dtype=np.float32)


def same_behaviour(first: Array, second: Array, tol: float = 1e-6) -> bool:
    """Return whether two fingerprints agree up to rounding.

    Never for ones that are the same number everywhere: such rewards pay for something that is
    nowhere among the rows, and nothing is known of what.

    Args:
        first: Of `fingerprint`.
        second: Of `fingerprint`.
        tol: Greatest difference, as a share of the greatest value.
    """
    if first.shape != second.shape or not len(first):
        return False
    size = float(np.abs(first).max())
    if np.ptp(first) <= tol * size:
        return False
    return float(np.abs(first - second).max()) <= tol * size


def novelty(new: Known, known: Sequence[Known], k: int = OF_ONE_SKELETON) -> Twin | None:
    """Return the earlier reward that makes a new one needless, None if it is worth a training.

    That is one of the same normal form; one of the same values, up to scale; or, unless the new
    one was made by an operator that asks no model, one of the k that differ from it in numbers
    alone.

    Args:
        new: The reward, checked but not trained.
        known: The rewards of the run.
        k: How many may differ in numbers alone, the first included; those that no model was asked
            for do not count.
    """
    for other in known:
        if other.id == new.id:
            return Twin(other, True, _finding("duplicate", "the same reward as", other))
    alike = [other for other in known if _alike(new, other)]
    if alike:
        best = max(alike, key=_rank)
        return Twin(best, False, _finding("duplicate", "the same values as", best))
    related = [o for o in known if o.skeleton == new.skeleton and o.operator not in _MOVES_NUMBERS]
    if new.operator not in _MOVES_NUMBERS and len(related) >= k:
        best = max(related, key=_rank)
        return Twin(best, False, _finding("only-numbers", "only numbers differ from", best))
    return None


def reward_distance(
    first: Trial, formula: Formula, second: Trial, other_formula: Formula
) -> Distance | None:
    """Return how far two rewards are apart as aims, with the controls.

    Args:
        first: Trial of one reward's components.
        formula: Over them.
        second: Trial of the other's, on the same material.
        other_formula: Over those.

    Returns:
        None where one of them failed, or gives no finite numbers for transitions that never
        happened.
    """
    if SHUFFLED not in first.answers or SHUFFLED not in second.answers:
        return None
    ground = first.material.shuffled
    values = (Case(first, formula).reward(SHUFFLED), Case(second, other_formula).reward(SHUFFLED))
    if not all(np.isfinite(value).all() for value in values):
        return None
    return starc_distance(ground.asked(values[0]), ground.asked(values[1]), ground.ground)


def _alike(new: Known, other: Known) -> bool:
    if new.fingerprint is None or other.fingerprint is None:
        return False
    return same_behaviour(new.fingerprint, other.fingerprint)


def _rank(known: Known) -> bool:
    """Trained ones first, the oldest of them: `max` keeps the first of equals."""
    return known.score is not None


def _finding(code: str, what: str, twin: Known) -> Finding:
    reached = "is not trained yet" if twin.score is None else f"reached {twin.score:.4g}"
    message = f"{what} reward {twin.id}, which {reached}: change the idea"
    return Finding(code, "error", message, suggestion="measure something else, or combine it anew")
