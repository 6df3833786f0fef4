"""Noisy training curves: smoothing, the size of the noise, and what counts as a rise."""

from __future__ import annotations

import numpy as np

from autoreward.evaluation.analysis.record import Record, Values

SURE = 4.0
"""Standard errors that a change must exceed: the peak of many noisy points is high by chance."""
_LAST = 0.2
"""Share of the curve that stands for its end."""


def smoothed(values: Values) -> Values:
    """Return a centred running mean over a twelfth of the curve (3 points at least)."""
    half = max(1, len(values) // 24)
    return np.array([values[max(0, i - half) : i + half + 1].mean() for i in range(len(values))])


def noise(values: Values) -> float:
    """Return the standard deviation of one point, from the differences of neighbours.

    The median of their sizes: a step in the curve is no noise. (Differences of neighbours have
    sqrt(2) times a point's deviation; 0.6745 is the median of a standard normal's size.)
    """
    if len(values) < 3:
        return 0.0
    differences = np.diff(values)
    centred = np.abs(differences - np.median(differences))
    return float(np.median(centred) / 0.6745 / np.sqrt(2.0))


def end_points(values: Values) -> int:
    """Return how many points stand for the end of a curve."""
    return max(2, round(_LAST * len(values)))


def step_error(values: Values) -> float:
    """Return the standard error of the end's mean less a smoothed point."""
    window = 2 * max(1, len(values) // 24) + 1
    return noise(values) * float(np.sqrt(1.0 / end_points(values) + 1.0 / window))


def rise(values: Values) -> tuple[float, bool]:
    """Return by how much a curve ends above its start, and whether that is clear.

    Clear is more than the error allows and at least half of the curve's whole range.
    """
    if len(values) < 4:
        return 0.0, False
    even = smoothed(values)
    gain = float(values[-end_points(values) :].mean() - even[0])
    clear = gain > SURE * step_error(values) and gain >= 0.5 * float(np.ptp(even)) > 0.0
    return gain, clear


def learnt(record: Record) -> tuple[Values, Values, int]:
    """Return reward and fitness of an average episode from the snapshot on that can be compared.

    Returns:
        The two curves (higher fitness is better) and how many snapshots were left out before them.
    """
    start = record.learnt_until
    reward, fitness = record.totals()
    return reward[start:], fitness[start:], start
