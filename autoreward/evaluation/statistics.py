"""How good, and how sure: means of episodes nested in training seeds, with bootstrap intervals.

The training seed is what varies most between two trainings of one reward, so a hundred episodes of
one policy say little about the reward. Intervals therefore resample seeds first, then episodes
within a seed (cluster bootstrap; Davison & Hinkley 1997, section 3.8; for RL: Agarwal et al. 2021).
With two or three seeds such an interval is hardly wider than the range of the seeds' means and
covers less often than its level says: print the number of seeds beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

_NOISE = 2.0
"""Variance between trainings of one reward, relative to that between the rewards of a search.

From 0.04 among drafts to 13 among what a search trains: benchmarks/results/learning_search.md.
"""
Groups = Sequence[Sequence[float]]
"""One sequence of episode values per training seed."""


@dataclass(frozen=True)
class Estimate:
    """A mean and how sure it is."""

    mean: float
    """Mean over training seeds of each seed's mean over episodes."""
    low: float
    high: float
    """Bounds of the bootstrap interval."""
    standard_error: float
    """Of the mean, from the spread between seeds; with one seed, between its episodes; 0 for a
    single value, of which nothing is known."""
    episodes: int
    """Values in all."""
    seeds: int
    """Training seeds."""

    def to_dict(self) -> dict[str, Any]:
        """Return the form of the commands' JSON: mean, interval, seeds."""
        return {"mean": self.mean, "interval": [self.low, self.high], "seeds": self.seeds}


def estimate(
    groups: Groups, *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Estimate:
    """Estimate a mean from episodes nested in training seeds.

    Args:
        groups: One sequence of episode values per training seed; each seed weighs the same, however
            many episodes it has. With one seed the interval is over its episodes alone.
        level: Coverage the interval aims at.
        resamples: Bootstrap samples.
        seed: Of the resampling; the same values give the same interval.

    Raises:
        ValueError: No values, an empty group, or a value that is not finite.
    """
    arrays = [_values(group) for group in groups]
    if not arrays:
        raise ValueError("nothing to estimate from: there are no values")
    means = np.array([array.mean() for array in arrays])
    spread = means if len(arrays) > 1 else arrays[0]
    error = float(spread.std(ddof=1)) / math.sqrt(len(spread)) if len(spread) > 1 else 0.0
    low, high = _interval(_resampled_means(arrays, resamples, seed), level)
    return Estimate(
        mean=float(means.mean()),
        low=low,
        high=high,
        standard_error=error,
        episodes=sum(map(len, arrays)),
        seeds=len(arrays),
    )


def bootstrap_interval(
    values: Sequence[float], *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile bootstrap interval (Efron 1979) of the mean of independent values.

    Raises:
        ValueError: No values, or one that is not finite.
    """
    return _interval(_resampled_means([_values(values)], resamples, seed), level)


def paired_difference(
    a: Groups, b: Groups, *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Estimate:
    """Estimate how much better `a` is than `b`, both measured on the same seeds and start states.

    Args:
        a: One sequence of episode values per training seed.
        b: The same number of seeds and episodes, in the same order: value j of seed i of `a` is
            compared with value j of seed i of `b`.
        level: Coverage the interval aims at.
        resamples: Bootstrap samples.
        seed: Of the resampling.

    Raises:
        ValueError: The two do not pair up, or as `estimate`.
    """
    if [len(group) for group in a] != [len(group) for group in b]:
        raise ValueError("a paired comparison needs the same seeds and episodes on both sides")
    differences = [_values(x) - _values(y) for x, y in zip(a, b, strict=True)]
    groups = [difference.tolist() for difference in differences]
    return estimate(groups, level=level, resamples=resamples, seed=seed)


def shrunken(means: Sequence[tuple[float, int]]) -> list[float]:
    """Return each mean drawn towards the middle of all, the more so the fewer values it is of.

    As Stein's estimator (Efron & Morris 1975): `middle + n / (n + noise) * (mean - middle)`, with n
    values behind the mean, each as noisy as `_NOISE` says. The middle is the median, which one
    training gone wrong does not move.

    Args:
        means: A mean and its number of values, each.
    """
    middle = median(mean for mean, _ in means) if means else 0.0
    return [middle + count / (count + _NOISE) * (mean - middle) for mean, count in means]


def lower_confidence(value: Estimate, direction: Literal["max", "min"] = "max") -> float:
    """Return the cautious score that candidates are ranked by: more is better.

    It is mean − standard error where more is better, and −(mean + standard error) where less is.
    """
    signed = value.mean if direction == "max" else -value.mean
    return signed - value.standard_error


def disjoint(a: Estimate, b: Estimate) -> bool:
    """Return whether the intervals do not touch; never for an interval made from a single value."""
    if a.episodes < 2 or b.episodes < 2:
        return False
    return a.low > b.high or b.low > a.high


def _values(values: Sequence[float]) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size:
        raise ValueError("nothing to estimate from: a training seed has no values")
    if not np.isfinite(array).all():
        raise ValueError("cannot estimate from values that are not finite")
    return array


def _resampled_means(
    arrays: Sequence[NDArray[np.float64]], resamples: int, seed: int
) -> NDArray[np.float64]:
    """Return bootstrap means, seeds drawn first, then episodes of each drawn seed. Shape: [R]."""
    generator = np.random.default_rng(seed)
    sizes = np.array([len(array) for array in arrays])
    offsets = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    values = np.concatenate(arrays)
    total = np.zeros(resamples)
    for _ in arrays:  # one drawn seed after the other, all resamples at once
        drawn = generator.integers(len(arrays), size=resamples)
        size = sizes[drawn]
        episode = (generator.random((resamples, sizes.max())) * size[:, None]).astype(np.int64)
        used = np.arange(sizes.max()) < size[:, None]
        total += np.where(used, values[offsets[drawn][:, None] + episode], 0.0).sum(1) / size
    means: NDArray[np.float64] = total / len(arrays)
    return means


def _interval(means: NDArray[np.float64], level: float) -> tuple[float, float]:
    if not 0 < level < 1:
        raise ValueError(f"an interval's level is between 0 and 1, not {level}")
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
