"""How good over many tasks and runs: interquartile mean, probability of improvement, intervals.

Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice", on
numpy alone: their library brings scipy, pandas, seaborn and arch along for these few lines.

A stratum holds one value per run of one task. The bootstrap draws runs again within each task, so
no resample lacks a task. With few runs such an interval is too narrow: print their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Strata = Sequence[Sequence[float]]
"""One sequence of values per task, one value per run."""

_TRIMMED = 0.25
"""Share of all values that the interquartile mean drops at either end."""


@dataclass(frozen=True)
class Aggregate:
    """A number over all tasks and runs, and how sure it is."""

    value: float
    low: float
    high: float
    """Bounds of the stratified bootstrap interval."""
    runs: int
    """Runs behind it."""

    def to_dict(self) -> dict[str, Any]:
        """Return the form of the commands' JSON: value, interval, runs."""
        return {"value": self.value, "interval": [self.low, self.high], "runs": self.runs}


def interquartile_mean(
    strata: Strata, *, level: float = 0.95, resamples: int = 5000, seed: int = 0
) -> Aggregate:
    """Return the mean of the middle half of all values (the 25 % trimmed mean).

    It is as robust as the median, and as little noisy as the mean. Of n values, the ⌊n/4⌋ smallest
    and the ⌊n/4⌋ largest are dropped.

    Args:
        strata: Scores that can be compared across tasks, e.g. human-normalised ones.
        level: Coverage the interval aims at.
        resamples: Bootstrap samples.
        seed: Of the resampling; the same values give the same interval.

    Raises:
        ValueError: No values, a task without values, or a value that is not finite.
    """
    arrays = _arrays(strata)
    generator = np.random.default_rng(seed)
    drawn = [_drawn(array, resamples, generator) for array in arrays]
    value = float(_middle(np.concatenate(arrays)[None, :])[0])
    return _aggregate(value, _middle(np.concatenate(drawn, axis=1)), arrays, level)


def probability_of_improvement(
    ours: Strata, theirs: Strata, *, level: float = 0.95, resamples: int = 5000, seed: int = 0
) -> Aggregate:
    """Return how likely one of our runs is better than one of theirs, on a task drawn evenly.

    Per task it is the share of pairs in which ours has more, ties counting half (Mann and Whitney
    1947); over tasks, the mean. It needs no common scale of the tasks.

    Args:
        ours: Values per task; more is better.
        theirs: Values of the same tasks in the same order.
        level: Coverage the interval aims at.
        resamples: Bootstrap samples; both sides are drawn again, each for itself.
        seed: Of the resampling.

    Raises:
        ValueError: Not the same number of tasks, or as `interquartile_mean`.
    """
    mine, other = _arrays(ours), _arrays(theirs)
    if len(mine) != len(other):
        raise ValueError("both sides need values of the same tasks")
    generator = np.random.default_rng(seed)
    value = np.mean([_wins(a[None, :], b[None, :])[0] for a, b in zip(mine, other, strict=True)])
    samples = [
        _wins(_drawn(a, resamples, generator), _drawn(b, resamples, generator))
        for a, b in zip(mine, other, strict=True)
    ]
    return _aggregate(float(value), np.mean(samples, axis=0), mine, level)


def _arrays(strata: Strata) -> list[NDArray[np.float64]]:
    arrays = [np.asarray(values, dtype=np.float64) for values in strata]
    if not arrays or not all(array.ndim == 1 and array.size for array in arrays):
        raise ValueError("nothing to aggregate: a task has no values")
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError("cannot aggregate values that are not finite")
    return arrays


def _drawn(
    array: NDArray[np.float64], resamples: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Return runs of one task drawn with replacement. Shape: [resamples, runs]."""
    return array[generator.integers(len(array), size=(resamples, len(array)))]


def _middle(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the trimmed mean of each row. Shapes: [R, n] to [R]."""
    count = values.shape[1]
    cut = int(_TRIMMED * count)
    means: NDArray[np.float64] = np.sort(values, axis=1)[:, cut : count - cut].mean(axis=1)
    return means


def _wins(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of pairs that ours win, ties half. Shapes: [R, n], [R, m] to [R]."""
    signs = np.sign(ours[:, :, None] - theirs[:, None, :])
    share: NDArray[np.float64] = 0.5 + 0.5 * signs.mean(axis=(1, 2))
    return share


def _aggregate(
    value: float,
    samples: NDArray[np.float64],
    arrays: Sequence[NDArray[np.float64]],
    level: float,
) -> Aggregate:
    if not 0 < level < 1:
        raise ValueError(f"an interval's level is between 0 and 1, not {level}")
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
    return Aggregate(value, float(low), float(high), sum(map(len, arrays)))
