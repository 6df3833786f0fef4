"""Rewards that guide nothing: constant, without effect, or without anything learnt from them."""

from __future__ import annotations

import numpy as np

from autoreward.evaluation.analysis.curves import SURE, learnt, noise
from autoreward.evaluation.analysis.record import Record
from autoreward.evaluation.analysis.taxonomy import found
from autoreward.findings import Finding
from autoreward.pointers import Pointer

_FLAT = 0.05
"""Spread of the reward, relative to its mean, below which it pays for whatever is done."""
_NEAR_ZERO = 0.01
_PART = 0.01
"""Share of the reward's size below which a component has no say."""


def flooding(record: Record) -> Finding | None:
    """Find a reward that hardly varies, neither over training nor within the validation episodes.

    Only where the policy is no better than none: a task that is done may well pay the same at
    every step.
    """
    curve = record.curve("reward")
    if len(curve) < 4 or not record.no_better:
        return None
    mean = abs(float(curve.mean()))
    spread = float(np.ptp(curve))
    steps = record.episodes.reward
    if steps is not None:
        spread = max(spread, float(steps[record.episodes.alive].std()))
    if mean == 0.0 or spread >= _FLAT * mean:
        return None
    count = len(curve)
    pointers = [Pointer("reward", "min", 1, count), Pointer("reward", "max", 1, count)]
    row = int(np.argmax(record.episodes.length))
    last = int(record.episodes.length[row]) - 1
    pointers.append(Pointer("reward", "std", 0, last, row))
    return found(
        record,
        "flooding",
        "the reward is nearly the same whatever is done, so nothing can be learnt from it",
        pointers,
        "take out the constant part, or make it depend on progress",
    )


def weak_shaping(record: Record) -> list[Finding]:
    """Find components of the formula that are near zero in all snapshots and have no say."""
    result = []
    size = _sizes(record)
    for name in record.components:
        entries = [s["components"][name] for s in record.snapshots if name in s["components"]]
        small = all(abs(e["mean"]) < _NEAR_ZERO and e["std"] < _NEAR_ZERO for e in entries)
        if not entries or not small or size.get(name, 0.0) > _PART * sum(size.values()):
            continue
        count = len(record.snapshots)
        quantity = f"component:{name}"
        pointers = [Pointer(quantity, "mean", 1, count), Pointer(quantity, "max", 1, count)]
        never = all(e["max"] == 0.0 and e["min"] == 0.0 for e in entries)
        state = "0 at every step" if never else "near zero"
        result.append(
            found(
                record,
                "weak-shaping",
                f"component {name} is {state} all through training: it guides nothing",
                pointers,
                "widen its margin or pay for the way there, or take it out",
            )
        )
    return result


def stall(record: Record) -> Finding | None:
    """Find a training whose second half changed neither reward nor fitness, while that is poor."""
    reward, fitness, start = learnt(record)
    if len(reward) < 8 or not record.no_better:
        return None
    if not (_still(reward) and _still(fitness)):
        return None
    half, count = start + len(reward) // 2 + 1, len(record.snapshots)
    primary = f"fitness:{record.primary.name}"
    pointers = [Pointer(quantity, "first", half, count) for quantity in (primary, "reward")]
    pointers += [Pointer(quantity, "last", half, count) for quantity in (primary, "reward")]
    return found(
        record,
        "stall",
        "nothing was learnt in the second half of training, and "
        f"{record.primary.name} is no better than doing nothing or acting at random",
        pointers,
        "give a slope where the policy is: a reward that rises already for small progress",
        "note",
    )


def _still(values: np.ndarray) -> bool:
    """Return whether third and fourth quarter of a curve are alike."""
    half = len(values) // 2
    quarter = half + (len(values) - half) // 2
    third, fourth = values[half:quarter], values[quarter:]
    error = noise(values) * float(np.sqrt(1.0 / len(third) + 1.0 / len(fourth)))
    change = abs(float(fourth.mean() - third.mean()))
    return change <= max(0.5 * SURE * error, 0.05 * float(np.ptp(values)))


def _sizes(record: Record) -> dict[str, float]:
    """Return the size of each component's part in the reward; empty where that is unknown."""
    if record.weights is None:
        return {}
    return {
        name: abs(weight) * float(np.abs(record.curve(f"component:{name}")).max(initial=0.0))
        for name, weight in record.weights.items()
    }
