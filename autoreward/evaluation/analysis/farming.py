"""Reward against fitness: farmed rewards, and rewards that were followed for too long."""

from __future__ import annotations

import numpy as np

from autoreward.evaluation.analysis.curves import (
    SURE,
    end_points,
    learnt,
    rise,
    smoothed,
    step_error,
)
from autoreward.evaluation.analysis.ending import early_end
from autoreward.evaluation.analysis.record import Record, Values
from autoreward.evaluation.analysis.taxonomy import found
from autoreward.findings import Finding
from autoreward.pointers import Pointer

_WINDOW = 0.05
"""Share of the horizon that the most paid stretch of an episode is long."""
_LOST = 0.25
"""Share of the fitness's range over training that is lost when a peak is passed."""
_WANDER = 1.5
_EFFORT = 0.8
"""Correlation with the squared action from which a cost is one of effort."""
_LEAST_POINTS = 6


def reward_hacking(record: Record) -> Finding | None:
    """Find a reward that rose clearly while the fitness stayed where no learning is needed.

    The fitness must be at the level of the zero and the random policy in validation, and must not
    have risen in training either. Lives that end early because that pays are `early-end`, and a
    policy that has only learnt to save effort so far farms nothing.
    """
    reward, fitness, start = learnt(record)
    if len(reward) < 4 or not record.no_better or not rise(reward)[1]:
        return None
    gained, risen = rise(fitness)
    if (risen and gained > record.in_totals(record.clear_gap)) or early_end(record):
        return None
    name = farmed_component(record, start)
    if name and _only_effort(record, name):
        return None
    episode, first, last = most_paid(record, name)
    quantity = f"component:{name}" if name else "reward"
    primary = f"fitness:{record.primary.name}"
    count = len(record.snapshots)
    pointers = [
        Pointer(quantity, "mean", first, last, episode),
        Pointer(primary, "mean", first, last, episode),
        Pointer("reward", "last", start + 1, count),
        Pointer("reward", "first", start + 1, count),
        Pointer(primary, "last", start + 1, count),
    ]
    what = f"component {name}" if name else "the reward"
    return found(
        record,
        "reward-hacking",
        f"{what} is farmed: the reward of an episode rose over training while "
        f"{record.primary.name} is no better than doing nothing or acting at random",
        pointers,
        f"pay {name or 'it'} only together with progress on {record.primary.name} "
        "(gate or product), or drop it",
    )


def over_optimisation(record: Record) -> Finding | None:
    """Find a fitness that rose, then fell below its maximum while the reward went on rising.

    As in Gao et al. 2023 ("Scaling Laws for Reward Model Overoptimization"), with the noise of the
    curves taken from neighbouring points. A fall counts if it exceeds `SURE` standard errors, a
    quarter of the range, and half again the largest dip before the peak or rebound after it, as
    curves wander; the reward's rise after the peak, if it exceeds as many errors and a tenth.
    """
    reward, fitness, start = learnt(record)
    if len(fitness) < _LEAST_POINTS:
        return None
    even, paid = smoothed(fitness), smoothed(reward)
    last = end_points(fitness)
    peak = int(np.argmax(even))
    if peak > len(even) - last or even[peak] - even[0] <= SURE * step_error(fitness):
        return None
    loss = float(even[peak] - fitness[-last:].mean())
    per_step = record.sign * record.curve(f"fitness:{record.primary.name}")[start:]
    step_loss = float(smoothed(per_step)[peak] - per_step[-last:].mean())
    gain = float(reward[-last:].mean() - paid[peak])
    wander = max(_largest_rise(-even[: peak + 1]), _largest_rise(even[peak:]))
    if loss <= max(SURE * step_error(fitness), _LOST * float(np.ptp(even)), _WANDER * wander):
        return None
    if gain <= SURE * step_error(reward) or gain < 0.1 * float(np.ptp(paid)) or step_loss <= 0:
        return None
    at, count = start + peak + 1, len(record.snapshots)
    primary = f"fitness:{record.primary.name}"
    pointers = [
        Pointer(quantity, "mean", first, end)
        for quantity in (primary, "reward")
        for first, end in ((max(start + 1, at - 1), at + 1), (count - last + 1, count))
    ]
    steps = record.snapshots[at - 1].get("steps")
    error = step_error(fitness) / record.in_totals(1.0)
    return found(
        record,
        "over-optimisation",
        f"{record.primary.name} was best at snapshot {at} of {count} ({steps:,} steps) and got "
        f"worse by {loss / record.in_totals(1.0):.3g} after it (standard error {error:.2g}) "
        "while the reward went on rising",
        pointers,
        "find the component that rises after that snapshot and bound it, or stop training there",
    )


def _only_effort(record: Record, name: str) -> bool:
    """Return whether a component is a cost that goes with the size of the actions."""
    table, alive = record.episodes.components.get(name), record.episodes.alive
    if table is None or record.weights is None or record.weights[name] >= 0:
        return False
    effort = np.square(record.episodes.action.astype(np.float64)).sum(axis=-1)
    return correlation(table[alive], effort[alive]) > _EFFORT


def _largest_rise(values: Values) -> float:
    """Return by how much a curve comes above an earlier point of itself at most."""
    return float((values - np.minimum.accumulate(values)).max())


def best_snapshot(record: Record) -> int | None:
    """Return the number of the snapshot at which an average episode's fitness was best."""
    _, fitness, start = learnt(record)
    return start + int(np.argmax(smoothed(fitness))) + 1 if len(fitness) >= 3 else None


def farmed_component(record: Record, start: int = 0) -> str | None:
    """Return the component whose part of an episode's reward grew most over training.

    Where the reward is no weighted sum: the one with the largest share whose mean moved with the
    reward. None where there is no component.
    """
    names = record.components
    if not names or len(record.snapshots) - start < 4:
        return names[0] if len(names) == 1 else None
    length = record.curve("length")[start:]
    length = np.where(np.isnan(length), record.task.horizon, length)
    means = {name: record.curve(f"component:{name}")[start:] for name in names}
    if record.weights is not None:
        weights = record.weights
        grown = {name: rise(weights[name] * means[name] * length)[0] for name in names}
    else:
        shares = record.snapshots[-1]["components"]
        reward = record.curve("reward")[start:]
        grown = {n: shares[n]["share"] * abs(correlation(means[n], reward)) for n in names}
    return max(grown, key=lambda name: grown[name])


def most_paid(record: Record, component: str | None) -> tuple[int, int, int]:
    """Return (episode, first step, last step) of the stretch in which the reward is farmed most.

    It is that of the greatest mean of the component, in the direction in which it pays, or of the
    reward where the component is the same everywhere; the longest episode's start where neither
    is recorded.
    """
    episodes = record.episodes
    width = max(1, round(_WINDOW * record.task.horizon))
    table = episodes.components.get(component or "", episodes.reward)
    if table is not None and np.ptp(table[episodes.alive]) < 1e-6:
        table = episodes.reward
    if table is None:
        row = int(np.argmax(episodes.length))
        return row, 0, max(0, min(width, int(episodes.length[row])) - 1)
    falling = record.weights is not None and record.weights.get(component or "", 1.0) < 0
    best, place = -np.inf, (0, 0, 0)
    for row in range(episodes.count):
        length = int(episodes.length[row])
        span = min(width, length)
        if not span:
            continue
        series = table[:length, row].astype(np.float64) * (-1.0 if falling else 1.0)
        sums = np.concatenate([[0.0], np.cumsum(series)])
        means = (sums[span:] - sums[:-span]) / span
        first = int(np.argmax(means))
        # A longer life with the same pay is farmed more, so short lives do not win by a hair.
        value = float(means[first]) * (1.0 if means[first] < 0 else span / width)
        if value > best + 1e-9:
            best, place = value, (row, first, first + span - 1)
    return place


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return Pearson's correlation; 0 where one of the two does not vary."""
    known = np.isfinite(a) & np.isfinite(b)
    a, b = a[known].astype(np.float64), b[known].astype(np.float64)
    if len(a) < 3 or any(np.ptp(x) <= 1e-6 * np.abs(x).max() for x in (a, b)):
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
